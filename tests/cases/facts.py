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

MOST_DECIMALS: Final = 12
"""A tariff rounds to so many decimals at most; some facts say 20, which is as good as none."""
SERVICES: Final = {
    "*voice": Service.VOICE,
    "*data": Service.DATA,
    "*sms": Service.MESSAGE,
    "*mms": Service.MMS,
    "*generic": Service.GENERIC,
}
WALLET_OPS: Final = (
    "session_",
    "stat_",
    "trigger_",
    "refund",
    "note",
    "next_run",
    "clean_expired",
    "balance_",
    "zero_",
)
MONEY_OPS: Final = ("max_session", "max_debit", "debit", "cdr_charge")
LISTS: Final = ("years", "months", "month_days", "week_days")
PLAIN_BALANCE: Final = {"id", "type", "value", "weight", "blocker"}
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
)

Fact = dict[str, Any]


def steps_of(case: Fact) -> list[Fact]:
    """The steps of a fact, one where it lists none."""
    return list(case.get("steps") or [case])


def is_not_yet(case: Fact, plans: Fact) -> bool:
    """Whether the fact needs more of a wallet than one plain balance of money, or time finer than a microsecond."""
    steps = steps_of(case)
    if any(str(step["op"]).startswith(WALLET_OPS) for step in steps):
        return True
    if any(step["op"] in MONEY_OPS for step in steps) and not _plain_money(case):
        return True
    plan = plans.get(case.get("plan_ref", ""), {})
    return any(isinstance(step.get("event"), dict) and _is_finer(step["event"], plan) for step in steps)


def _plain_money(case: Fact) -> bool:
    accounts = case.get("accounts", {})
    if len(accounts) != 1:
        return False
    ((name, account),) = accounts.items()
    balances = account.get("balances", [])
    if set(account) - {"balances"} or len(balances) != 1 or set(balances[0]) - PLAIN_BALANCE:
        return False
    balance = balances[0]
    if balance["type"] != "*monetary" or balance.get("blocker"):
        return False
    known = {"*monetary", f"*monetary/{balance.get('id')}"}
    wanted = [step.get("expect", {}).get("balances", {}) for step in steps_of(case)]
    return all(set(one) <= {name} and set(one.get(name, {})) <= known for one in wanted)


def _is_finer(event: Fact, plan: Fact) -> bool:
    """Voice whose usage or price counts less than a microsecond."""
    if event.get("tor", "*voice") != "*voice" or "destination" not in event:
        return False
    if "usage" in event and duration(event["usage"]) % 1000:
        return True
    wanted = {event["subject"], "*any"}
    tags = {
        activation["plan"]
        for profile in plan.get("rating_profiles", [])
        if (profile["tenant"], profile["category"]) == (event["tenant"], event["category"])
        and profile["subject"] in wanted
        for activation in profile["activations"]
    }
    rows = [row for tag in tags for row in plan["rating_plans"].get(tag, [])]
    rates = {one["rates"] for row in rows for one in plan["destination_rates"].get(row["destination_rates"], [])}
    slots = [slot for tag in rates for slot in plan["rates"].get(tag, [])]
    return any(duration(str(slot[name])) % 1000 for slot in slots for name in ("unit", "increment", "start"))


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
