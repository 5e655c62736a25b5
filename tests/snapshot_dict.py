"""A snapshot made of dicts, for tests: the whole look-up protocol without a store; and the demo's configuration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_address, ip_network

from tollhouse.snapshot.accounts import Account, BalanceType, CarrierRate, Gateway
from tollhouse.snapshot.groups import DEFAULT_STRATEGY, EVERYONE, Strategy
from tollhouse.snapshot.lookups import Snapshot
from tollhouse.snapshot.products import Batch, Cascade, EventPrice, NamedEvent, Product
from tollhouse.snapshot.rules import Rules
from tollhouse.snapshot.tariff import Activation, Destinations, Interval, PrefixRates, Profile, Rounding, Slot
from tollhouse.values.commands import Service
from tollhouse.values.instants import MINUTE, SECOND
from tollhouse.values.money import Unit
from tollhouse.values.uses import Timing


class DictSnapshot:
    """Fill the public dicts, then hand it to whatever takes a `Snapshot`."""

    def __init__(self, generation: int = 1) -> None:
        self.number = generation
        self.tenants: list[str] = []
        self.subject_prefixes: set[str] = set()
        """Tenants that match subjects by prefix."""
        self.gateways: list[Gateway] = []
        self.accounts: dict[str, Account] = {}
        self.anis: dict[str, str] = {}
        """Calling number -> account name."""
        self.addresses: dict[str, str] = {}
        """CIDR block -> account name."""
        self.profiles: dict[tuple[str, str, str, str], Profile] = {}
        """(tenant, category, service, subject) -> profile."""
        self.plans: dict[str, dict[str, tuple[Interval, ...]]] = {}
        """Plan -> prefix -> intervals, of the destination that `names` says."""
        self.names: dict[str, str] = {"": "*any"}
        """Prefix -> the destination that plans price it as, where that is not `DST`."""
        self.rivals: dict[tuple[str, str], dict[str, tuple[Interval, ...]]] = {}
        """(plan, prefix) -> further destinations that have the prefix, with their intervals."""
        self.carrier_rates: list[tuple[str, CarrierRate]] = []
        """(prefix, rate)."""
        self.units: dict[str, Unit] = {}
        self.balance_types: dict[str, BalanceType] = {}
        self.tags: dict[str, tuple[str, ...]] = {}
        """Prefix -> destinations that no interval names."""
        self.tenant_rules: dict[str, Rules] = {}
        """Tenant -> its rules, where it has its own."""
        self.products: dict[tuple[str, str], Product] = {}
        """(tenant, name) -> product; batches and cascades likewise."""
        self.batches: dict[tuple[str, str], Batch] = {}
        self.cascades: dict[tuple[str, str], Cascade] = {}
        self.events: dict[tuple[str, str, str], NamedEvent] = {}
        """(tenant, class, name) -> event."""
        self.strategies: dict[tuple[str, str, str], Strategy] = {}
        """(tenant, shared group, wallet or `*any`) -> strategy."""

    @property
    def generation(self) -> int:
        return self.number

    def only_tenant(self) -> str:
        return self.tenants[0] if len(self.tenants) == 1 else ""

    def gateway(self, address: str, protocol: str) -> Gateway | None:
        cidr = longest_block(address, (gateway.cidr for gateway in self.gateways if protocol in gateway.protocols))
        fitting = [gateway for gateway in self.gateways if gateway.cidr == cidr and protocol in gateway.protocols]
        return fitting[0] if fitting else None

    def account_by_name(self, name: str) -> Account | None:
        return self.accounts.get(name)

    def account_by_ani(self, ani: str) -> Account | None:
        return self.accounts.get(self.anis.get(ani, ""))

    def account_by_address(self, address: str) -> Account | None:
        return self.accounts.get(self.addresses.get(longest_block(address, self.addresses), ""))

    def profile(self, tenant: str, category: str, service: str, subject: str) -> Profile | None:
        heads = [subject[:length] for length in range(len(subject), 0, -1)] if tenant in self.subject_prefixes else []
        found = [self.profiles.get((tenant, category, service, one)) for one in (subject, *heads)]
        return next((profile for profile in found if profile is not None), None)

    def has_plan(self, plan: str) -> bool:
        return plan in self.plans

    def rates(self, plan: str, digits: str) -> list[PrefixRates]:
        """As if all plans were of one import."""
        own = self.plans.get(plan, {})
        known = {prefix for prefixes in self.plans.values() for prefix in prefixes if prefix} | own.keys()
        heads = (digits[:length] for length in range(len(digits), -1, -1))
        return [PrefixRates(head, self._priced(plan, head, own.get(head, ()))) for head in heads if head in known]

    def _priced(self, plan: str, prefix: str, intervals: tuple[Interval, ...]) -> Destinations:
        named = {self.names.get(prefix, "DST"): intervals, **self.rivals.get((plan, prefix), {})}
        return tuple([(name, held) for name, held in sorted(named.items()) if held])

    def destinations(self, plan: str, digits: str) -> list[tuple[str, tuple[str, ...]]]:
        """As if all plans were of one import; a plan that is not there has none."""
        found: dict[str, set[str]] = {prefix: set(tags) for prefix, tags in self.tags.items()}
        for prefixes in self.plans.values():
            for prefix in prefixes:
                found.setdefault(prefix, set()).add(self.names.get(prefix, "DST"))
        for (_, prefix), named in self.rivals.items():
            found.setdefault(prefix, set()).update(named)
        heads = [digits[:length] for length in range(len(digits), 0, -1)] if plan in self.plans else []
        return [(head, tuple(sorted(found[head]))) for head in heads if head in found]

    def carriers(self, digits: str) -> list[CarrierRate]:
        best: dict[str, tuple[str, CarrierRate]] = {}
        for prefix, rate in self.carrier_rates:
            held = best.get(rate.carrier)
            if digits.startswith(prefix) and (held is None or len(held[0]) < len(prefix)):
                best[rate.carrier] = (prefix, rate)
        return [rate for _, rate in best.values()]

    def unit(self, name: str) -> Unit | None:
        return self.units.get(name)

    def balance_type(self, name: str) -> BalanceType | None:
        return self.balance_types.get(name)

    def rules(self, tenant: str) -> Rules:
        return self.tenant_rules.get(tenant, Rules())

    def product(self, tenant: str, name: str) -> Product | None:
        return self.products.get((tenant, name))

    def batch(self, tenant: str, name: str) -> Batch | None:
        return self.batches.get((tenant, name))

    def cascade(self, tenant: str, name: str) -> Cascade | None:
        return self.cascades.get((tenant, name))

    def named_event(self, tenant: str, event_class: str, name: str) -> NamedEvent | None:
        return self.events.get((tenant, event_class, name))

    def strategy(self, tenant: str, group: str, wallet: str) -> Strategy:
        everyone = self.strategies.get((tenant, group, EVERYONE), DEFAULT_STRATEGY)
        return self.strategies.get((tenant, group, wallet), everyone)


def longest_block(address: str, blocks: Iterable[str]) -> str:
    """The longest CIDR block that holds the address; empty if none does, or it is no address."""
    try:
        host = ip_address(address)
    except ValueError:
        return ""
    fitting = [block for block in blocks if host in ip_network(block)]
    return max(fitting, key=lambda block: ip_network(block).prefixlen, default="")


def interval(
    *slots: Slot,
    timing: Timing | None = None,
    weight: int = 10,
    rounding: Rounding = Rounding.UP,
    decimals: int = 4,
    max_cost: int = 0,
    strategy: str = "",
) -> Interval:
    """An interval with what most tests leave as it is filled in; `weight` in whole numbers."""
    when = timing or Timing()
    return Interval(when, weight * 1_000_000, slots, rounding, decimals, "RT", max_cost, strategy)


TUTORIAL = interval(
    Slot(start=0, fee=4, price=2, scale=1, unit=MINUTE, increment=MINUTE),
    Slot(start=MINUTE, fee=0, price=1, scale=1, unit=MINUTE, increment=SECOND),
)
"""Fee 0.4; 0.2 per 60 s in 60 s steps for the first minute, then 0.1 per 60 s in 1 s steps; up at 4 decimals."""
CENT_A_SECOND = interval(Slot(0, 0, 1, 2, SECOND, SECOND))
"""0.01 per second in 1 s steps."""
DATA = interval(Slot(0, 0, 1, 2, 1 << 20, 1 << 10), decimals=6)
"""0.01 per MiB in KiB steps."""
MESSAGE = interval(Slot(0, 0, 5, 2, 1, 1))
"""0.05 each."""


def single_plan(
    snapshot: DictSnapshot, service: Service, plan: str, prefixes: Mapping[str, tuple[Interval, ...]]
) -> None:
    """Price everyone's `service` in tenant demo, category call, by this plan, from the beginning of time."""
    snapshot.plans[plan] = dict(prefixes)
    snapshot.profiles["demo", "call", service, "*any"] = Profile((Activation(0, plan),), "EUR", 6)


def demo_snapshot() -> DictSnapshot:
    """Tenant demo: three subscribers, the tutorial's tariff, data, messages and an event, two carriers, a gateway."""
    snapshot = DictSnapshot()
    snapshot.tenants.append("demo")
    snapshot.units["EUR"] = Unit("EUR", 6)
    for name, order in (("bonus", 1), ("cash", 10)):
        snapshot.balance_types[name] = BalanceType(name, "EUR", order)
    for name in ("1001", "1002", "1003"):
        snapshot.accounts[name] = Account(name, "demo", "demo", name, name, "call", b"secret", "", True)
        snapshot.anis[name] = name
    snapshot.gateways.append(
        Gateway("loopback", "demo", "127.0.0.0/8", b"testing123", b"", ("radius", "diameter", "sip"))
    )
    snapshot.names.update(dict.fromkeys(("44", "1001", "1002"), "DST_TUTORIAL"))
    snapshot.names["331"] = "DST_331"
    voice = dict.fromkeys(("44", "1001", "1002"), (TUTORIAL,)) | {"331": (CENT_A_SECOND,)}
    single_plan(snapshot, Service.VOICE, "RP_DEMO", voice)
    single_plan(snapshot, Service.DATA, "RP_DATA", {"": (DATA,)})
    single_plan(snapshot, Service.MESSAGE, "RP_MESSAGE", {"": (MESSAGE,)})
    snapshot.events["demo", "VAS", "RING"] = NamedEvent("VAS", "RING", (EventPrice("", "EUR", 300_000_000),))
    for carrier, price in (("alpha", 50_000_000), ("beta", 60_000_000)):
        rate = CarrierRate(carrier, f"{carrier}.demo.invalid", 0, "", price, 10)
        snapshot.carrier_rates.extend((prefix, rate) for prefix in voice)
    return snapshot


def conforms() -> Snapshot:
    """mypy's proof that the whole protocol is there."""
    return DictSnapshot()
