"""A session that a wallet pays for, without the pipeline: granted, used, granted again, ended, as settling does it."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace
from tests.engine.dict_store import DictStore
from tests.snapshot_dict import DictSnapshot

from tollhouse.engine.book import PRICE, Book
from tollhouse.engine.laying import Laid, Ways, lay
from tollhouse.engine.limits import Share, shared_out
from tollhouse.engine.paying import ways
from tollhouse.engine.policy import Policy
from tollhouse.engine.session import Session
from tollhouse.engine.spending import spend
from tollhouse.engine.stretches import cut, upto
from tollhouse.engine.terms import Terms
from tollhouse.rating.price import resolve
from tollhouse.snapshot.tariff import Activation, Interval, Profile
from tollhouse.store.interface import Entry
from tollhouse.values.commands import Service
from tollhouse.values.instants import HOUR, Instant
from tollhouse.values.outcomes import Refused
from tollhouse.wallet.funds import give_back, reserve
from tollhouse.wallet.state import Wallet

POLICY = Policy()


def priced(
    subjects: Mapping[str, tuple[Interval, ...]],
    prefix: str,
    decimals: int,
    service: Service = Service.VOICE,
    category: str = "call",
) -> DictSnapshot:
    """A configuration in which each of the subjects has its own price for the prefix."""
    snapshot = DictSnapshot()
    for subject, intervals in subjects.items():
        snapshot.plans[subject] = {prefix: intervals}
        profile = Profile((Activation(0, subject),), "EUR", decimals)
        snapshot.profiles["demo", category, service, subject] = profile
    return snapshot


class Paying:
    """One session, at an instant that stands still. `before`: the wallet as it was granted from."""

    def __init__(
        self,
        snapshot: DictSnapshot,
        wallet: Wallet,
        called: str,
        began: Instant,
        service: Service = Service.VOICE,
        category: str = "call",
        id_: str = "s",
    ) -> None:
        self.wallet = self.before = self.first = wallet
        self.now = began
        self.book = Book(DictStore(), snapshot, 10_000)
        for tenant, of, kind, subject in snapshot.profiles:
            found = resolve(snapshot, tenant, of, Service(kind), subject, called, began, POLICY.horizon)
            assert not isinstance(found, Refused)
            named, fresh = self.book.hash_of(found)
            self.book.install(fresh, [Entry(PRICE, one.hash, b"") for one in fresh], [])
            if subject == "*any":
                self.terms, price_hash = Terms(found, service), named
        self.session = Session(
            id_,
            "nas",
            wallet.name,
            "demo",
            "1001",
            service,
            "1001",
            called,
            ("c",),
            price_hash,
            began,
            began,
            began + HOUR,
            category=category,
        )

    def ways(self, worst: Instant = 0) -> Ways:
        """How the wallet may pay now."""
        found = ways(self.book, self.session, self.terms, self.wallet, POLICY.horizon, self.now, worst)
        assert not found.fresh
        return found.ways

    def grant(self, target: int, worst: Instant = 0) -> Laid:
        """Hold for usage up to this age, or as far as there is money; what was held goes back first."""
        self._release()
        asked = self.ways(worst)
        kept = cut(self.session.stretches, asked.prices, self.session.began, self.session.used)
        return self._hold(lay(asked, self.wallet, kept, target, self.now))

    def share(self, part: Share, ask: int) -> Laid | Refused:
        """The same within the session's share of the wallet."""
        self._release()
        gone = self.session.used
        laid = shared_out(self.ways(), self.wallet, self.session, part, gone, gone + ask, self.now)
        return laid if isinstance(laid, Refused) else self._hold(laid)

    def use(self, usage: int, debt: bool = True) -> int:
        """It has used so much in all; what nobody pays of it."""
        spent = spend(self.book, POLICY, self.terms, self.session, self.wallet, usage, self.now, debt)
        self.wallet, self.session = spent.wallet, spent.session
        return spent.forgone

    def end(self) -> None:
        """What it still holds goes back, so that nothing is laid out beyond what it has used."""
        self._release()
        self.session = replace(self.session, stretches=upto(self.session.stretches, self.session.used))

    def change(self, place: int, amount: int) -> None:
        """So much comes into a bucket, or another session takes it."""
        self.wallet, self.first = _changed(self.wallet, place, amount), _changed(self.first, place, amount)

    def moved(self) -> dict[int, int]:
        """What the session has taken from each bucket."""
        values = {bucket.id: bucket.value for bucket in self.wallet.buckets}
        return {one.id: one.value - values[one.id] for one in self.first.buckets if one.value != values[one.id]}

    def values(self) -> dict[int, int]:
        """What each bucket has."""
        return {bucket.id: bucket.value for bucket in self.wallet.buckets}

    def _release(self) -> None:
        self.wallet = give_back(self.wallet, self.session.lines)
        self.session = replace(self.session, lines=())

    def _hold(self, laid: Laid) -> Laid:
        self.before = self.wallet
        self.wallet = reserve(self.wallet, laid.lines)
        self.session = replace(self.session, lines=laid.lines, stretches=laid.stretches, granted=laid.reach)
        return laid


def _changed(wallet: Wallet, place: int, amount: int) -> Wallet:
    buckets = [replace(one, value=one.value + amount) if one.id == place else one for one in wallet.buckets]
    return replace(wallet, buckets=tuple(buckets))
