"""What a run of the living model is configured with: tariffs, units, products, groups, legs, rules: all from a seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

import msgspec
from tests.engine.paying_model import Tariff
from tests.model.living.bills import Discounts
from tests.snapshot_dict import DictSnapshot, interval, single_plan

from tollhouse.snapshot.accounts import Account, BalanceType, Category, MaximumPolicy, Period
from tollhouse.snapshot.groups import EVERYONE, Strategy
from tollhouse.snapshot.products import Batch, Cascade, Product, Promotion
from tollhouse.snapshot.rules import (
    DISCOUNT_RULES,
    ActivationRules,
    AdjustRules,
    EventRules,
    ExpiryRules,
    RechargeRules,
    RecordRules,
    ReservationRules,
    Rules,
    WalletRules,
)
from tollhouse.snapshot.tariff import Activation, Profile, Rounding, Slot
from tollhouse.values.commands import Service
from tollhouse.values.instants import DAY, HOUR, MINUTE, SECOND
from tollhouse.values.money import Unit
from tollhouse.values.uses import Use

EURO = 1_000_000
TENANT = "demo"

KNOWN = {
    "4420": (("4420", ("LONDON",)), ("44", ("UK",))),
    "3315": (("33", ("FRANCE",)),),
    "any": (),
}
"""Of each number that is called its prefixes in the tariff, the longest first, with their destinations."""

OWN = {
    "44": interval(Slot(0, 4, 2, 1, MINUTE, MINUTE), Slot(MINUTE, 0, 1, 1, MINUTE, 10 * SECOND)),
    "33": interval(Slot(0, 0, 5, 3, 10 * SECOND, 10 * SECOND), rounding=Rounding.MIDDLE, decimals=2),
}
"""To the 44: 0.4 to connect, 0.2 for the first minute, then 0.1 a minute by ten seconds, up at 4 decimals. To the 33:
0.005 for each ten seconds, to the nearest cent, a half up."""
CHEAP = {
    "44": interval(Slot(0, 0, 1, 2, 10 * SECOND, 10 * SECOND)),
    "33": interval(Slot(0, 13, 1, 3, 10 * SECOND, 10 * SECOND), rounding=Rounding.MIDDLE, decimals=2),
}
DATA = interval(Slot(0, 0, 1, 2, 10, 10), decimals=4)
"""0.01 for each ten octets: small numbers, so that they can be counted one by one."""
MESSAGE = interval(Slot(0, 0, 5, 2, 1, 1))

TYPES = {
    "cash": BalanceType("cash", "EUR", 10),
    "bonus": BalanceType("bonus", "EUR", 4),
    "minutes": BalanceType("minutes", "second", 2, "voice", SECOND),
    "octets": BalanceType("octets", "octet", 2, "data", 3),
    "texts": BalanceType("texts", "text", 2, "message", 1),
    "points": BalanceType("points", "point", 3, "generic", 1),
    "shared": BalanceType("shared", "EUR", 5),
    "pool": BalanceType("pool", "second", 1, "voice", SECOND),
    "happy": BalanceType("happy", "second", 20, "voice", SECOND, Category.DISCOUNT, discount=50),
    "club": BalanceType("club", "EUR", 21, category=Category.DISCOUNT, discount=15),
    "spent": BalanceType("spent", "EUR", 30, category=Category.EXPENDITURE),
    "talked": BalanceType("talked", "second", 31, "voice", SECOND, Category.TRACKER),
}
GROUPS = {"shared": Use(groups=("family",)), "pool": Use(groups=("firm",))}
"""Balance types that are always shared, each with its group: so a wallet has one bucket of each."""
COUNTING = ("spent", "talked")
LEGS = {"rich": ("reseller",), "gold1": ("reseller", "vendor")}
"""Whose calls are charged to others, too: accounts that are named as their wallets are."""
SUBJECTS = {"reseller": "cheap"}
"""Accounts that pay by another tariff than all others."""


@dataclass(frozen=True)
class Offer:
    """All that both the engine and the auditor are told."""

    rules: Rules
    types: Mapping[str, BalanceType]
    products: Mapping[str, Product]
    batches: Mapping[str, Batch]
    cascades: Mapping[str, tuple[str, ...]]
    wallets: tuple[tuple[str, str, str, int, int, int], ...]
    """(name, product, batch, opening, credit limit, sessions at a time)."""
    snapshot: DictSnapshot = field(compare=False)

    def discounts(self, request: int | None) -> Discounts:
        """What makes a session cheaper whose request took so much off."""
        discounts = [one for one in self.types.values() if one.category is Category.DISCOUNT]
        grants = {one.name: (one.discount, one.service, one.step) for one in discounts}
        return Discounts(self.rules.reservation, request, grants)

    @staticmethod
    def tariff(service: str, called: str, subject: str = "") -> Tariff:
        """What a subject pays for this: the model's own view of the same intervals."""
        if service == "voice":
            table = CHEAP if subject == "cheap" else OWN
            return Tariff(subject or "own", (table[called[:2]],))
        return Tariff("own", (DATA if service == "data" else MESSAGE,))


def offer(seed: int, begin: int) -> Offer:
    """Everything from the seed."""
    dice = Random(f"offer {seed}")
    bound = dice.choice((0, 0, 5 * EURO))
    policy = dice.choice(tuple(MaximumPolicy))
    bonus = BalanceType("bonus", "EUR", 4, maximum=bound, maximum_policy=policy)
    talked = msgspec.structs.replace(TYPES["talked"], period=dice.choice((Period.EVER, Period.DAILY)))
    types = {**TYPES, "bonus": bonus, "talked": talked}
    cascades = {"some": (*dice.sample(("bonus", "minutes", "octets", "texts", "points", "shared", "pool"), 4), "cash")}
    products = {name: _product(dice, name) for name in ("gold", "tin")}
    batches = {
        "open": Batch("open", "gold", True, dice.choice((0, begin + 20 * MINUTE, begin + 40 * DAY))),
        "shut": Batch("shut", "tin", False, 0),
    }
    rules = Rules(
        reservation=ReservationRules(
            unanswered_free_is_use=dice.random() < 0.7,
            discount_rule=dice.choice(DISCOUNT_RULES),
            discount_time=dice.random() < 0.5,
            discount_data=dice.random() < 0.5,
            discount_time_always_debited=dice.random() < 0.3,
        ),
        event=EventRules(activates_preuse=dice.random() < 0.7),
        activation=ActivationRules(
            overwrites_wallet_expiry=dice.random() < 0.3,
            dates_undated_wallet=dice.random() < 0.7,
            overwrites_bucket_expiry=dice.random() < 0.3,
            dates_undated_bucket=dice.random() < 0.7,
        ),
        expiry=ExpiryRules(
            wallet_states=dice.choice(("AD", "AD", "ADFPST", "A")), removal_is_only_listed=dice.random() < 0.5
        ),
        recharge=RechargeRules(
            activates_preuse=dice.random() < 0.7,
            revives_terminated=dice.random() < 0.5,
            today_dates_undated_bucket=dice.random() < 0.3,
            today_shortens_bucket=dice.random() < 0.3,
            replace_leaves_expiry_record=dice.random() < 0.5,
            record_per_balance=dice.random() < 0.3,
        ),
        wallet=WalletRules(makes_empty_buckets=dice.random() < 0.5),
        record=RecordRules(call_duration_in_time_expenditure=dice.random() < 0.5),
        adjust=AdjustRules(adjustment_needs_approval_above=dice.choice(("", "0.4", "60"))),
    )
    made = Offer(rules, types, products, batches, cascades, _wallets(dice), DictSnapshot())
    _configure(made, dice)
    return made


def _product(dice: Random, name: str) -> Product:
    gifts = dice.sample(("cash", "bonus", "minutes", "texts"), dice.randrange(3))
    cascades = (("voice", "some"),) if dice.random() < 0.25 else ()
    return Product(
        name,
        initial=dice.choice((0, 10 * MINUTE, 2 * DAY, 40 * DAY)),
        preuse=dice.choice((0, 15 * MINUTE, 20 * DAY)),
        dormant=dice.choice((0, 5 * MINUTE, 12 * HOUR, 10 * DAY)),
        terminated=dice.choice((0, 10 * MINUTE, 10 * DAY)),
        removed=dice.choice((0, 10 * MINUTE, 10 * DAY)),
        max_sessions=dice.choice((0, 0, 1, 2, 3)),
        promotions=tuple(Promotion(gift, worth(dice, gift), dice.choice((0, 10 * MINUTE, 3 * DAY))) for gift in gifts),
        bucket_lasts=(("bonus", 8 * MINUTE),) if dice.random() < 0.3 else (),
        cascades=cascades,
    )


def worth(dice: Random, balance_type: str) -> int:
    """Some of it."""
    most = {"cash": 2 * EURO, "bonus": EURO, "minutes": 200, "octets": 120, "texts": 6, "points": 40}
    most |= {"shared": EURO, "pool": 150, "happy": 200, "club": 3, "spent": EURO, "talked": 100}
    return dice.randrange(1, most[balance_type])


def _wallets(dice: Random) -> tuple[tuple[str, str, str, int, int, int], ...]:
    plain = (("rich", "", "", 20 * EURO, 0, 0), ("later", "", "", 0, 8 * EURO, dice.choice((0, 2))))
    sold = tuple(
        (name, product, batch, dice.randrange(5) * EURO, dice.choice((0, 0, EURO)), dice.choice((0, 0, 1, 2)))
        for name, product, batch in (("gold1", "gold", ""), ("gold2", "gold", "open"), ("tin1", "tin", ""))
    )
    legs = (
        ("reseller", "", "", dice.randrange(3, 12) * EURO, dice.choice((0, 0, 2 * EURO)), 0),
        ("vendor", "", "", dice.randrange(3, 20) * EURO, 0, dice.choice((0, 0, 3))),
    )
    return (*plain, *sold, ("shut1", "tin", "shut", EURO, 0, 0), *legs)


def _configure(made: Offer, dice: Random) -> None:
    snapshot = made.snapshot
    snapshot.tenants.append(TENANT)
    snapshot.units["EUR"] = Unit("EUR", 6)
    for kind in made.types.values():
        snapshot.units.setdefault(kind.unit, Unit(kind.unit, 0))
        snapshot.balance_types[kind.name] = kind
    snapshot.tags = {"4420": ("LONDON",)}
    snapshot.names.update({"44": "UK", "33": "FRANCE"})
    single_plan(snapshot, Service.VOICE, "OWN", {prefix: (one,) for prefix, one in OWN.items()})
    single_plan(snapshot, Service.DATA, "DATA", {"": (DATA,)})
    single_plan(snapshot, Service.MESSAGE, "MESSAGE", {"": (MESSAGE,)})
    snapshot.plans["CHEAP"] = {prefix: (one,) for prefix, one in CHEAP.items()}
    snapshot.profiles[TENANT, "call", Service.VOICE, "cheap"] = Profile((Activation(0, "CHEAP"),), "EUR", 6)
    snapshot.tenant_rules[TENANT] = made.rules
    snapshot.products = {(TENANT, name): product for name, product in made.products.items()}
    snapshot.batches = {(TENANT, name): batch for name, batch in made.batches.items()}
    snapshot.cascades = {(TENANT, name): Cascade(name, types) for name, types in made.cascades.items()}
    for name in sorted({*LEGS, *(leg for legs in LEGS.values() for leg in legs)}):
        subject, legs = SUBJECTS.get(name, name), LEGS.get(name, ())
        snapshot.accounts[name] = Account(name, TENANT, TENANT, name, subject, "call", b"", "", True, legs)
    for use in GROUPS.values():
        if dice.random() < 0.7:
            snapshot.strategies[TENANT, use.groups[0], EVERYONE] = dice.choice(tuple(Strategy))
