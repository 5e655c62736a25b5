"""What a session's command must make of its wallets: the account's own, and of each other leg.

All legs are asked alike, and what is granted is the least of all; where one cannot, none does. What has been used is
charged all the same, to every one of them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tests.model.chain import MAIN, Wrong
from tests.model.living.bills import Bill
from tests.model.living.compare import refused
from tests.model.living.hands import Hands
from tests.model.living.lives import live, ready
from tests.model.living.offer import LEGS
from tests.model.living.orders import NO_MONEY, Part, refresh
from tests.model.living.rows import Rows, Session, Wallet

from tollhouse.values.commands import Authorize, Command, Release, Start, Stop, Total, Update
from tollhouse.values.instants import SECOND
from tollhouse.values.outcomes import Granted, Outcome, Settled

LONGEST = {"voice": 300 * SECOND, "data": 300, "message": 10}
"""The largest grants of the runs' policy: small enough to be counted increment by increment."""
GREEDY = 60 * SECOND
OUT_OF_USE = {"frozen": "wallet_suspended", "suspended": "wallet_suspended", "terminated": "wallet_expired"}
"""Wallets that pay for no more of a session that runs (oracle_vws 5.1)."""


class Beyond(Exception):
    """It is not predicted who pays: see `judge`."""


@dataclass
class Talk:
    """A session whose payment is known. `charged`: the usage that was posted, `told`: reported."""

    bill: Bill
    charged: int = 0
    told: int = 0


@dataclass
class Calls(Hands):
    """Sessions. Remembers what it needs to predict the next step."""

    talks: dict[str, Talk] = field(default_factory=dict)

    def vague(self, session: str) -> None:
        """What it pays is not known any more."""
        self.talks.pop(session, None)

    def _session(
        self,
        command: Authorize | Start | Update | Stop | Release,
        outcome: Outcome,
        before: Rows,
        after: Rows,
        now: int,
    ) -> None:
        name = getattr(outcome, "session", "")
        main = before.sessions.get(name)
        if main is None:
            if isinstance(command, Authorize) and not name.startswith("#"):
                self._open(command, outcome, before, after, now)
            return
        legs = before.all_legs(main)
        if not all(one.id in self.talks for one in legs):
            return self._all_vague(legs) if len(legs) > 1 else None
        known = all(self.all_known(one.wallet, before, now, but=one.id) for one in legs)
        if not known or any(one.open != main.open for one in legs) or len(legs) != 1 + len(main.legs):
            return self._all_vague(legs)
        if isinstance(outcome, Settled):
            self._settled(command, outcome, legs, before, after, now)
        elif isinstance(command, Update) and getattr(outcome, "refusal", "") != "session_closed":
            self._update(command, outcome, legs, before, after, now)

    def _all_vague(self, legs: list[Session]) -> None:
        for one in legs:
            self.vague(one.id)

    # Openings

    def _open(self, command: Authorize, outcome: Outcome, before: Rows, after: Rows, now: int) -> None:
        names = (command.caller.wallet, *LEGS.get(command.caller.wallet, ()))
        if not all(self.all_known(name, before, now) for name in names):
            return None
        parts: list[Part] = []
        for name in names:
            if name not in before.wallets:
                return refused(command, outcome, "unknown_wallet")
            parts.append(self._asked(name, command, None, before, now))
            if parts[-1].refusals:
                return refused(command, outcome, *parts[-1].refusals)
        least = min(one.reach for one in parts)
        final = any(one.final for one in parts if one.reach == least)
        if any(one.reach != least for one in parts):
            parts = [self._asked(name, command, least, before, now) for name in names]
        if not isinstance(outcome, Granted) or (outcome.granted, outcome.final) != (least, final):
            raise Wrong(f"{command} was answered {outcome}, {least} is due, final: {final}")
        for one in parts:
            self.lend(one, before, after, now, command)
            one.wallet.move(one.bill.moved(one.bill.at), held=True)
            self.same(one.wallet, after, command)
        if outcome.balance != parts[0].wallet.available(now):
            raise Wrong(f"{outcome} to {command}: {parts[0].wallet.available(now)} is free")
        self.kinds[f"session: {command.service} of {len(parts)} legs"] += 1
        self.kinds["session: at a discount"] += command.discount is not None
        self.kinds["session: cut short by a leg"] += 0 < least < parts[0].ask
        legs = after.all_legs(after.sessions[outcome.session])
        if len(legs) != len(parts):
            raise Wrong(f"{command} has opened {legs}, for {names}")
        for session, one in zip(legs, parts, strict=True):
            self.talks[session.id] = Talk(one.bill)
        return None

    def _asked(self, name: str, command: Authorize, most: int | None, before: Rows, now: int) -> Part:
        """What this wallet grants, where others allow `most`."""
        wallet = self.caught_up(name, before, now)
        barred = ready(wallet, self.offer, True, now)
        bill = self.bill(command.service, command.called, self.rich(wallet, before, now), now, command.discount)
        part = Part(wallet, wallet.copy(), bill)
        sessions, others = self._sessions(wallet), len(before.open_of(name))
        if barred or (sessions and others >= sessions):
            part.refusals = (barred or "session_limit",)
            return part
        longest = LONGEST[command.service]
        ask = min(longest if command.ask is None else command.ask, longest)
        self._grant(part, ask if most is None else min(ask, most), sessions, others, command.service)
        return part

    def _grant(self, part: Part, ask: int, sessions: int, others: int, service: str) -> None:
        """Grant so much beyond what was used, or as much as the wallet pays: with several sessions at a time, what is
        this one's of it (5.6, greedy rule)."""
        longest, greedy = LONGEST[service], GREEDY if service == "voice" else 0
        if sessions > 1:
            affords = part.bill.grant(part.usage + longest * sessions) - part.usage
            part.bill.use(part.usage)
            if affords < greedy and others:
                part.refusals = ("session_limit",)
                return
            allowed = max(affords, 0) if affords < greedy else min(affords, longest, max(greedy, affords // sessions))
            ask = min(ask, allowed) if allowed else ask
        reach = part.bill.grant(part.usage + ask) - part.usage
        part.ask = ask
        part.reach, part.final = min(reach, ask), reach < ask
        if reach <= 0 < ask:
            part.refusals = NO_MONEY

    def _sessions(self, wallet: Wallet) -> int:
        product = self.offer.products.get(wallet.product)
        return wallet.max_sessions or (product.max_sessions if product else 0)

    # Reports

    def _update(
        self, command: Update, outcome: Outcome, legs: list[Session], before: Rows, after: Rows, now: int
    ) -> None:
        """Usage is charged, whatever becomes of the wish for more."""
        parts = [self._reported(command, one, before, now) for one in legs]
        if command.more is None:
            if not isinstance(outcome, Granted):
                raise Wrong(f"{command} was answered {outcome}")
            for part in parts:
                self.same(part.wallet, after, command)
            return
        for part, session in zip(parts, legs, strict=True):
            self._more(part, session, None, command, before, now)
        least = min(one.reach for one in parts)
        final = any(one.final for one in parts if one.reach == least)
        cannot = [one for one in parts if one.refusals]
        if not cannot and any(one.reach != least for one in parts):
            for part, session in zip(parts, legs, strict=True):
                part.bill.use(part.usage)
                self._more(part, session, least, command, before, now)
        if cannot:
            refused(command, outcome, *NO_MONEY, *(why for one in cannot for why in one.refusals))
        elif not isinstance(outcome, Granted) or (outcome.granted, outcome.final) != (least, final):
            raise Wrong(f"{command} was answered {outcome}, {least} is due, final: {final}")
        for part, session in zip(parts, legs, strict=True):
            if not cannot:
                self.lend(part, before, after, now, command)
                held = Counter(part.bill.moved(part.bill.at))
                held.subtract(part.bill.moved(self.talks[session.id].charged))
                part.wallet.move(dict(held), held=True)
            else:
                part.bill.use(part.usage)
            self.same(part.wallet, after, command)

    def _reported(self, command: Update, session: Session, before: Rows, now: int) -> Part:
        """The wallet after what was used has been charged; what was held for more is back, if more is asked for."""
        wallet = self.caught_up(session.wallet, before, now)
        usage = usage_of(command, session)
        moves = self.post(wallet, session, usage, now)
        lines = _less(session.lines, moves)
        kept = lines if command.more is None else {}
        wallet.move({key: kept.get(key, 0) - one for key, one in session.lines.items()}, held=True)
        return Part(wallet, wallet.copy(), self.talks[session.id].bill, usage)

    def _more(self, part: Part, session: Session, most: int | None, command: Update, before: Rows, now: int) -> None:
        part.bill.use(part.usage)
        refresh(part.bill, self.rich(part.wallet, before, now), {}, part.usage, now)
        sessions, others = self._sessions(part.wallet), 0
        if sessions > 1:
            others = sum(one.id != session.id for one in before.open_of(session.wallet))
        if part.wallet.state in OUT_OF_USE:
            part.refusals = (OUT_OF_USE[part.wallet.state],)
            return
        longest = LONGEST[session.service]
        ask = min(command.more or longest, longest)
        self._grant(part, ask if most is None else min(ask, most), sessions, others, session.service)

    # Ends

    def _settled(
        self, command: Command, outcome: Settled, legs: list[Session], before: Rows, after: Rows, now: int
    ) -> None:
        main = legs[0]
        if not isinstance(command, (Stop, Release)):
            return
        usages = [usage_of(command, one) if isinstance(command, Stop) else 0 for one in legs]
        if not main.open and main.used == usages[0] and after.sessions[main.id].image == main.image:
            return
        if outcome.usage != usages[0]:
            raise Wrong(f"{command} was answered {outcome}, {usages[0]} is due")
        for session, usage in zip(legs, usages, strict=True):
            wallet = self.caught_up(session.wallet, before, now)
            lump = self.gives_back(wallet, session, usage, now) or not session.open
            self.end(wallet, session, usage, now)
            live(wallet, self.offer, now)
            self.same(wallet, after, command, lump)

    def gives_back(self, wallet: Wallet, session: Session, usage: int, now: int) -> bool:
        """Whether the session gets money back. What goes to rows whose date is past is not predicted."""
        less = usage < self.talks[session.id].charged
        if less and any(one.expiry and one.expiry <= now for one in wallet.buckets):
            raise Beyond
        return less

    def end(self, wallet: Wallet, session: Session, usage: int, now: int) -> None:
        """Post the usage, give back the rest. A call of no length that was answered may count as a use (case 44)."""
        self.post(wallet, session, usage, now)
        if not usage and session.state != "authorised" and self.offer.rules.reservation.unanswered_free_is_use:
            wallet.used = max(wallet.used, now)
        wallet.move({key: -one for key, one in session.lines.items()}, held=True)
        self.talks[session.id].bill.use(usage)

    def post(self, wallet: Wallet, session: Session, usage: int, now: int) -> dict[int, int]:
        """Charge what the usage comes to beyond what was; lines stay held. What the session took now, per bucket."""
        talk = self.talks[session.id]
        bill = talk.bill
        refresh(bill, wallet, session.lines, talk.charged, now)
        before = Counter(bill.moved(talk.charged))
        if usage > bill.at:
            if bill.paid and bill.paid[-1].way.owed:
                raise Beyond
            bill.owe(usage)
        moves = Counter(bill.moved(usage))
        moves.subtract(before)
        paying = {one.balance_type for one in wallet.buckets if moves[one.id] > 0}
        self.kinds.update(f"paid by: {name}" for name in paying)
        there = {one.id for one in wallet.buckets}
        if any(one > 0 for key, one in moves.items() if key not in there):
            raise Beyond
        units = {one.way.units for one in bill.paid}
        wallet.move({key: -one for key, one in moves.items() if one and (key in there or key not in units)})
        for one in wallet.buckets:
            if one.id != MAIN and one.free() + min(session.lines.get(one.id, 0), max(moves[one.id], 0)) < 0:
                raise Beyond
        if usage:
            wallet.used = max(wallet.used, now)
        spent = sum(amount for key, amount in moves.items() if key not in units)
        self.count(wallet, session.service, talk.charged, usage, spent, now)
        talk.charged = usage
        return dict(moves)


def usage_of(command: Update | Stop, session: Session) -> int:
    """The session's usage by this report."""
    usage = command.usage
    return max(session.used, usage.units) if isinstance(usage, Total) else session.used + usage.units


def _less(lines: dict[int, int], moves: dict[int, int]) -> dict[int, int]:
    """What is still held after these moves were taken from it first."""
    return {key: one - min(max(moves.get(key, 0), 0), one) for key, one in lines.items()}
