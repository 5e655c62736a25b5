"""What one command must make of what was stored before it: predicted slowly, then compared with what is stored now.

Sessions are paid by `bills`, an increment at a time in fractions, and compared bucket by bucket. Where sessions
of the wallet are past their end (they may end first), where a report comes after its session's end and finds less than
that once held, where usage that nothing paid goes on, or where a crash has hidden what happened, nothing is predicted:
then conservation and bounds hold (`books`). Neither is what a report opens that nobody asked leave for. Of money that
is given back only the sum is predicted.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.model.chain import Wrong
from tests.model.living.books import UNASKED, Record
from tests.model.living.calls import Beyond, Calls
from tests.model.living.compare import refused
from tests.model.living.lives import due_before, live, next_due
from tests.model.living.rows import Rows, Session, Wallet

from tollhouse.values.commands import (
    Adjust,
    Approve,
    Authorize,
    ChangeWallet,
    Charge,
    CloseClient,
    Command,
    CreateWallet,
    Decline,
    Inspect,
    Recharge,
    Refund,
    Release,
    RemoveWallet,
    Start,
    Stop,
    Sweep,
    Transfer,
    Update,
)
from tollhouse.values.outcomes import Outcome, WalletView


@dataclass
class Judge(Calls):
    """Predicts each step."""

    on_silence: str = ""
    _due: dict[str, tuple[Wallet, int]] = field(default_factory=dict)

    def step(
        self, command: Command, outcome: Outcome, before: Rows, after: Rows, moved: list[Record], now: int
    ) -> None:
        """One command alone was decided at `now`."""
        try:
            self._step(command, outcome, before, after, now)
        except Beyond:
            for name, session in before.sessions.items():
                if name not in after.sessions or after.sessions[name].image != session.image:
                    self.vague(name)
        self._only_asked(command, moved)

    def _step(self, command: Command, outcome: Outcome, before: Rows, after: Rows, now: int) -> None:
        match command:
            case Inspect():
                self._inspect(command, outcome, before, now)
            case Sweep():
                due = [one for one in before.sessions.values() if one.open and one.until <= now]
                self._silence(due, before, after, now)
            case CloseClient():
                mine = [one for one in before.sessions.values() if one.open and one.client == command.client]
                self._silence(mine, before, after, now, only=True)
            case Authorize() | Update() | Stop() | Release() | Start():
                self._session(command, outcome, before, after, now)
            case Charge() | Refund():
                self._one_shot(command, outcome, before, after, now)
            case Recharge():
                self._recharge(command, outcome, before, after, now)
            case Transfer():
                self._transfer(command, outcome, before, after, now)
            case ChangeWallet():
                self._change(command, outcome, before, after, now)
            case RemoveWallet():
                self._remove(command, outcome, before, after, now)
            case Adjust() | Approve() | Decline():
                self._by_hand(command, outcome, before, after, now)
            case CreateWallet():
                pass

    @staticmethod
    def _only_asked(command: Command, moved: list[Record]) -> None:
        """A loan is asked for by no request of its own."""
        key = getattr(command, "key", "")
        legs = f"{key}\x1f"
        for record in moved:
            asked = record.request == key or record.request.startswith(("silence:", legs)) or record.loan
            if record.moves and record.kind not in UNASKED and not asked:
                raise Wrong(f"{command} moved money in the name of {record.request}: {record}")

    # Looks, and ends that nobody asked for

    def _inspect(self, command: Inspect, outcome: Outcome, before: Rows, now: int) -> None:
        if command.wallet not in before.wallets:
            return refused(command, outcome, "unknown_wallet")
        wallet = self.caught_up(command.wallet, before, now)
        if not isinstance(outcome, WalletView):
            raise Wrong(f"{command} was answered {outcome}")
        money = [one for one in wallet.buckets if not one.unit]
        due = (wallet.state, sum(one.value for one in money), sum(one.held for one in money), wallet.available(now))
        self.exact += 1
        if (outcome.state, outcome.balance, outcome.held, outcome.available) != due:
            raise Wrong(f"{outcome} at {now}, due {due}")
        return None

    def _silence(self, ending: list[Session], before: Rows, after: Rows, now: int, only: bool = False) -> None:
        """Sessions end that are not heard of; a sweep does what is due of all wallets, too."""
        vague = {one.wallet for one in ending if one.id not in self.talks}
        ending = sorted(ending, key=lambda one: one.until)
        for name, stored in before.wallets.items():
            mine = [one for one in ending if one.wallet == name]
            if name in vague or (only and not mine):
                continue
            if not mine and after.wallets.get(name) is stored and not self._is_due(stored, now):
                continue
            wallet, lump = stored.copy(), False
            for one in mine:
                lump |= self.gives_back(wallet, one, self._silent_usage(one), now)
                if not only and due_before(wallet, self.offer, one.until):
                    live(wallet, self.offer, now)
                self.end(wallet, one, self._silent_usage(one), now)
                live(wallet, self.offer, now)
            removable = not only and live(wallet, self.offer, now)
            if removable and name not in after.wallets:
                self.exact += 1
            elif removable and not (mine or after.open_of(name)):
                raise Wrong(f"wallet {name} is to be removed, and is there")
            elif not removable:
                self.same(wallet, after, "silence", lump)
        for one in ending:
            if (talk := self.talks.get(one.id)) is not None:
                talk.charged = self._silent_usage(one)

    def _is_due(self, wallet: Wallet, now: int) -> bool:
        """Whether anything is due of its life. A wallet that is stored does not change, so it is looked up once."""
        known = self._due.get(wallet.name)
        if known is None or known[0] is not wallet:
            known = self._due[wallet.name] = (wallet, next_due(wallet, self.offer))
        return known[1] <= now

    def _silent_usage(self, session: Session) -> int:
        if self.on_silence == "nothing":
            return 0
        if session.state == "started" and self.on_silence == "granted":
            return max(session.used, session.granted)
        return session.used
