"""What all predictions have in common: the wallet as it has to be by now, who pays for a call, and the comparison."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.engine.paying_model import Call
from tests.model.chain import MAIN, Wrong
from tests.model.living.bills import Bill
from tests.model.living.lives import add_bucket, live
from tests.model.living.offer import GROUPS, KNOWN, SUBJECTS, TENANT, Offer
from tests.model.living.rows import Bucket, Rows, Wallet

from tollhouse.snapshot.accounts import Category
from tollhouse.snapshot.groups import EVERYONE, Strategy
from tollhouse.values.instants import DAY
from tollhouse.values.outcomes import Outcome, Refused

OWN_FIRST = ("*mine_lowest", "*mine_highest", "*mine_random")
"""Strategies by which a member pays with its own before others lend (cgrates 3.6)."""


@dataclass
class Comparing:
    """`exact` counts predictions that were compared, `loans` those in which others lent, `kinds` what they were of."""

    offer: Offer
    exact: int = 0
    loans: int = 0
    kinds: Counter[str] = field(default_factory=Counter)

    def same(self, expected: Wallet, after: Rows, why: object, lump: bool = False) -> None:
        """`lump`: of money only the sum counts, for what is given back goes to whoever paid last."""
        self.exact += 1
        actual = after.wallets.get(expected.name)
        if actual is None:
            raise Wrong(f"{why}: wallet {expected.name} is gone")
        for name in ("state", "expiry", "credit_limit", "activated", "used"):
            if getattr(expected, name) != getattr(actual, name):
                said = f"{getattr(actual, name)}, due {getattr(expected, name)}"
                raise Wrong(f"{why}: {name} of wallet {expected.name} is {said}")
        is_, due = _values(actual, lump), _values(expected, lump)
        if is_ != due:
            raise Wrong(f"{why}: wallet {expected.name} has {is_}, due {due} (bucket: value, held)")

    def caught_up(self, name: str, rows: Rows, now: int) -> Wallet:
        """The wallet with everything done that was due of its life."""
        wallet = rows.wallets[name].copy()
        live(wallet, self.offer, now)
        return wallet

    @staticmethod
    def all_known(wallet: str, rows: Rows, now: int, but: str = "") -> bool:
        """Whether no session may have to end before the command is done."""
        return not any(one.until <= now and one.id != but for one in rows.open_of(wallet))

    # Who pays

    def bill(self, service: str, called: str, wallet: Wallet, now: int, request: int | None = None) -> Bill:
        """How the wallet pays for this from now on. `request`: the discount that was asked for."""
        product = self.offer.products.get(wallet.product)
        name = dict(product.cascades).get(service, "") if product else ""
        cascade = self.offer.cascades.get(name, ())
        own = self.offer.tariff(service, called, SUBJECTS.get(wallet.name, ""))
        subjects = {"cheap": self.offer.tariff(service, called, "cheap")} if service == "voice" else {}
        call = Call(str(service), "call", KNOWN[called], now, own, subjects, 6, cascade)
        return Bill(wallet, call, now, self.offer.discounts(request))

    def count(self, wallet: Wallet, service: str, since: int, usage: int, spent: int, now: int) -> None:
        """Trackers count usage in whole units of the session's so far, balances of expenditure the money (5.8): what
        the wallet has a bucket of that is not past and empty, for then its balance has gone."""
        there = [one for one in wallet.buckets if one.idle and (not 0 < one.expiry <= now or one.value or one.held)]
        for name in dict.fromkeys(one.balance_type for one in there):
            kind = self.offer.types[name]
            amount = 0
            if kind.category is Category.TRACKER and kind.service == service:
                amount = usage // kind.step - since // kind.step
            elif kind.category is Category.EXPENDITURE:
                amount = spent
            if amount:
                self.kinds[f"counted: {kind.category}"] += 1
                ends = (now // DAY + 1) * DAY if kind.period else 0
                fit = [one for one in wallet.buckets if one.balance_type == name and one.expiry == ends]
                (fit[0] if fit else add_bucket(wallet, self.offer, name, ends)).value += amount

    # Shared groups

    def rich(self, wallet: Wallet, rows: Rows, now: int) -> Wallet:
        """The wallet as if all that others share with it were its own (cgrates 3.6)."""
        shared = _shared(wallet)
        if not shared:
            return wallet
        found = wallet.copy()
        for member in self._members(wallet, rows, now):
            for name, bucket in _shared(member).items():
                if name in shared and bucket.free() > 0:
                    _shared(found)[name].value += bucket.free()
        return found

    def borrow(self, wallet: Wallet, before: Rows, after: Rows, now: int, why: object) -> dict[str, int]:
        """Put into the wallet what others have lent by this command: what they have less of, and they had it free."""
        actual, shared = after.wallets.get(wallet.name), _shared(wallet)
        if not shared or actual is None:
            return {}
        given = dict.fromkeys(shared, 0)
        for member in self._members(wallet, before, now):
            if self._gave(member, given, after):
                self.loans += 1
                self.same(member, after, f"{why}: a loan")
        for name, amount in given.items():
            shared[name].value += amount
        return {name: amount for name, amount in given.items() if amount}

    def lacked(self, wallet: Wallet, was: Wallet, got: dict[str, int], why: object) -> None:
        """Nobody lends more than is taken; one whose own comes first is lent only what he lacks. `was`: before the
        loan and what was taken of it."""
        for name, amount in got.items():
            group = GROUPS[name].groups[0]
            strategy = self.offer.snapshot.strategies.get((TENANT, group, EVERYONE), Strategy.MINE_RANDOM)
            left, before = _shared(wallet)[name].free(), _shared(was)[name].free()
            if left > (0 if strategy in OWN_FIRST else before):
                raise Wrong(f"{why}: {wallet.name} was lent {amount} of {name}, had {before}, has {left} left")

    def _members(self, wallet: Wallet, rows: Rows, now: int) -> list[Wallet]:
        mine, found = _shared(wallet), []
        for name, one in rows.wallets.items():
            if name != wallet.name and any(kind in mine for kind in _shared(one)):
                member = self.caught_up(name, rows, now)
                if member.state in ("active", "dormant"):
                    found.append(member)
        return found

    @staticmethod
    def _gave(member: Wallet, given: dict[str, int], after: Rows) -> bool:
        """Whether the member has less than it had; `member` becomes what it has then."""
        actual, gave = after.wallets.get(member.name), False
        for name, bucket in _shared(member).items():
            there = _shared(actual).get(name) if actual else None
            less = bucket.value - (there.value if there else 0)
            if name in given and less > 0:
                if less > bucket.free():
                    raise Wrong(f"{member.name} lent {less} of {name}, {bucket.free()} of it were free")
                given[name] += less
                bucket.value -= less
                gave = True
        return gave


def shares(wallet: Wallet) -> bool:
    """Whether it is in any group."""
    return bool(_shared(wallet))


def _shared(wallet: Wallet) -> dict[str, Bucket]:
    """The wallet's bucket of each shared balance type."""
    return {one.balance_type: one for one in wallet.buckets if one.balance_type in GROUPS}


def outside(wallet: Wallet, moves: Mapping[int, int]) -> dict[int, int]:
    """What was not taken from what it shares."""
    return {place: one for place, one in moves.items() if place not in [b.id for b in _shared(wallet).values()]}


def refused(command: object, outcome: Outcome, *refusals: str) -> None:
    """It has to be refused, and for one of these reasons."""
    if not isinstance(outcome, Refused) or outcome.refusal not in refusals:
        raise Wrong(f"{command} was answered {outcome}, due is {refusals}")


def _values(wallet: Wallet, lump: bool) -> dict[int, tuple[int, int]]:
    found: dict[int, tuple[int, int]] = {}
    for one in wallet.buckets:
        place = MAIN if lump and not one.unit else one.id
        value, held = found.get(place, (0, 0))
        found[place] = (value + one.value, held + one.held)
    return {place: pair for place, pair in found.items() if any(pair)}
