"""The world of the numbered cases of requirement oracle_vws 7: littles without decimals, one for each second of a call.

Limits are the source's: grants of an hour at most, 350 s of tolerance. A session begins with its first request (IR), so
its reservation lapses grant and tolerance later.
"""

from __future__ import annotations

from msgspec.structs import replace
from tests.engine.rig import NAS, Rig, caller, granted, settled
from tests.snapshot_dict import DictSnapshot, demo_snapshot, interval

from tollhouse.engine.policy import Policy
from tollhouse.records.record import Record
from tollhouse.records.text import Event, Owner, kinds_of, parse, tags, text
from tollhouse.snapshot.accounts import BalanceType
from tollhouse.snapshot.products import Batch, Cascade, Product
from tollhouse.snapshot.rules import Rules
from tollhouse.snapshot.tariff import Activation, Interval, Profile, Slot
from tollhouse.values.commands import (
    Authorize,
    Caller,
    Charge,
    CreateWallet,
    Recharge,
    Service,
    Stop,
    Total,
    Update,
)
from tollhouse.values.instants import SECOND, Instant, format_instant, parse_instant
from tollhouse.values.money import Amount, Unit
from tollhouse.values.outcomes import BucketView, Outcome, Posted, WalletView
from tollhouse.values.recharges import Line, Validity

LIT = "LIT"
POLICY = Policy(max_grant=3600 * SECOND, tolerance=350 * SECOND)
ONE_A_SECOND = interval(Slot(0, 0, 1, 0, SECOND, SECOND), decimals=0)
TWO_A_SECOND = interval(Slot(0, 0, 2, 0, SECOND, SECOND), decimals=0)


def world(
    rules: Rules | None = None,
    *,
    products: tuple[Product, ...] = (),
    batches: tuple[Batch, ...] = (),
    cascades: tuple[Cascade, ...] = (),
    types: tuple[BalanceType, ...] = (),
) -> DictSnapshot:
    """A configuration in which a call costs one a second and money is `cash`, or `bonus`, which pays first."""
    snapshot = demo_snapshot()
    snapshot.units |= {LIT: Unit(LIT, 0), "second": Unit("second", 0)}
    own = (BalanceType("bonus", LIT, 1), BalanceType("cash", LIT, 10), *types)
    snapshot.balance_types = {one.name: one for one in own}
    priced(snapshot, "RP_ONE", ONE_A_SECOND)
    snapshot.tenant_rules["demo"] = rules or Rules()
    snapshot.products = {("demo", one.name): one for one in products}
    snapshot.batches = {("demo", one.name): one for one in batches}
    snapshot.cascades = {("demo", one.name): one for one in cascades}
    return snapshot


def priced(snapshot: DictSnapshot, plan: str, *intervals: Interval) -> None:
    """Every call is priced by this plan from now on: another generation of the configuration."""
    snapshot.plans[plan] = {"44": intervals}
    snapshot.profiles["demo", "call", Service.VOICE, "*any"] = Profile((Activation(0, plan),), LIT, 0)
    snapshot.number += 1


def rig_of(snapshot: DictSnapshot, policy: Policy = POLICY, at: str = "2026-04-30T10:00:00Z") -> Rig:
    """A rig on this configuration whose clock stands at `at`."""
    rig = Rig(policy, snapshot)
    rig.clock = parse_instant(at)
    return rig


def made(
    rig: Rig,
    opening: int = 0,
    *,
    credit: int = 0,
    product: str = "",
    batch: str = "",
    sessions: int = 0,
    types: tuple[str, ...] = (),
    name: str = "1001",
) -> WalletView:
    """A new wallet of littles."""
    new = CreateWallet("api", name, f"make-{name}", LIT, opening, credit)
    outcome = rig.ask(replace(new, product=product, batch=batch, max_sessions=sessions, balance_types=types))
    assert isinstance(outcome, WalletView), outcome
    return outcome


def filled(
    rig: Rig,
    amount: int,
    balance_type: str = "cash",
    validity: Validity = Validity(),  # noqa: B008 - a frozen value
    *,
    start: Instant = 0,
    bucket: int = 0,
    name: str = "1001",
) -> None:
    """A recharge of one line, under a key of its own."""
    line = Line(balance_type, amount, validity, bucket, start)
    posted(rig.ask(recharge(rig, line, name=name)))


def recharge(
    rig: Rig,
    *lines: Line,
    extension: Validity = Validity(),  # noqa: B008 - a frozen value
    name: str = "1001",
    key: str = "",
) -> Recharge:
    """A recharge of these lines."""
    key = key or f"recharge-{rig.store.batches}"
    return Recharge("api", name, key, Amount(0, LIT), lines=lines, extension=extension)


def initial(call: str = "c1", *, ask: int | None = None, client: str = NAS, name: str = "1001") -> Authorize:
    """IR: the session begins and wants so many seconds, or as many as there are."""
    wanted = None if ask is None else ask * SECOND
    return Authorize(caller(name, client), f"ir:{call}", (call,), Service.VOICE, "4420", ask=wanted, begin=True)


def subsequent(call: str, used: int, *, more: int | None = 0, client: str = NAS, name: str = "1001") -> Update:
    """SR: so many seconds in all, and more of them wanted."""
    return Update(caller(name, client), f"sr:{call}:{used}", (call,), Total(used * SECOND), more, called="4420")


def commit(
    call: str = "c1", used: int = 0, *, client: str = NAS, key: str = "", name: str = "1001", microseconds: int = 0
) -> Stop:
    """CR: so many seconds in all, and no more."""
    usage = Total(used * SECOND + microseconds)
    return Stop(caller(name, client), key or f"cr:{call}", (call,), usage, called="4420")


def event(cost: int, key: str = "ne", name: str = "1001") -> Charge:
    """NE: a one-shot charge."""
    return Charge(Caller("api", wallet=name), key, Amount(cost, LIT))


def seconds(outcome: Outcome) -> int:
    """How long the grant is."""
    return granted(outcome).granted // SECOND


def posted(outcome: Outcome) -> Posted:
    """The outcome as a movement."""
    assert isinstance(outcome, Posted), outcome
    return outcome


def cost(outcome: Outcome) -> int:
    """What the session cost that has ended."""
    return settled(outcome).cost


def buckets(rig: Rig, name: str = "1001") -> list[BucketView]:
    """As they pay."""
    return list(rig.wallet(name).buckets)


def values(rig: Rig, name: str = "1001") -> dict[int, int]:
    """Bucket -> value."""
    return {one.id: one.value for one in buckets(rig, name)}


def dates(rig: Rig, name: str = "1001") -> dict[int, str]:
    """Bucket -> its date, empty: never."""
    return {one.id: format_instant(one.expiry) if one.expiry else "" for one in buckets(rig, name)}


def kinds(rig: Rig, name: str = "1001") -> list[str]:
    """The kinds of the wallet's records."""
    return [record.kind for record in rig.records(name)]


def line_of(rig: Rig, record: Record, rules: Rules | None = None) -> dict[str, tuple[str, ...]]:
    """The record's line `TAG=value|...`, read again. Its wallet still has the buckets that it names."""
    wallet = rig.engine.book.wallet(record.wallet)
    assert wallet is not None
    before = {bucket.id: 0 for bucket in wallet.buckets}
    for earlier in rig.records(record.wallet):
        if earlier.sequence < record.sequence:
            for one in earlier.postings:
                before[one.bucket] = before.get(one.bucket, 0) + one.amount
    owner = Owner("engine", wallet.tenant, wallet.decimals, wallet.product)
    return parse(text(tags(Event(record), owner, kinds_of(wallet), before, rules or Rules())))
