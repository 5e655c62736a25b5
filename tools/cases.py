"""`make cases`: facts about CGRateS against the real path from CSV files to the engine's answer.

    TOLLHOUSE_CASES=FILE make -s cases

Each plan of the file is written as a CGRateS CSV folder, imported into a config database, compiled into a snapshot, and
asked through the engine on an embedded store. One line a mismatch: `id field expected got`; then the ids of facts that
need more of a wallet than there is (`not yet`), last `N passed, M failed`. Exit 0 only when nothing failed.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec
from tests.cases.facts import MONEY_OPS, Call, Fact, is_not_yet, steps_of, write_folder

from tollhouse.cachemanager.watch import CacheManager
from tollhouse.configdb.changes import NewAccount
from tollhouse.configdb.database import ConfigDatabase
from tollhouse.configdb.importing import import_folder
from tollhouse.configdb.rows import BalanceTypeRow, TenantRow, UnitRow
from tollhouse.configdb.sanity import uncovered_days
from tollhouse.configdb.tariff_files import read_folder
from tollhouse.configdb.tariff_values import duration
from tollhouse.engine.batch import Engine
from tollhouse.engine.book import Book
from tollhouse.engine.policy import Policy
from tollhouse.engine.tally import Tally
from tollhouse.rating.calendar import in_force, local_day, matches
from tollhouse.rating.inverse import affordable
from tollhouse.rating.price import Price
from tollhouse.rating.spans import spans
from tollhouse.snapshot.tariff import Interval, Rounding, Slot
from tollhouse.store.die import die
from tollhouse.store.embedded import open_embedded
from tollhouse.store.settings import StoreSettings
from tollhouse.store.snapshot import LmdbSnapshot, SnapshotFile, SnapshotWriter
from tollhouse.values.commands import Authorize, Caller, Charge, Command, CreateWallet, Service, Stop, Total
from tollhouse.values.instants import DAY, Instant, parse_instant
from tollhouse.values.outcomes import Granted, Outcome, Posted, Priced, Refused, Settled, WalletView
from tollhouse.values.refusals import Refusal
from tollhouse.values.uses import Timing

DEFAULT: Final = Path(__file__).parents[1] / "tests" / "cases" / "cgrates_cases.json"
UNIT: Final = "EUR"
DECIMALS: Final = 6


class Mismatch(msgspec.Struct, frozen=True):
    """A field that is not as the fact says."""

    id: str
    field: str
    expected: str
    got: str

    def __str__(self) -> str:
        return f"{self.id} {self.field} {self.expected} {self.got}"


class Result(msgspec.Struct, frozen=True):
    """What a file of facts came to. `passed` counts facts, not fields."""

    passed: int
    mismatches: tuple[Mismatch, ...]
    not_yet: tuple[str, ...]

    @property
    def failed(self) -> int:
        return len({one.id for one in self.mismatches})


class Unanswerable(Exception):
    """A fact that cannot be asked: its plan does not come into force, or its op is none we know."""


class Desk:
    """A plan in force, with an account for every step that charges one."""

    def __init__(self, name: str, plan: Fact, cases: list[Fact], directory: Path, closing: ExitStack) -> None:
        """Raises Unanswerable where the plan does not come into force."""
        self._directory = directory
        write_folder(plan, directory / name)
        database = ConfigDatabase(directory / "config.sqlite", directory / "key")
        closing.callback(database.close)
        _fill(database, plan, cases)
        now = parse_instant("2026-01-01T00:00:00Z")
        report = import_folder(
            database, directory / name, now, pricing="cgrates", price_decimals=plan["rounding_decimals"]
        )
        if report.problems:
            raise Unanswerable("; ".join(map(str, report.problems)))
        file = SnapshotFile(directory / "config.lmdb")
        closing.callback(file.close)
        cache = CacheManager(database, SnapshotWriter(file), Tally())
        closing.callback(cache.close)
        cache.check(now)
        if cache.problems:
            raise Unanswerable("; ".join(map(str, cache.problems)))
        self.snapshot = LmdbSnapshot(file)
        closing.callback(self.snapshot.close)

    @contextmanager
    def asking(self) -> Iterator[Asking]:
        """An engine of its own on a store of its own, gone afterwards."""
        place = Path(tempfile.mkdtemp(prefix="store-", dir=self._directory))
        settings = StoreSettings(segment_bytes=1 << 20)
        store = open_embedded(place, die, settings)
        try:
            yield Asking(self.snapshot, store)
        finally:
            store.close()
            shutil.rmtree(place)


class Asking:
    """Commands to an engine whose clock reads what the facts say."""

    def __init__(self, snapshot: LmdbSnapshot, store: Any) -> None:
        self.snapshot = snapshot
        self.has_wallet = False
        """Whether the fact's wallet has been made."""
        self._clock: Instant = 0
        self._soon: list[Callable[[], None]] = []
        policy = Policy(max_grant=7 * DAY, max_octets=2**62, max_messages=2**62, min_free_bytes=0)
        book = Book(store, snapshot, policy.cache_entities)
        claimed = store.claim()
        self._engine = Engine(store, book, policy, Tally(), lambda: self._clock, self._soon.append)
        self._engine.recovered(claimed)

    def ask(self, command: Command, at: Instant) -> Outcome:
        self._clock = at
        got: list[Outcome] = []
        self._engine.submit(command, got.append)
        while self._soon:
            self._soon.pop(0)()
        return got[0]


def _fill(database: ConfigDatabase, plan: Fact, cases: list[Fact]) -> None:
    tenants = {one["tenant"] for one in plan["rating_profiles"]}
    accounts = []
    for case in cases:
        tenants |= {name.partition(":")[0] for name in case.get("accounts", {})}
        for number, step in enumerate(steps_of(case)):
            if step["op"] in MONEY_OPS and _wallet(step["event"]) in case["accounts"]:
                event = step["event"]
                name = _account(case, number)
                account = NewAccount(
                    event["tenant"], name, wallet="w", subject=event["subject"], category=event["category"]
                )
                accounts.append(account)
                tenants.add(event["tenant"])
    with database.change("cases") as change:
        change.add_unit(UnitRow(UNIT, DECIMALS))
        change.add_balance_type(BalanceTypeRow("cash", UNIT, 10))
        for tenant in sorted(tenants):
            change.add_tenant(TenantRow(tenant, UNIT, "UTC"))
        change.add_accounts(accounts)


def _account(case: Fact, number: int) -> str:
    return f"{case['id']}.{number}"


def _wallet(event: Fact) -> str:
    return f"{event['tenant']}:{event.get('account', event['subject'])}"


def _get_cost(asking: Asking, call: Call) -> Fact:
    priced = asking.ask(call.quote(call.whole), call.start)
    if isinstance(priced, Refused):
        return {"cost": -1, "error": _error(asking, call)}
    assert isinstance(priced, Priced), priced
    value = priced.cost
    if call.before:
        earlier = asking.ask(call.quote(call.before), call.start)
        assert isinstance(earlier, Priced), earlier
        value -= earlier.cost - (priced.fee if call.first else 0)
    elif not call.first and value:
        value -= priced.fee
    found = _about(asking, call)
    found |= {"cost": _money(value), "connect_fee": _money(priced.fee), "matched_prefix": priced.prefix}
    return found


def _error(asking: Asking, call: Call) -> str:
    known = [
        asking.snapshot.profile(call.tenant, call.category, call.service, subject) for subject in (call.subject, "*any")
    ]
    return "UNAUTHORIZED_DESTINATION" if any(known) else "RATING_PLAN_NOT_FOUND"


def _about(asking: Asking, call: Call) -> Fact:
    """What can be said of a price besides its amount."""
    price = call.price(asking.snapshot)
    if isinstance(price, Refused):
        return {"rating_infos": 0, "covers_call": False, "error": _error(asking, call)}
    runs: list[tuple[Interval, Slot]] = []
    charged = 0
    for age, count, interval, slot in spans(price, call.began, call.whole):
        charged = age + count * slot.increment
        if charged > call.before and (not runs or runs[-1] != (interval, slot)):
            runs.append((interval, slot))
    covers = not price.ends or price.ends >= call.start + call.usage
    return {
        "rating_infos": len(price.parts),
        "covers_call": covers,
        "matched_prefix": price.prefix,
        "timespans": max(len(runs), 1),
        "charged_duration": _usage(max(charged - call.before, 0), call.service),
    }


def _money(value: int) -> Decimal:
    return Decimal(value).scaleb(-DECIMALS)


def _usage(units: int, service: Service) -> int:
    """In the nanoseconds of the facts."""
    return units * 1000 if service is Service.VOICE else units


def _charge(asking: Asking, case: Fact, number: int, step: Fact) -> Fact:
    """One step that asks a wallet: authorise, or charge."""
    call, op, wallet = Call(step["event"]), step["op"], _wallet(step["event"])
    known = wallet in case["accounts"]
    if known and not asking.has_wallet:
        asking.has_wallet = True
        ((_, account),) = case["accounts"].items()
        opening = int(Decimal(account["balances"][0]["value"]).scaleb(DECIMALS))
        made = asking.ask(CreateWallet("cases", "w", "made", UNIT, opening, tenant=call.tenant), call.start)
        assert isinstance(made, WalletView), made
    caller = Caller("cases", name=_account(case, number))
    if op == "max_session" or op == "max_debit":
        return _at_most(asking, call, caller, f"{op}:{number}", op == "max_debit", step)
    return _settle(asking, call, caller, f"{op}:{number}", call.usage)


def _at_most(asking: Asking, call: Call, caller: Caller, key: str, debit: bool, step: Fact) -> Fact:
    authorize = Authorize(caller, key, (key,), call.service, call.called, ask=call.usage, at=call.start, begin=debit)
    outcome = asking.ask(authorize, call.start)
    if isinstance(outcome, Refused):
        if outcome.refusal in (Refusal.INSUFFICIENT_FUNDS, Refusal.NO_FUNDS):
            return {"max_usage": 0, "cost": Decimal(0), "charged_duration": 0}
        return {"error": _refused(asking, call, outcome)}
    assert isinstance(outcome, Granted), outcome
    granted = outcome.granted
    if (ceiling := call.ceiling()) is not None:
        price = call.price(asking.snapshot)
        assert isinstance(price, Price)
        granted = affordable(price, call.start, outcome.funds, call.usage, ceiling)
    if not debit:
        return {"max_usage": _usage(granted, call.service)}
    return _settle(asking, call, caller, key, granted) | {"max_usage": _usage(granted, call.service)}


def _settle(asking: Asking, call: Call, caller: Caller, key: str, usage: int) -> Fact:
    end = call.start + usage if call.service is Service.VOICE else call.start
    command: Command
    if call.service in (Service.VOICE, Service.DATA):
        command = Stop(
            caller, f"{key}:stop", (key,), Total(usage), "", end, 0, call.service, call.called, "", open_unknown=True
        )
    else:
        command = Charge(caller, f"{key}:stop", None, call.service, call.called, usage, end)
    outcome = asking.ask(command, end)
    if isinstance(outcome, Refused):
        return {"error": _refused(asking, call, outcome)}
    assert isinstance(outcome, Settled | Posted), outcome
    cost = outcome.cost if isinstance(outcome, Settled) else -outcome.amount
    return {"cost": _money(cost), "balance": _money(outcome.balance)} | {
        "charged_duration": _about(asking, call).get("charged_duration")
    }


def _refused(asking: Asking, call: Call, outcome: Refused) -> str:
    if outcome.refusal in (Refusal.UNKNOWN_ACCOUNT, Refusal.UNKNOWN_WALLET):
        return "ACCOUNT_NOT_FOUND"
    return _error(asking, call) if outcome.refusal is Refusal.NO_RATE else outcome.refusal.value


def _interval(fact: Fact, index: int) -> Interval:
    weight = int(Decimal(fact.get("weight", 0)).scaleb(6))
    return Interval(_timing(fact["timing"]), weight, (), Rounding.MIDDLE, 4, "D", str(index))


def _timing(fact: Fact) -> Timing:
    hours, minutes, seconds = map(int, fact.get("time", "00:00:00").split(":"))
    days = tuple(sorted({day or 7 for day in fact.get("week_days", ())}))
    lists = [tuple(fact.get(name, ())) for name in ("years", "months", "month_days")]
    return Timing(lists[0], lists[1], lists[2], days, hours * 3600 + minutes * 60 + seconds)


def timing_active(rows: list[Fact]) -> list[bool]:
    """Whether each timing is active at its instant: on a day that it names, from its start to the day's end."""
    return [
        in_force([_interval(row, 0)], "UTC", parse_instant(row["at"]))[0] is not None
        and matches(_timing(row["timing"]), local_day("UTC", parse_instant(row["at"]))[0])
        for row in rows
    ]


def select_intervals(event: Fact) -> list[int]:
    """Indexes of the intervals in force, in time order, up to the end of the first day (as the facts' source asks)."""
    intervals = [_interval(one, index) for index, one in enumerate(event["intervals"])]
    at = parse_instant(event["start"])
    end = min(parse_instant(event["end"]), local_day("UTC", at)[1])
    found: list[int] = []
    while at < end:
        now, at = in_force(intervals, "UTC", at)
        if now is not None and (not found or found[-1] != int(now.rate)):
            found.append(int(now.rate))
    return found


def plan_sanity(row: Fact) -> str:
    """`ok` or `bad`: what an import that asks for CGRateS's sanity says of one timing, or of one rate's slots."""
    free = {"connect_fee": 0, "rate": 0, "unit": "60s"}
    slots = [free | slot for slot in row.get("slots", [{"start": "0s", "increment": "60s"}])]
    rounds = {"rounding_method": "*middle", "rounding_decimals": 4, "max_cost": 0}
    plan = {
        "destinations": {},
        "timings": {"T": row["timing"]} if "timing" in row else {},
        "rates": {"R": slots},
        "destination_rates": {"D": [{"destination": "*any", "rates": "R"} | rounds]},
        "rating_plans": {"P": [{"destination_rates": "D", "timing": "*any", "weight": 10}]},
        "rating_profiles": [],
    }
    with tempfile.TemporaryDirectory(prefix="cases-") as directory:
        write_folder(plan, Path(directory) / "sanity")
        return "bad" if read_folder(Path(directory) / "sanity", sanity=True).problems else "ok"


def covers_week(row: Any) -> bool:
    """Whether a price begins at midnight on every day of the week by these timings."""
    timings = row["timings"] if isinstance(row, dict) else row
    return not uncovered_days([_timing(one.get("timing", one)) for one in timings])


def _covers(step: Fact) -> Fact:
    """By whatever name the fact calls it: one timing list's answer, or that of a table of them."""
    event = step["event"]
    table = isinstance(event, list) and any(isinstance(row, list) or "timings" in row for row in event)
    found = [covers_week(row) for row in event] if table else covers_week(event)
    return dict.fromkeys(step["expect"], found)


def answer(asking: Asking | None, case: Fact, number: int, step: Fact) -> Fact:
    """What we say to a step, by the names of the facts. Raises Unanswerable for an op that we do not know."""
    op = step["op"]
    if op == "timing_active_table":
        return {"results": timing_active(step["event"])}
    if op == "select_intervals":
        return {"selected": select_intervals(step["event"])}
    if op == "plan_sanity":
        return {"results": [plan_sanity(row) for row in step["event"]]}
    if op == "plan_covers_week":
        return _covers(step)
    if asking is None:
        raise Unanswerable(f"nothing answers the op {op}")
    if op == "get_cost":
        return _get_cost(asking, Call(step["event"]))
    if op == "rating_infos":
        return _about(asking, Call(step["event"]))
    if op in MONEY_OPS:
        return _charge(asking, case, number, step)
    raise Unanswerable(f"nothing answers the op {op}")


def compare(case: str, expected: Fact, got: Fact) -> list[Mismatch]:
    """Every field that differs. A balance is compared with the wallet's; a usage by its nanoseconds."""
    wrong: list[Mismatch] = []
    for field, value in expected.items():
        if field == "balances":
            pairs = [
                (f"{name}/{key}", each, got.get("balance")) for name, own in value.items() for key, each in own.items()
            ]
        elif field == "balance_decimals":
            continue
        else:
            pairs = [(field, value, got.get(field))]
        for name, want, have in pairs:
            if field in ("max_usage", "charged_duration"):
                want = duration(want) if isinstance(want, str) else want
            if want != have:
                wrong.append(Mismatch(case, name, _text(want), "nothing" if have is None else _text(have)))
    return wrong


def _text(value: object) -> str:
    """A number without trailing zeros, all else as it is."""
    return format(value.normalize(), "f") if isinstance(value, Decimal) else str(value)


def run(facts: Fact) -> Result:
    """All facts of a file, plan by plan."""
    plans = facts["plans"]
    not_yet = [case["id"] for case in facts["cases"] if is_not_yet(case, plans)]
    cases = [case for case in facts["cases"] if case["id"] not in set(not_yet)]
    mismatches: list[Mismatch] = []
    for name in dict.fromkeys(case.get("plan_ref", "") for case in cases):
        own = [case for case in cases if case.get("plan_ref", "") == name]
        mismatches += _run_plan(name, plans.get(name), own)
    order = {case["id"]: place for place, case in enumerate(facts["cases"])}
    mismatches.sort(key=lambda one: order[one.id])
    failed = len({one.id for one in mismatches})
    return Result(len(cases) - failed, tuple(mismatches), tuple(not_yet))


def _run_plan(name: str, plan: Fact | None, cases: list[Fact]) -> list[Mismatch]:
    if plan is None:
        return [one for case in cases for one in _run_case(None, case)]
    with tempfile.TemporaryDirectory(prefix="cases-") as directory, ExitStack() as closing:
        try:
            desk = Desk(name, plan, cases, Path(directory), closing)
        except Unanswerable as trouble:
            return [Mismatch(case["id"], "plan", f"{name} in force", str(trouble)) for case in cases]
        return [one for case in cases for one in _run_case(desk, case)]


def _run_case(desk: Desk | None, case: Fact) -> list[Mismatch]:
    wrong: list[Mismatch] = []
    with ExitStack() as closing:
        asking = closing.enter_context(desk.asking()) if desk is not None else None
        for number, step in enumerate(steps_of(case)):
            try:
                wrong += compare(case["id"], step["expect"], answer(asking, case, number, step))
            except (Unanswerable, KeyError, ValueError, AssertionError) as trouble:
                wrong.append(Mismatch(case["id"], str(step["op"]), "an answer", repr(trouble)))
    return wrong


def read(path: Path) -> Fact:
    """The file, its numbers exact."""
    facts: Fact = json.loads(path.read_text(), parse_float=Decimal)
    return facts


def main(path: Path) -> int:
    """Run the file, print what it came to: the exit code."""
    result = run(read(path))
    for one in result.mismatches:
        print(one)
    if result.not_yet:
        print(f"not yet: {', '.join(result.not_yet)}")
    print(f"{result.passed} passed, {result.failed} failed")
    return 1 if result.failed else 0


if __name__ == "__main__":
    sys.exit(main(Path(os.environ.get("TOLLHOUSE_CASES") or DEFAULT)))
