"""What clients and operators do in a run of the living model: acts made from a seed, in episodes with long gaps."""

from __future__ import annotations

from random import Random

from tests.model.living.offer import COUNTING, EURO, GROUPS, LEGS, Offer, worth
from tests.model.traffic import Act, Call, Shot, Style

from tollhouse.values.commands import (
    Adjust,
    Approve,
    Caller,
    ChangeWallet,
    Charge,
    CloseClient,
    Command,
    CreateWallet,
    Decline,
    Inspect,
    Recharge,
    Refund,
    RemoveWallet,
    Service,
    Transfer,
)
from tollhouse.values.instants import DAY, MINUTE, SECOND
from tollhouse.values.money import Amount
from tollhouse.values.recharges import ExpiryPolicy, Line, Validity
from tollhouse.values.uses import Use

EPISODES = ((0, 0.6), (DAY, 0.2), (31 * DAY, 0.2))
"""So long after the one before's span begins another, with this part of the acts."""

USES = (
    None,
    None,
    Use(subject="*zero1s"),
    Use(subject="*zero1m"),
    Use(subject="cheap"),
    Use(destinations=("UK",)),
    Use(destinations=("LONDON",), subject="*zero10s"),
    Use(destinations=("!UK",)),
    Use(categories=("call",)),
    Use(categories=("other",)),
    Use(blocker=True),
)
LINES = (
    *("cash", "bonus", "bonus", "minutes", "minutes", "octets", "texts", "points", "shared", "shared", "pool", "pool"),
    *("happy", "club", "talked"),
)
PAYEES = {leg for legs in LEGS.values() for leg in legs}
"""Wallets that others' calls are charged to. They are in no group, so that no call is charged to one wallet twice."""
PLAIN = ("cash", "happy", "club", "talked")
"""What has no use of its own."""
FACTORS = Use(factors=(("voice", 7 * SECOND), ("data", 5), ("message", 1)))


def opening(offer: Offer) -> list[CreateWallet]:
    """The wallets of every run."""
    return [make(name, offer, f"make-{name}:create") for name, *_ in offer.wallets]


def make(name: str, offer: Offer, key: str, other: str = "") -> CreateWallet:
    """The order to make this wallet, or another like it."""
    product, batch, opening, credit, sessions = next(row[1:] for row in offer.wallets if row[0] == name)
    kinds = ("bonus", "minutes", *COUNTING) if product else COUNTING[: len(name) % 3]
    return CreateWallet(
        *("api", other or name, key, "EUR", opening, credit),
        product=product,
        batch=batch,
        max_sessions=sessions,
        balance_types=kinds,
    )


def acts(seed: int, offer: Offer, begin: int, calls: int, shots: int, span: int) -> list[Act]:
    """Calls and one-shots, spread over the episodes."""
    dice = Random(f"living {seed}")
    starts = []
    at = begin
    for gap, part in EPISODES:
        at += gap
        starts.append((at, int(span * part), part))
        at += int(span * part)
    made: list[Act] = []
    for number in range(calls + shots):
        start, length, _ = dice.choices(starts, [part for *_, part in starts])[0]
        when = start + dice.randrange(length)
        made.append(_call(dice, number, when, offer) if number < calls else _shot(dice, number, when, offer))
    return made


def _call(dice: Random, number: int, at: int, offer: Offer) -> Call:
    style = dice.choices((Style.RADIUS, Style.DIAMETER, Style.DATA, Style.BARE), (4, 5, 3, 1))[0]
    called = "any" if style is Style.DATA else dice.choice(("4420", "3315"))
    most = 300 if style is Style.DATA else dice.choice((5, 60, 130, 300)) * SECOND
    name = dice.choice(offer.wallets)[0]
    steps = dice.randrange(1, 4) if dice.random() < 0.12 else 99
    usage, reports = dice.randrange(most), dice.randrange(4)
    overrun, new_keys = dice.random() < 0.15, dice.random() < 0.3
    discount = dice.choice((None, None, None, 1000, 3333, 5000, 10_000))
    return Call(number, at, name, style, called, usage, reports, steps, overrun, new_keys, discount)


def _shot(dice: Random, number: int, at: int, offer: Offer) -> Shot:
    name = dice.choice(offer.wallets)[0]
    key = f"{number}:shot"
    kinds: dict[str, float] = {"recharge": 8, "refund": 1, "amount": 2, "units": 3, "look": 4, "transfer": 5}
    kinds |= {"change": 2, "remove": 0.4, "make": 1.5, "close": 0.4, "adjust": 3}
    kind = dice.choices(list(kinds), list(kinds.values()))[0]
    caller, amount = Caller("api", wallet=name), Amount(dice.randrange(1, EURO), "EUR")
    if kind == "recharge":
        return Shot(number, at, *_recharge(dice, name, key, at, offer))
    if kind == "transfer":
        return Shot(number, at, *_transfer(dice, name, key, offer))
    if kind == "adjust":
        return _adjust(dice, number, at, name, offer)
    command: Command
    twist: Command | None = None
    if kind == "refund":
        command = Refund(caller, key, amount)
    elif kind == "amount":
        command = Charge(caller, key, amount)
        twist = Charge(caller, key, Amount(amount.value + 1, "EUR")) if dice.random() < 0.3 else None
    elif kind == "units":
        command = Charge(caller, key, service=Service.MESSAGE, called="any", units=dice.randrange(1, 7))
    elif kind == "change":
        command = _change(dice, name, key, at)
    elif kind == "remove":
        command = RemoveWallet("api", name, key)
    elif kind == "make":
        command = make(name, offer, key, f"{name}-{number}" if dice.random() < 0.5 else name)
    elif kind == "close":
        command = CloseClient(dice.choice(("nas", "pgw")), f"close-{number}:shot", "reboot")
    else:
        command = Inspect("api", wallet=name)
    return Shot(number, at, command, twist)


def _change(dice: Random, name: str, key: str, at: int) -> ChangeWallet:
    what = dice.randrange(6)
    if what == 0:
        return ChangeWallet("api", name, key, credit_limit=dice.randrange(3) * EURO)
    if what == 1:
        return ChangeWallet("api", name, key, expiry=_whole(at) + dice.randrange(1, 900) * SECOND)
    state = dice.choice(("suspended", "frozen", "active", "active", "active", "terminated"))
    return ChangeWallet("api", name, key, state=state)


def _recharge(dice: Random, name: str, key: str, at: int, offer: Offer) -> tuple[Recharge, Recharge | None]:
    lines = tuple(_line(dice, at, name in PAYEES) for _ in range(dice.choice((1, 1, 2, 3))))
    extension = Validity()
    if dice.random() < 0.25:
        policy = dice.choice((ExpiryPolicy.EXTEND_FROM_EXPIRY, ExpiryPolicy.LATER_OF, ExpiryPolicy.FROM_TODAY))
        extension = Validity(policy, period=dice.choice((10 * MINUTE, 2 * DAY, 40 * DAY)))
    first = lines[0]
    kind = offer.types[first.balance_type]
    none = Amount(0, kind.unit)
    made = Recharge("api", name, key, none, first.balance_type, lines=lines, extension=extension)
    twist = None
    if dice.random() < 0.2:
        twist = Recharge("api", name, key, Amount(1, kind.unit), first.balance_type, lines=lines, extension=extension)
    return made, twist


def _adjust(dice: Random, number: int, at: int, name: str, offer: Offer) -> Shot:
    """A correction by hand, and perhaps what another operator (or the same one) says to it."""
    kind = offer.types[dice.choice(("cash", "cash", "bonus", "minutes", "spent"))]
    amount = Amount(dice.choice((-1, 1, 1)) * worth(dice, kind.name), kind.unit)
    key, operator = f"{number}:shot", dice.choice(("ann", "bob"))
    proposed = dice.random() < 0.4
    made = Adjust("api", name, key, amount, operator, "counted", kind.name, proposed=proposed)
    second: Command | None = None
    what = dice.choice(("approve", "approve", "decline", "", "twist"))
    if what == "approve":
        second = Approve("api", key, f"{number}:approve", dice.choice(("ann", "bob", "cyd")))
    elif what == "decline":
        second = Decline("api", key, f"{number}:decline", operator)
    elif what == "twist":
        second = Adjust("api", name, key, Amount(amount.value + 1, kind.unit), operator, "counted", kind.name)
    return Shot(number, at, made, second, dice.randrange(5, 90) * SECOND)


def _line(dice: Random, at: int, alone: bool) -> Line:
    """`alone`: into a wallet that shares nothing."""
    name = dice.choice(LINES)
    name = "cash" if alone and name in GROUPS else name
    if name in GROUPS:
        return Line(name, worth(dice, name), use=GROUPS[name])
    policy = dice.choice(tuple(ExpiryPolicy))
    period = dice.choice((90 * SECOND, 5 * MINUTE, 20 * MINUTE, 2 * DAY, 35 * DAY))
    validity = Validity(policy, period=period, date=_whole(at) + dice.randrange(30, 1500) * SECOND)
    use = FACTORS if name == "points" else None if name in PLAIN else dice.choice(USES)
    if name in ("octets", "texts") and use is not None and use.subject:
        use = None
    if name == "bonus" and use is not None and use.subject.startswith("*"):
        use = None
    weight = dice.choice((0, 0, 10))
    return Line(name, worth(dice, name), validity, weight=weight, use=use, replace=dice.random() < 0.1)


def _transfer(dice: Random, name: str, key: str, offer: Offer) -> tuple[Transfer, Transfer | None]:
    target = dice.choice(offer.wallets)[0]
    what = dice.choice(("cash", "cash", "bonus", "minutes", "texts", "shared", "pool"))
    kind = offer.types["cash" if target in PAYEES else what]
    amount = max(worth(dice, kind.name) // 3, 1)
    made = Transfer("api", name, target, key, Amount(amount, kind.unit), kind.name)
    twist = Transfer("api", name, target, key, Amount(amount + 1, kind.unit), kind.name)
    return made, twist if dice.random() < 0.2 else None


def _whole(at: int) -> int:
    return at // SECOND * SECOND
