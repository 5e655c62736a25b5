"""Event records as lines `TAG=value|TAG=value`, for billing systems. Source: requirement oracle_vws 6; docs/records.md.

COSTS are positive where money or units left the wallet, negative where they came in, and hold every posting: over any
interval they sum to what the balance fell (case 144). BALANCES are those before the event.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

import msgspec
from msgspec.structs import replace

from tollhouse.records.record import Call, Occurred, Record
from tollhouse.records.units import decimals_of
from tollhouse.snapshot.rules import RecordRules, Rules
from tollhouse.values.commands import RequestType
from tollhouse.values.instants import Duration, Instant, format_seconds, to_datetime
from tollhouse.values.money import format_amount
from tollhouse.wallet.state import EXPIRY, Lines, Posting, Wallet

Tags: TypeAlias = Mapping[str, tuple[str, ...]]
"""A line's tags, each with its list of values: never an empty list, a tag without values is left out."""

TYPES: Final[Mapping[str, int]] = MappingProxyType(
    {
        "session": 1,
        "open": 2,
        "change": 2,
        "expiry": 3,
        "voucher": 4,
        "charge": 5,
        "refund": 5,
        "recharge": 8,
    }
)
"""A record's kind to its CDR_TYPE; 0: the source has none for it, and KIND says what it is."""
SESSION, EXPIRED, EVENT = 1, 3, 5

PERCENT_DECIMALS: Final = 2
"""Shares are hundredths of a percent."""
WHOLE: Final = 1000
"""A display ratio of 1."""

_ESCAPES: Final = {"\\": "\\\\", "|": "\\p", "=": "\\e", ",": "\\c", "\n": "\\n", "\r": "\\r"}
_PLAIN: Final = {escape[1]: plain for plain, escape in _ESCAPES.items()}
_ESCAPED: Final = re.compile(r"[\\|=,\n\r]")
_ESCAPE: Final = re.compile(r"\\(.?)", re.DOTALL)
_TAG: Final = re.compile(r"[A-Z][A-Z0-9_]*")


class BucketKind(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What a posting does not say of its bucket. `ratio`: its unit's display ratio in thousandths."""

    balance_type: str
    unit: str
    decimals: int
    ratio: int = WHOLE


class Owner(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Whose records they are: the engine that wrote them, the wallet's provider, unit's decimals and product."""

    engine: str
    tenant: str
    decimals: int
    product: str = ""


class Rating(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """How a session was priced. `lengths` of usage, one for each tariff that it met; `charged`: with the last increment
    whole; the rest as texts that are ready to be shown.
    """

    lengths: tuple[int, ...]
    rates: tuple[str, ...] = ()
    charged: int = 0
    cascade: str = ""
    most: str = ""
    discounts: tuple[str, ...] = ()
    wallet_discounts: tuple[str, ...] = ()
    wallet_discount_cascade: str = ""


class Event(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What one line tells: a record, where it is a session's last one with the postings of those before it.

    `earlier`: what those moved per bucket; `sequences`: their numbers and its own.
    """

    record: Record
    earlier: Lines = ()
    sequences: tuple[int, ...] = ()


Waiting: TypeAlias = Mapping[str, Event]
"""Session to what of it waits for its last record."""


def gather(
    waiting: Mapping[str, Event], record: Record, rules: RecordRules
) -> tuple[Mapping[str, Event], Event | None]:
    """The next record of a wallet: what has a line now, and which sessions' commits wait for their last one (case 45).

    Every record is in exactly one line, at last. `waiting` is empty at first.
    """
    call = record.call
    if call is None or rules.mid_session_commits:
        return waiting, Event(record, (), (record.sequence,))
    before = waiting.get(call.session)
    postings, numbers = (before.record.postings, before.sequences) if before else ((), ())
    moved: dict[int, int] = {}
    for posting in postings:
        moved[posting.bucket] = moved.get(posting.bucket, 0) + posting.amount
    whole = replace(record, postings=(*postings, *record.postings))
    event = Event(whole, tuple(moved.items()), (*numbers, record.sequence))
    others = {session: one for session, one in waiting.items() if session != call.session}
    return (others, event) if call.ended else ({**others, call.session: event}, None)


def tags(
    event: Event,
    owner: Owner,
    kinds: Mapping[int, BucketKind],
    before: Mapping[int, int],
    rules: Rules = Rules(),  # noqa: B008 - a frozen value
    rating: Rating | None = None,
) -> Tags:
    """The line's tags. `kinds`, `before`: of every bucket of the wallet, as they were before the event's record."""
    record = event.record
    kind = TYPES.get(record.kind, 0) if record.event is None else EVENT
    found: dict[str, tuple[str, ...]] = {
        "SEQUENCE_NUMBER": (str(record.sequence),),
        "CDR_TYPE": (str(kind),),
        "RECORD_DATE": (date(record.at),),
        "BILLING_ENGINE_ID": (owner.engine,),
        "ACCT_ID": (record.wallet,),
        "ACCT_REF_ID": (record.call.account if record.call else "",),
        "ACS_CUST_ID": (owner.tenant,),
        "KIND": (record.kind,),
    }
    found |= _given({"ACCOUNT_TYPE": owner.product, "PI": record.client, "REFERENCE": record.request})
    if len(event.sequences) > 1:
        found["RECORDS"] = tuple(map(str, event.sequences))
    if record.postings:
        found |= _balances(event, kind, kinds, before, rules)
    if record.call is not None:
        found |= _session(record.call, record.places(owner.decimals), rules.record, rating)
    if record.event is not None:
        found |= _named(record.event, record.call is None)
    if kind == EVENT:
        money = [one.amount for one in record.postings if _kind(kinds, one.bucket, record).unit == record.unit]
        found["EVENT_COST"] = (format_amount(-sum(money), record.places(owner.decimals)),)
    return found | _given({"NOTE": record.note})


def text(line: Tags) -> str:
    """The tags as one line, without its end. ValueError: a tag that is none, or has no values."""
    for name, values in line.items():
        if not _TAG.fullmatch(name) or not values:
            raise ValueError(f"no tag: {name!r} with {len(values)} values")
    return "|".join(f"{name}={','.join(map(escaped, values))}" for name, values in line.items())


def parse(line: str) -> dict[str, tuple[str, ...]]:
    """The tags of a line again. ValueError: it is none."""
    found: dict[str, tuple[str, ...]] = {}
    for part in line.split("|"):
        name, equals, values = part.partition("=")
        if not _TAG.fullmatch(name) or not equals or name in found:
            raise ValueError(f"no TAG=value: {part[:40]!r}")
        found[name] = tuple(map(plain, values.split(",")))
    return found


def escaped(value: str) -> str:
    """The value without the characters that part a line: each becomes a backslash and a letter of its own."""
    return _ESCAPED.sub(lambda found: _ESCAPES[found[0]], value)


def plain(value: str) -> str:
    """The inverse of `escaped`. ValueError: a backslash with nothing that is known behind it, or a bare separator."""
    if any(character in "|=,\n\r" for character in value):
        raise ValueError(f"a separator within {value[:40]!r}")
    try:
        return _ESCAPE.sub(lambda found: _PLAIN[found[1]], value)
    except KeyError as unknown:
        raise ValueError(f"no escape: a backslash and {unknown.args[0]!r}") from None


def date(at: Instant) -> str:
    """YYYYMMDDHHMMSS, UTC."""
    return to_datetime(at).strftime("%Y%m%d%H%M%S")


def kinds_of(wallet: Wallet) -> dict[int, BucketKind]:
    """The wallet's buckets as they are named now."""
    return {
        bucket.id: BucketKind(bucket.balance_type, bucket.unit or wallet.unit, decimals_of(bucket, wallet.decimals))
        for bucket in wallet.buckets
    }


def _balances(
    event: Event, kind: int, kinds: Mapping[int, BucketKind], before: Mapping[int, int], rules: Rules
) -> dict[str, tuple[str, ...]]:
    """The lists aligned with BALANCE_TYPES, in the order in which the record names their buckets."""
    record = event.record
    names = {bucket: one.balance_type for bucket, one in kinds.items()}
    moved, gone = _by_type(record.postings, names), _by_type(_expiries(record, kind), names)
    earlier = dict(event.earlier)
    stood = dict.fromkeys(moved, 0)
    for bucket in kinds.keys() | before.keys():
        if (name := names.get(bucket, "")) in stood:
            stood[name] += before.get(bucket, 0) - earlier.get(bucket, 0)
    of_type = {names.get(one.bucket, ""): _kind(kinds, one.bucket, record) for one in record.postings}
    by_ratio = rules.record.costs_by_display_ratio
    found = {
        "BALANCE_TYPES": tuple(moved),
        "BALANCES": tuple(format_amount(stood[name], of_type[name].decimals) for name in moved),
        "COSTS": tuple(_cost(amount, of_type[name], by_ratio) for name, amount in moved.items()),
        "UNITS": tuple(of_type[name].unit for name in moved),
    }
    if gone:
        found["EXPIRED"] = tuple(_cost(gone.get(name, 0), of_type[name], by_ratio) for name in moved)
    if rules.record.display_spend_ratio:
        found["DISPLAY_SPEND_RATIO"] = tuple(_ratio(of_type[name].ratio) for name in moved)
    if kind == EXPIRED and rules.expiry.names_balances:
        found["BALANCE_TYPE_NAMES"] = tuple(moved)
    if _has_bucket_costs(record, kind, rules.record):
        found["BUCKET_LEVEL_COSTS"] = _bucket_costs(record, kinds, rules.record)
    return found


def _has_bucket_costs(record: Record, kind: int, rules: RecordRules) -> bool:
    """Of charges only; where each commit has a line, not of the last one (case 47)."""
    last = rules.mid_session_commits and record.call is not None and bool(record.call.ended)
    return rules.bucket_level_costs and kind in (SESSION, EVENT) and not last


def _bucket_costs(record: Record, kinds: Mapping[int, BucketKind], rules: RecordRules) -> tuple[str, ...]:
    """`bucket:cost` of the first buckets that were charged."""
    moved: dict[int, int] = {}
    for posting in record.postings:
        moved[posting.bucket] = moved.get(posting.bucket, 0) + posting.amount
    shown = [
        f"{bucket}:{_cost(amount, _kind(kinds, bucket, record), rules.costs_by_display_ratio)}"
        for bucket, amount in moved.items()
    ]
    return tuple(shown[: rules.bucket_level_costs_limit or None])


def _session(call: Call, decimals: int, rules: RecordRules, rating: Rating | None) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {
        "SESSION": (call.session,),
        "SERVICE": (call.service,),
        "CLI": (call.calling,),
        "DN": (call.called,),
        "TCS": (date(call.began),),
    }
    if call.service == "voice":
        found["DURATION"] = (seconds(call.usage),)
        found["DURATION_CHARGED"] = (seconds(max(call.usage, rating.charged if rating else 0)),)
    else:
        found["USAGE"] = (str(call.usage),)
    if rating is not None and not (rules.suppress_rating_details and len(rating.lengths) > 1):
        found |= _details(rating, seconds if call.service == "voice" else str)
    if call.overdrawn:
        found["OVERDRAWN_AMOUNT"] = (format_amount(call.overdrawn, decimals),)
    if call.forgone:
        found["REMAINING_CHARGE"] = (format_amount(call.forgone, decimals),)
    if call.paid_as != RequestType.PREPAID:
        found["REQUEST_TYPE"] = (call.paid_as,)
    if call.paid_as == RequestType.RATED:
        found["RATED_CHARGE"] = (format_amount(call.cost, decimals),)
    return found | _given({"RATING_DISCOUNT": _share(call.rated)}) | {"ENDED": (call.ended,)}


def _named(event: Occurred, at_once: bool) -> dict[str, tuple[str, ...]]:
    """Which named events it charged. What their request took off a reservation's line tells with its rating."""
    percent = format_amount(event.discount or 0, PERCENT_DECIMALS) if event.discount is not None and at_once else ""
    return {
        "EVENT_CLASS": (event.event_class,),
        "EVENT_NAME": (event.name,),
        "EVENT_COUNT": (str(event.count),),
        **_given({"DISCOUNTS": percent, "RATING_DISCOUNT": _share(event.rated) if at_once else ""}),
    }


def _share(share: int) -> str:
    """In percent; empty: none."""
    return format_amount(share, PERCENT_DECIMALS) if share else ""


def _details(rating: Rating, length: Callable[[int], str]) -> dict[str, tuple[str, ...]]:
    """The seven tags that a multi-tariff call may go without (case 48)."""
    listed = {
        "RATES": rating.rates,
        "LENGTHS": tuple(map(length, rating.lengths)),
        "DISCOUNTS": rating.discounts,
        "CBTD_DISCOUNTS": rating.wallet_discounts,
    }
    single = {
        "CASCADE_ID": rating.cascade,
        "MAX_CHARGE": rating.most,
        "CBTD_CASCADE_ID": rating.wallet_discount_cascade,
    }
    return {name: values for name, values in listed.items() if values} | _given(single)


def seconds(duration: Duration) -> str:
    """Exact seconds with two decimals or more: `250.00`."""
    whole, _, fraction = format_seconds(duration).partition(".")
    return f"{whole}.{fraction.ljust(2, '0')}"


def _given(single: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    return {name: (value,) for name, value in single.items() if value}


def _by_type(postings: Iterable[Posting], names: Mapping[int, str]) -> dict[str, int]:
    moved: dict[str, int] = {}
    for posting in postings:
        name = names.get(posting.bucket, "")
        moved[name] = moved.get(name, 0) + posting.amount
    return moved


def _expiries(record: Record, kind: int) -> list[Posting]:
    """What expired on the way, in a record of something else."""
    return [] if kind == EXPIRED else [posting for posting in record.postings if posting.counter == EXPIRY]


def _kind(kinds: Mapping[int, BucketKind], bucket: int, record: Record) -> BucketKind:
    """Of a bucket that nobody knows any more nothing but that it was money is assumed."""
    known = kinds.get(bucket)
    if known is not None:
        return known
    money = next((one for one in kinds.values() if one.unit == record.unit), None)
    return BucketKind("", record.unit, money.decimals if money else 0)


def _cost(amount: int, kind: BucketKind, by_ratio: bool) -> str:
    """`amount` moved into the wallet, so the cost is its opposite."""
    if by_ratio:
        return format_amount(-amount * kind.ratio, kind.decimals + 3)
    return format_amount(-amount, kind.decimals)


def _ratio(ratio: int) -> str:
    shown = format_amount(ratio, 3)
    return shown if "." in shown else f"{shown}.0"
