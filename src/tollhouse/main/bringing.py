"""Subscribers of another platform brought over: read in a thread, checked by the engine's own decisions, made once.

A wallet comes with all its balances in one command, under a key made of the import's name, the tenant and the wallet:
a second run, also of one that was cut short, makes nothing twice, and answers for each wallet what it came with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

import msgspec

from tollhouse.cachemanager.watch import CacheManager
from tollhouse.configdb.database import ConfigDatabase
from tollhouse.configdb.subscriber_files import Flaw, Newcomer
from tollhouse.configdb.subscribers import Arrival, add_accounts, read_arrival
from tollhouse.console.desk import BringWish, Json
from tollhouse.engine.batch import Engine
from tollhouse.engine.book import DamagedError
from tollhouse.engine.decision import Decision
from tollhouse.engine.managing import change
from tollhouse.values.commands import CreateWallet
from tollhouse.values.money import AmountError, format_amount
from tollhouse.values.outcomes import Outcome, Refused, WalletView
from tollhouse.values.refusals import Refusal

SLICE: Final = 64
"""Wallets that are checked in one turn of the reactor, some milliseconds."""
ABREAST: Final = 128
"""Wallets that are asked for at a time: calls wait for no more than these."""
WHO: Final = "wallet import"
_SAID: Final = {
    Refusal.CONFLICT: "the same as when it was brought over under this name before: that stands, and nothing is added",
    Refusal.WALLET_EXISTS: "a new wallet: there is one of this name that was not brought over so",
}
"""Refusals that mean something special here."""
Report = Callable[[Json], None]
Soon = Callable[[Callable[[], None]], object]


class SubscriberDesk:
    """One import at a time. `in_thread` runs a function off the reactor's thread and returns a Deferred of its result;
    `soon` runs one in a turn to come.
    """

    def __init__(
        self,
        engine: Engine,
        database: ConfigDatabase,
        cache: CacheManager,
        in_thread: Callable[..., Any],
        soon: Soon,
    ) -> None:
        self._engine = engine
        self._database = database
        self._cache = cache
        self._in_thread = in_thread
        self._soon = soon
        self._busy = False
        self._closed = False

    def load(self, wish: BringWish, done: Report) -> None:
        """Read, check, and unless something is wrong or it is a dry run, load; then report."""
        if self._busy:
            done(_failed("another import of subscribers is running"))
            return
        self._busy = True

        def finished(report: Json) -> None:
            self._busy = False
            done(report)

        def failed(failure: Any) -> None:
            finished(_failed(failure.getErrorMessage()))

        totals = Path(wish.totals) if wish.totals else None
        reading = self._in_thread(read_arrival, self._database, Path(wish.path), totals, wish.name, self._engine.now())
        reading.addCallbacks(lambda arrival: _Run(self, wish, arrival, finished).begin(), failed)

    def close(self) -> None:
        """The store is about to be closed: what is under way ends without an answer; running it again goes on."""
        self._closed = True

    def go_on(self, step: Callable[[], None]) -> None:
        """Do this in a turn to come, unless it is over."""
        if not self._closed:
            self._soon(step)

    def judge(self, command: CreateWallet) -> Decision:
        """What the engine would decide now. Changes nothing. Raises DamagedError, AmountError."""
        return change(self._engine.book, self._engine.policy, command, self._engine.now())

    def submit(self, command: CreateWallet, answer: Callable[[Outcome], None]) -> None:
        """Ask the engine for the wallet."""
        if not self._closed:
            self._engine.submit(command, answer)

    def came_with(self, command: CreateWallet, view: WalletView) -> Iterator[tuple[str, int]]:
        """Balance type and steps of each bucket that it was made with; of types that views hide, as it stands."""
        hidden = self._engine.book.snapshot.rules(command.tenant).wallet.hidden_balance_types
        yield from ((bucket.balance_type, bucket.value) for bucket in view.buckets)
        wallet = self._engine.book.wallet(command.wallet) if hidden else None
        for bucket in wallet.buckets if wallet else ():
            if bucket.balance_type in hidden:
                yield bucket.balance_type, bucket.value

    def settle(self, arrival: Arrival, name: str) -> bool:
        """The accounts, in force before their wallets are made; whether all of the configuration is."""
        add_accounts(self._database, arrival.accounts, name, WHO)
        self._cache.check(self._engine.now())
        return not self._cache.problems

    def in_thread(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """A Deferred of its result."""
        return self._in_thread(work, *arguments)


class _Run:
    """One import: every wallet is judged first, and where nothing is wrong each is made."""

    def __init__(self, desk: SubscriberDesk, wish: BringWish, arrival: Arrival, done: Report) -> None:
        self._desk = desk
        self._wish = wish
        self._arrival = arrival
        self._done = done
        self._flaws = list(arrival.flaws)
        self._left = iter(arrival.wallets)
        self._fresh = 0
        self._known = 0
        self._after: dict[str, int] = {}
        self._undone: list[Json] = []
        self._answers = 0
        self._in_force = True

    def begin(self) -> None:
        """Judge the wallets, a slice a turn. Where the file alone is wrong that is told first."""
        if self._flaws:
            self._flaws += [flaw for newcomer in self._arrival.wallets for flaw in newcomer.past]
            self._report(loaded=False)
            return
        self._judge()

    def _judge(self) -> None:
        some = list(islice(self._left, SLICE))
        for newcomer in some:
            self._judge_one(newcomer)
        if some:
            self._desk.go_on(self._judge)
        elif self._flaws or self._wish.dry_run:
            self._report(loaded=False)
        else:
            self._after = {}
            settled = self._desk.in_thread(self._desk.settle, self._arrival, self._wish.name)
            settled.addCallbacks(self._settled, self._not_settled)

    def _judge_one(self, newcomer: Newcomer) -> None:
        command = newcomer.command
        try:
            decision = self._desk.judge(command)
        except (DamagedError, AmountError) as trouble:
            self._refused(newcomer, f"a wallet that can be made ({trouble})")
            return
        outcome = decision.outcome
        if isinstance(outcome, WalletView):
            self._count(command, outcome)
        if not decision.images and not isinstance(outcome, Refused):
            self._known += 1
        elif newcomer.past:
            self._flaws += newcomer.past
        elif isinstance(outcome, Refused):
            said = f"a wallet that can be made ({outcome.refusal}: {outcome.detail})"
            self._refused(newcomer, _SAID.get(outcome.refusal, said))
        elif _moved(decision) != sum(line.amount for line in command.lines):
            self._refused(newcomer, "amounts that its balance types take whole")
        else:
            self._fresh += 1

    def _refused(self, newcomer: Newcomer, expected: str) -> None:
        file = Path(self._wish.path).name
        self._flaws.append(Flaw(file, newcomer.line, "wallet", newcomer.command.wallet, expected))

    def _not_settled(self, failure: Any) -> None:
        self._flaws.append(Flaw("", 0, "", "", f"accounts that can be added ({failure.getErrorMessage()})"))
        self._report(loaded=False)

    def _settled(self, in_force: bool) -> None:
        self._in_force = in_force
        self._left = iter(self._arrival.wallets)
        self._ask()

    def _ask(self) -> None:
        """The next wallets, all at once; when all of them are answered, those behind them."""
        some: Sequence[Newcomer] = list(islice(self._left, ABREAST))
        self._answers = len(some)
        if not some:
            self._report(loaded=True)
        for newcomer in some:
            self._desk.submit(newcomer.command, partial(self._answered, newcomer.command))

    def _answered(self, command: CreateWallet, outcome: Outcome) -> None:
        if isinstance(outcome, WalletView):
            self._count(command, outcome)
        else:
            refusal = f"{outcome.refusal}: {outcome.detail}" if isinstance(outcome, Refused) else "unexpected"
            self._undone.append({"wallet": command.wallet, "refusal": refusal})
        self._answers -= 1
        if not self._answers:
            self._desk.go_on(self._ask)

    def _count(self, command: CreateWallet, view: WalletView) -> None:
        for kind, value in self._desk.came_with(command, view):
            self._after[kind] = self._after.get(kind, 0) + value

    def _report(self, loaded: bool) -> None:
        totals = [] if self._flaws else [*self._totals()]
        self._done(
            {
                "loaded": loaded,
                "dry_run": self._wish.dry_run,
                "name": self._wish.name,
                "in_force": self._in_force,
                "problems": msgspec.to_builtins(sorted(self._flaws, key=lambda flaw: flaw.line)),
                "lines": self._arrival.lines,
                "wallets_new": self._fresh,
                "wallets_known": self._known,
                "accounts_new": len(self._arrival.accounts),
                "accounts_known": self._arrival.accounts_known,
                "not_done": self._undone,
                "totals": totals,
                "balanced": not self._flaws and all(one["difference"] == "0" for one in totals),
            }
        )

    def _totals(self) -> Iterator[Json]:
        """Each balance type that the file or the old platform's totals name; a dry run tells what would be."""
        for one in self._arrival.balances:
            after = self._after.get(one.balance_type, 0)
            yield {
                "balance_type": one.balance_type,
                "unit": one.unit,
                "before": format_amount(one.before, one.decimals),
                "after": format_amount(after, one.decimals),
                "difference": format_amount(after - one.before, one.decimals),
            }


def _moved(decision: Decision) -> int:
    return sum(posting.amount for record, _ in decision.records for posting in record.postings)


def _failed(text: str) -> Json:
    return {
        "loaded": False,
        "problems": [{"file": "", "line": 0, "column": "", "value": "", "expected": text}],
        "not_done": [],
        "totals": [],
        "balanced": False,
    }
