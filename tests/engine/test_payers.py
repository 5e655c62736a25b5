"""Which buckets may pay for a call, and in which order (requirements oracle_vws 5.4, cgrates 3.2)."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from tollhouse.values.commands import Service
from tollhouse.values.instants import HOUR, MINUTE, parse_instant
from tollhouse.values.uses import Timing, Use
from tollhouse.wallet.payers import Asked, payers, precision
from tollhouse.wallet.state import Bucket, Wallet

NOON = parse_instant("2026-11-26T12:00:00Z")
KNOWN = (("4420", ("LONDON", "CAPITALS")), ("44", ("UK",)), ("4", ("FOUR",)))
"""What the tariff knows of 4420711, the longest prefix first."""
VOICE = Asked(Service.VOICE, "call", KNOWN)
MAIN = Bucket(1, "cash", 100, order=5)


def paid_by(*buckets: Bucket, asked: Asked = VOICE, cascade: Sequence[str] = (), now: int = NOON) -> list[int]:
    """The ids of those that pay, in their order."""
    wallet = Wallet("w", "demo", "EUR", 2, 0, buckets)
    return [bucket.id for bucket in payers(wallet, asked, cascade, now)]


def bucket(id_: int, **fields: object) -> Bucket:
    """A bucket of 10 at the place of the main one."""
    return replace(Bucket(id_, "bonus", 10, order=5), **fields)


def to(*destinations: str) -> Use:
    """Only for these."""
    return Use(destinations=destinations)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"order": 1}, {"order": 2, "use": to("LONDON"), "weight": 9, "expiry": NOON + 1}),
        ({"use": to("LONDON")}, {"use": to("UK"), "weight": 9, "expiry": NOON + 1}),
        ({"use": to("UK")}, {"weight": 9, "expiry": NOON + 1}),
        ({"use": to("!PARIS")}, {"use": to("UK"), "weight": 9}),  # the longest known prefix, 4420, beats 44
        ({"weight": 2}, {"weight": 1, "expiry": NOON + 1}),
        ({"weight": -1}, {"weight": -2}),
        ({"expiry": NOON + 1}, {"expiry": NOON + 2}),
        ({"expiry": NOON + 9 * HOUR}, {}),  # what never expires waits
    ],
    ids=["place", "precision", "any precision", "exclusions", "weight", "negative weight", "expiry", "no expiry"],
)
def test_the_cascade_then_precision_weight_expiry(first: dict[str, object], second: dict[str, object]) -> None:
    """Whatever their ids, and in whatever order the wallet has them."""
    for one, other in ((2, 3), (3, 2)):
        before, after = bucket(one, **first), bucket(other, **second)
        assert paid_by(before, after) == [one, other]
        assert paid_by(after, before) == [one, other]


def test_the_lower_id_is_last_to_decide() -> None:
    assert paid_by(bucket(9), bucket(2), bucket(4), MAIN) == [1, 2, 4, 9]


def test_the_order_is_one_whatever_the_wallets_own() -> None:
    """Ten shuffles of ten buckets pay in one order."""
    dice = random.Random(3)
    made = [
        bucket(
            id_,
            order=dice.randrange(2),
            weight=dice.randrange(2),
            expiry=dice.choice((0, NOON + HOUR)),
            use=dice.choice((None, to("UK"), to("LONDON"))),
        )
        for id_ in range(1, 11)
    ]
    orders = {tuple(paid_by(*dice.sample(made, len(made)))) for _ in range(10)}
    assert len(orders) == 1
    assert sorted(orders.pop()) == list(range(1, 11))


def test_a_cascade_names_who_pays_and_in_which_order() -> None:
    """41 before 40 whatever their own places; what it does not name does not pay."""
    of_40, of_41 = bucket(2, balance_type="40", order=1), bucket(3, balance_type="41", order=9)
    other = bucket(4, balance_type="42", order=0)
    assert paid_by(of_40, of_41, other) == [4, 2, 3]
    assert paid_by(of_40, of_41, other, cascade=("41", "40")) == [3, 2]
    assert paid_by(of_40, of_41, other, cascade=("43",)) == []


@pytest.mark.parametrize(
    ("destinations", "length"),
    [
        ((), 0),
        (("UK",), 2),
        (("LONDON",), 4),
        (("UK", "LONDON"), 4),
        (("FOUR", "UK"), 2),
        (("PARIS",), None),
        (("UK", "PARIS"), 2),
        (("!LONDON",), None),
        (("UK", "!LONDON"), None),  # the longest prefix that it names anything of is 4420
        (("LONDON", "!CAPITALS"), None),  # both have 4420: an exclusion among them
        (("LONDON", "!UK"), 4),  # 4420 decides before 44 is looked at
        (("UK", "!PARIS"), 2),
        (("UK", "!FOUR"), 2),
        (("!PARIS",), 4),  # only exclusions: the longest known prefix decides
        (("!UK",), 4),
        (("!CAPITALS", "!UK"), None),
    ],
)
def test_precision(destinations: tuple[str, ...], length: int | None) -> None:
    """The length of the prefix by which it pays; None: not for this number."""
    assert precision(bucket(2, use=to(*destinations)), KNOWN) == length
    assert precision(bucket(2, use=to(*reversed(destinations))), KNOWN) == length


@pytest.mark.parametrize(
    ("destinations", "length"), [((), 0), (("UK",), None), (("!UK",), 0), (("UK", "!PARIS"), None)]
)
def test_precision_where_the_tariff_knows_nothing_of_the_number(
    destinations: tuple[str, ...], length: int | None
) -> None:
    """Then nothing is excluded, and nothing included."""
    assert precision(bucket(2, use=to(*destinations)), ()) == length


@pytest.mark.parametrize(
    ("fields", "pays"),
    [
        ({}, True),
        ({"value": 0}, False),
        ({"value": -3}, False),
        ({"held": 10}, False),
        ({"held": 9}, True),
        ({"start": NOON}, True),
        ({"start": NOON + 1}, False),
        ({"expiry": NOON}, False),
        ({"expiry": NOON + 1}, True),
        ({"use": Use(disabled=True)}, False),
        ({"use": Use(categories=("call",))}, True),
        ({"use": Use(categories=("sms", "call"))}, True),
        ({"use": Use(categories=("sms",))}, False),
        ({"use": to("PARIS")}, False),
        ({"use": to("!LONDON")}, False),
        ({"service": "voice"}, True),
        ({"service": "generic"}, True),
        ({"service": "data"}, False),
        ({"use": Use(timings=(Timing(years=(2020,)),))}, True),  # asked for every stretch of the call, not here
        ({"value": 0, "use": Use(blocker=True)}, True),  # requirement cgrates 3.2: to stop the others
        ({"held": 10, "use": Use(blocker=True)}, True),
        ({"value": 0, "use": Use(groups=("G",))}, True),  # others of the group may have something
        ({"value": 0, "use": Use(blocker=True, disabled=True)}, False),
        ({"value": 0, "expiry": NOON, "use": Use(blocker=True)}, False),
        ({"value": 0, "use": Use(blocker=True, destinations=("PARIS",))}, False),
        ({"value": 0, "use": Use(blocker=True, categories=("sms",))}, False),
    ],
)
def test_who_may_pay(fields: dict[str, object], pays: bool) -> None:
    assert paid_by(bucket(2, **fields)) == ([2] if pays else [])


def test_another_service_asks_its_own_units() -> None:
    """Money pays for all, units for theirs, generic ones for any."""
    buckets = [bucket(id_, service=name) for id_, name in ((1, ""), (2, "voice"), (3, "data"), (4, "generic"))]
    assert paid_by(*buckets) == [1, 2, 4]
    assert paid_by(*buckets, asked=Asked(Service.DATA, "call", KNOWN)) == [1, 3, 4]
    assert paid_by(*buckets, asked=Asked(Service.MESSAGE, "call", KNOWN)) == [1, 4]


def test_cases_32_33_the_worst_case() -> None:
    """A call of an hour from 12:00. With a start and an end: kept; an end at 12:30: not; 15:00, never: kept. Where the
    worst case is not looked at (0), all of them."""
    dated = bucket(2, start=NOON - HOUR, expiry=NOON + 30 * MINUTE)
    half_past, three, never = bucket(3, expiry=NOON + 30 * MINUTE), bucket(4, expiry=NOON + 3 * HOUR), bucket(5)
    worst = Asked(Service.VOICE, "call", KNOWN, NOON + HOUR)
    assert paid_by(dated, half_past, three, never, asked=worst) == [2, 4, 5]
    assert paid_by(dated, half_past, three, never) == [2, 3, 4, 5]
    assert paid_by(bucket(2, expiry=NOON + HOUR), asked=worst) == [2]
    assert paid_by(bucket(2, expiry=NOON + HOUR - 1), asked=worst) == []
