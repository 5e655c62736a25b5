"""The format of the facts about CGRateS: what a fact asks for, and its plan as CSV files."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from tollhouse.configdb.tariff_values import duration
from tollhouse.rating.price import Price, resolve
from tollhouse.snapshot.lookups import Snapshot
from tollhouse.values.commands import Quote, Service
from tollhouse.values.instants import Instant, parse_instant
from tollhouse.values.outcomes import Refused
from tollhouse.values.uses import Timing

MOST_DECIMALS: Final = 12
"""A tariff rounds to so many decimals at most; some facts say 20, which is as good as none."""
SERVICES: Final = {
    "*voice": Service.VOICE,
    "*data": Service.DATA,
    "*sms": Service.MESSAGE,
    "*mms": Service.MMS,
    "*generic": Service.GENERIC,
}
LISTS: Final = ("years", "months", "month_days", "week_days")
TABLES: Final = (
    ("Destinations.csv", "Tag,Prefix"),
    ("Timings.csv", "Tag,Years,Months,MonthDays,WeekDays,Time"),
    ("Rates.csv", "Tag,ConnectFee,Rate,RateUnit,RateIncrement,GroupIntervalStart"),
    (
        "DestinationRates.csv",
        "Tag,DestinationsTag,RatesTag,RoundingMethod,RoundingDecimals,MaxCost,MaxCostStrategy",
    ),
    ("RatingPlans.csv", "Tag,DestRatesTag,TimingTag,Weight"),
    ("RatingProfiles.csv", "Tenant,Category,Subject,ActivationTime,RatingPlanTag,FallbackSubjects"),
    ("SharedGroups.csv", "Tag,Account,Strategy,RatingSubject"),
)

Fact = dict[str, Any]


def steps_of(case: Fact) -> list[Fact]:
    """The steps of a fact, one where it lists none."""
    return list(case.get("steps") or [case])


def to_timing(fact: Fact) -> Timing:
    """A timing in our own values; Sunday is 7, and 0 as well."""
    hours, minutes, seconds = map(int, fact.get("time", "00:00:00").split(":"))
    days = tuple(sorted({day or 7 for day in fact.get("week_days", ())}))
    lists = [tuple(fact.get(name, ())) for name in ("years", "months", "month_days")]
    return Timing(lists[0], lists[1], lists[2], days, hours * 3600 + minutes * 60 + seconds)


NOTED: Final[dict[str, Fact]] = {
    "sess-017": {
        "balances": {"TestSesBalExpire": {"expires": "50ms"}},
        "event": {
            "tenant": "cgrates.org",
            "category": "call",
            "subject": "1001",
            "account": "refundAcc",
            "destination": "1002",
            "start": "2024-08-09T09:00:01Z",
        },
    }
}
"""What only the note of a fact says of its balances and its call, which is then played as the note tells it."""


def with_notes(case: Fact) -> Fact:
    """The fact with what its note says."""
    noted = NOTED.get(case["id"])
    if noted is None or "accounts" not in case:
        return case
    accounts = {
        name: account | {"balances": [one | noted["balances"].get(one["id"], {}) for one in account["balances"]]}
        for name, account in case["accounts"].items()
    }
    steps = [step | {"event": noted["event"] | step["event"]} for step in steps_of(case)]
    return case | {"accounts": accounts, "steps": steps}


def in_category(case: Fact, plan: Fact, category: str) -> tuple[Fact, Fact]:
    """The fact and its plan with another category in the place of the fact's own."""
    steps = [step | {"event": step["event"] | {"category": category}} for step in steps_of(case)]
    own = {step["event"]["category"] for step in steps_of(case)}
    profiles = [one | {"category": category} if one["category"] in own else one for one in plan["rating_profiles"]]
    return case | {"steps": steps}, plan | {"rating_profiles": profiles}


def write_folder(plan: Fact, folder: Path) -> None:
    """The plan as CGRateS's CSV files (v0.10)."""
    folder.mkdir(parents=True)
    for (file, header), rows in zip(TABLES, _tables(plan), strict=True):
        lines = [",".join(str(cell) for cell in row) for row in rows]
        (folder / file).write_text("\n".join([f"#{header}", *lines, ""]))


def _tables(plan: Fact) -> Iterator[list[list[object]]]:
    yield [[tag, prefix] for tag, prefixes in plan["destinations"].items() for prefix in prefixes]
    yield [
        [
            tag,
            *(_list(one.get(name)) for name in ("years", "months", "month_days", "week_days")),
            one.get("time", "00:00:00"),
        ]
        for tag, one in plan["timings"].items()
    ]
    yield [
        [tag, *(format(slot[name]) for name in ("connect_fee", "rate", "unit", "increment", "start"))]
        for tag, slots in plan["rates"].items()
        for slot in slots
    ]
    yield [
        [
            tag,
            row["destination"],
            row["rates"],
            row["rounding_method"],
            min(row["rounding_decimals"], MOST_DECIMALS),
            row["max_cost"],
            row.get("max_cost_strategy", ""),
        ]
        for tag, rows in plan["destination_rates"].items()
        for row in rows
    ]
    yield [
        [tag, row["destination_rates"], row["timing"], row["weight"]]
        for tag, rows in plan["rating_plans"].items()
        for row in rows
    ]
    yield [
        [one["tenant"], one["category"], one["subject"], at["time"], at["plan"], ";".join(at.get("fallback", []))]
        for one in plan["rating_profiles"]
        for at in one["activations"]
    ]
    yield [
        [tag, group["account"], group["strategy"], group["rating_subject"]]
        for tag, group in plan.get("shared_groups", {}).items()
    ]


def _list(numbers: list[int] | None) -> str:
    return ";".join(map(str, numbers)) if numbers else "*any"


class Call:
    """An event in our own values."""

    def __init__(self, event: Fact) -> None:
        self.tenant, self.category, self.subject = event["tenant"], event["category"], event["subject"]
        self.service = SERVICES[event.get("tor", "*voice")]
        self.called = event["destination"]
        self.start = parse_instant(event["start"])
        self.usage = self._units(event["usage"]) if "usage" in event else self._between(event)
        """Voice in microseconds, all else in its own units (1 ns of the facts is one unit)."""
        index = self._units(event["duration_index"]) if "duration_index" in event else self.usage
        self.before = max(index - self.usage, 0)
        """What the call had used when this piece of it began."""
        self.first = not event.get("loop_index")
        self.max_rate = event.get("max_rate")

    def _units(self, text: str) -> int:
        return duration(text) // (1000 if self.service is Service.VOICE else 1)

    def _between(self, event: Fact) -> int:
        length = parse_instant(event["end"]) - self.start
        return length if self.service is Service.VOICE else length * 1000

    @property
    def began(self) -> Instant:
        return self.start - self.before if self.service is Service.VOICE else self.start

    @property
    def whole(self) -> int:
        return self.before + self.usage

    def price(self, snapshot: Snapshot) -> Price | Refused:
        longest = max(self.whole, 1)
        return resolve(
            snapshot, self.tenant, self.category, self.service, self.subject, self.called, self.began, longest
        )

    def quote(self, usage: int) -> Quote:
        return Quote(self.tenant, self.category, self.subject, self.service, self.called, usage, self.began)

    def ceiling(self) -> tuple[int, int] | None:
        """The dearest price per unit of usage that is allowed, as a fraction; None = any."""
        if not self.max_rate:
            return None
        top, below = Decimal(self.max_rate["rate"]).as_integer_ratio()
        return top, below * self._units(self.max_rate["unit"])
