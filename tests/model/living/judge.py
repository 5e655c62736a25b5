"""What one command must make of what was stored before it: predicted slowly, then compared with what is stored now.

Sessions are paid by `paying_model`, an increment at a time in fractions, and compared bucket by bucket. Where sessions
of the wallet are past their end (they may end first), where a report comes after its session's end and finds less than
that once held, where usage that nothing paid goes on, or where a crash has hidden what happened, nothing is predicted:
then conservation and bounds hold (`books`). Neither is what a report opens that nobody asked leave for. Of money that
is given back only the sum is predicted.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tests.engine.paying_model import Payment
from tests.model.chain import MAIN, Wrong
from tests.model.living.books import UNASKED, Record
from tests.model.living.lives import due_before, live, ready
from tests.model.living.orders import NO_MONEY, Orders, refused
from tests.model.living.rows import Rows, Session, Wallet

from tollhouse.values.commands import (
    Authorize,
    ChangeWallet,
    Charge,
    CloseClient,
    Command,
    CreateWallet,
    Inspect,
    Recharge,
    Refund,
    Release,
    RemoveWallet,
    Start,
    Stop,
    Sweep,
    Total,
    Transfer,
    Update,
)
from tollhouse.values.instants import SECOND
from tollhouse.values.outcomes import Granted, Outcome, Refused, Settled, WalletView

LONGEST = {"voice": 600 * SECOND, "data": 400, "message": 10}
"""The largest grants of the runs' policy: small enough to be counted increment by increment."""
GREEDY = 60 * SECOND


class Beyond(Exception):
    """It is not predicted who pays: see above."""


@dataclass
class Talk:
    """A session whose payment is known. `charged`: the usage that was posted, `told`: reported."""

    payment: Payment
    charged: int = 0
    told: int = 0


@dataclass
class Judge(Orders):
    """Remembers what it needs to predict the next step."""

    on_silence: str = ""
    talks: dict[str, Talk] = field(default_factory=dict)

    def vague(self, session: str) -> None:
        """What it pays is not known any more."""
        self.talks.pop(session, None)

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
            case CreateWallet():
                pass

    @staticmethod
    def _only_asked(command: Command, moved: list[Record]) -> None:
        key = getattr(command, "key", "")
        for record in moved:
            asked = record.request == key or record.request.startswith("silence:")
            if record.moves and record.kind not in UNASKED and not asked:
                raise Wrong(f"{command} moved money in the name of {record.request}: {record}")

    # Looks, and ends that nobody asked for

    def _inspect(self, command: Inspect, outcome: Outcome, before: Rows, now: int) -> None:
        if command.wallet not in before.wallets:
            return refused(command, outcome, "unknown_wallet")
        wallet = self._caught_up(command.wallet, before, now)
        if not isinstance(outcome, WalletView):
            raise Wrong(f"{command} was answered {outcome}")
        money = [one for one in wallet.buckets if not one.service]
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
            wallet, lump = stored.copy(), False
            for one in mine:
                lump |= self._gives_back(wallet, one, self._silent_usage(one), now)
                if not only and due_before(wallet, self.offer, one.until):
                    live(wallet, self.offer, now)
                self._end(wallet, one, self._silent_usage(one), now)
                live(wallet, self.offer, now)
            removable = not only and live(wallet, self.offer, now)
            if removable and name not in after.wallets:
                self.exact += 1
            elif removable and not (mine or after.open_of(name)):
                raise Wrong(f"wallet {name} is to be removed, and is there")
            elif not removable:
                self._same(wallet, after, "silence", lump)
        for one in ending:
            if (talk := self.talks.get(one.id)) is not None:
                talk.charged = self._silent_usage(one)

    def _silent_usage(self, session: Session) -> int:
        if self.on_silence == "nothing":
            return 0
        if session.state == "started" and self.on_silence == "granted":
            return max(session.used, session.granted)
        return session.used

    def _gives_back(self, wallet: Wallet, session: Session, usage: int, now: int) -> bool:
        """Whether the session gets money back. What goes to rows whose date is past is not predicted."""
        less = usage < self.talks[session.id].charged
        if less and any(one.expiry and one.expiry <= now for one in wallet.buckets):
            raise Beyond
        return less

    def _end(self, wallet: Wallet, session: Session, usage: int, now: int) -> None:
        """Post the usage, give back the rest. A call of no length that was answered may count as a use (case 44)."""
        self._post(wallet, session, usage, now)
        if not usage and session.state != "authorised" and self.offer.rules.reservation.unanswered_free_is_use:
            wallet.used = max(wallet.used, now)
        wallet.move({key: -one for key, one in session.lines.items()}, held=True)

    def _post(self, wallet: Wallet, session: Session, usage: int, now: int) -> dict[int, int]:
        """Charge what the usage comes to beyond what was; lines stay held. What the session took now, per bucket."""
        talk = self.talks[session.id]
        payment = talk.payment
        _refresh(payment, wallet, session.lines, talk.charged, now)
        before = Counter(payment.moved(talk.charged))
        if usage > payment.at:
            if not session.open or (payment.paid and payment.paid[-1].way.owed):
                raise Beyond
            payment.grant(usage, debt=True)
            payment.overrun(usage)
        moves = Counter(payment.moved(usage))
        moves.subtract(before)
        there = {one.id for one in wallet.buckets}
        if any(one > 0 for key, one in moves.items() if key not in there):
            raise Beyond
        units = {one.way.units for one in payment.paid}
        wallet.move({key: -one for key, one in moves.items() if one and (key in there or key not in units)})
        for one in wallet.buckets:
            if one.id != MAIN and one.free() + min(session.lines.get(one.id, 0), max(moves[one.id], 0)) < 0:
                raise Beyond
        if usage:
            wallet.used = max(wallet.used, now)
        talk.charged = usage
        return dict(moves)

    # Sessions

    def _session(
        self,
        command: Authorize | Start | Update | Stop | Release,
        outcome: Outcome,
        before: Rows,
        after: Rows,
        now: int,
    ) -> None:
        name = getattr(outcome, "session", "")
        session = before.sessions.get(name)
        if session is None:
            if isinstance(command, Authorize) and not name.startswith("#"):
                self._open(command, outcome, before, after, now)
            return
        if session.id not in self.talks:
            return
        if not self._all_known(session.wallet, before, now, but=session.id):
            self.vague(session.id)
            return
        if isinstance(outcome, Granted) and isinstance(command, Update):
            self._update(command, outcome, session, before, after, now)
        elif isinstance(outcome, Settled):
            self._settled(command, outcome, session, before, after, now)
        elif isinstance(outcome, Refused) and outcome.refusal != "session_closed" and isinstance(command, Update):
            self._update(command, outcome, session, before, after, now)

    def _open(self, command: Authorize, outcome: Outcome, before: Rows, after: Rows, now: int) -> None:
        name = command.caller.wallet
        if name not in before.wallets:
            return refused(command, outcome, "unknown_wallet")
        if not self._all_known(name, before, now):
            return None
        wallet = self._caught_up(name, before, now)
        if barred := ready(wallet, self.offer, True, now):
            return refused(command, outcome, barred)
        sessions, others = self._sessions(wallet), len(before.open_of(name))
        if sessions and others >= sessions:
            return refused(command, outcome, "session_limit")
        call = self._call(command.service, command.called, wallet, now)
        longest = LONGEST[command.service]
        ask = min(longest if command.ask is None else command.ask, longest)
        part = self._part(Payment(wallet, call, now), sessions, others, longest, command.service)  # type: ignore[arg-type]
        if isinstance(part, str):
            return refused(command, outcome, part)
        ask = min(ask, part) if part else ask
        payment = Payment(wallet, call, now)  # type: ignore[arg-type]
        reach = payment.grant(ask)
        if reach <= 0 < ask:
            return refused(command, outcome, *NO_MONEY)
        if not isinstance(outcome, Granted) or outcome.granted != min(reach, ask) or outcome.final != (reach < ask):
            raise Wrong(f"{command} was answered {outcome}, {min(reach, ask)} of {ask} is due")
        wallet.move(payment.moved(reach), held=True)
        self._same(wallet, after, command)
        if outcome.balance != wallet.available(now):
            raise Wrong(f"{outcome} to {command}: {wallet.available(now)} is free")
        self.talks[outcome.session] = Talk(payment)
        return None

    def _sessions(self, wallet: Wallet) -> int:
        product = self.offer.products.get(wallet.product)
        return wallet.max_sessions or (product.max_sessions if product else 0)

    @staticmethod
    def _part(payment: Payment, sessions: int, others: int, longest: int, service: str) -> int | str:
        """What one of several sessions may have (5.6, greedy rule); 0: all."""
        if sessions <= 1:
            return 0
        gone = payment.at
        affords = payment.grant(gone + longest * sessions) - gone
        greedy = GREEDY if service == "voice" else 0
        if affords < greedy:
            return "session_limit" if others else max(affords, 0)
        return min(affords, longest, max(greedy, affords // sessions))

    def _update(
        self, command: Update, outcome: Granted | Refused, session: Session, before: Rows, after: Rows, now: int
    ) -> None:
        if isinstance(outcome, Refused) and outcome.refusal not in (*NO_MONEY, "session_limit"):
            raise Wrong(f"{command} was answered {outcome}")
        wallet = self._caught_up(session.wallet, before, now)
        usage = _usage(command, session)
        talk, payment = self.talks[session.id], self.talks[session.id].payment
        moves = self._post(wallet, session, usage, now)
        lines = _less(session.lines, moves)
        if command.more is None:
            wallet.move({key: lines.get(key, 0) - session.lines.get(key, 0) for key in session.lines}, held=True)
            return self._same(wallet, after, command)
        wallet.move({key: -one for key, one in session.lines.items()}, held=True)
        payment.use(usage)
        _refresh(payment, wallet, {}, usage, now)
        longest, sessions = LONGEST[session.service], self._sessions(wallet)
        target = usage + min(command.more or longest, longest)
        if sessions > 1:
            others = sum(one.id != session.id for one in before.open_of(session.wallet))
            affords = payment.grant(usage + longest * sessions) - usage
            payment.use(usage)
            greedy = GREEDY if session.service == "voice" else 0
            if affords < greedy and others:
                refused(command, outcome, "session_limit")
                return self._same(wallet, after, command)
            allowed = max(affords, 0) if affords < greedy else min(affords, longest, max(greedy, affords // sessions))
            target = min(target, usage + allowed) if allowed else target
        reach = payment.grant(target)
        if reach <= usage:
            refused(command, outcome, *NO_MONEY)
            return self._same(wallet, after, command)
        if not isinstance(outcome, Granted) or outcome.granted != min(reach, target) - usage:
            raise Wrong(f"{command} was answered {outcome}, {min(reach, target) - usage} is due")
        held = Counter(payment.moved(reach))
        held.subtract(payment.moved(talk.charged))
        wallet.move(dict(held), held=True)
        return self._same(wallet, after, command)

    def _settled(
        self, command: Command, outcome: Settled, session: Session, before: Rows, after: Rows, now: int
    ) -> None:
        if isinstance(command, Stop):
            usage = _usage(command, session)
        elif isinstance(command, Release):
            usage = 0
        else:
            return
        if not session.open and session.used == usage and after.sessions[session.id].image == session.image:
            return
        wallet = self._caught_up(session.wallet, before, now)
        lump = self._gives_back(wallet, session, usage, now) or not session.open
        self._end(wallet, session, usage, now)
        live(wallet, self.offer, now)
        if outcome.usage != usage:
            raise Wrong(f"{command} was answered {outcome}, {usage} is due")
        self._same(wallet, after, command, lump)


def _usage(command: Update | Stop, session: Session) -> int:
    usage = command.usage
    return max(session.used, usage.units) if isinstance(usage, Total) else session.used + usage.units


def _refresh(payment: Payment, wallet: Wallet, lines: dict[int, int], charged: int, now: int) -> None:
    """What is free to the session now: all that others do not hold, less what its own increments will still take."""
    payment.wallet, payment.now = wallet, now  # type: ignore[assignment]
    unposted = Counter(payment.moved(2**62))
    unposted.subtract(payment.moved(charged))
    gone = dict.fromkeys(payment.values, 0)
    free = {one.id: one.free() + lines.get(one.id, 0) - unposted.get(one.id, 0) for one in wallet.buckets}
    payment.values = gone | free


def _less(lines: dict[int, int], moves: dict[int, int]) -> dict[int, int]:
    """What is still held after these moves were taken from it first."""
    return {key: one - min(max(moves.get(key, 0), 0), one) for key, one in lines.items()}
