"""Facts about pure functions: timings, intervals, sanity, schedules, statistics, triggers, filters."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from tests.cases.accounts import use_of
from tests.cases.desk import Asking
from tests.cases.facts import SERVICES, Fact, to_timing, write_folder

from tollhouse.configdb.sanity import uncovered_days
from tollhouse.configdb.tariff_files import read_folder
from tollhouse.configdb.tariff_values import duration
from tollhouse.engine.paying import zero_increment
from tollhouse.rating.calendar import in_force, local_day, matches
from tollhouse.rating.calendar import next_run as next_run_of
from tollhouse.records.statistics import Event, Metric, Window, added, measured, without
from tollhouse.snapshot.accounts import BalanceType
from tollhouse.snapshot.rules import Rules
from tollhouse.snapshot.tariff import Interval, Rounding
from tollhouse.values.commands import Service
from tollhouse.values.instants import parse_instant, to_datetime
from tollhouse.values.money import Unit
from tollhouse.values.recharges import Line, Validity
from tollhouse.values.uses import Use
from tollhouse.wallet.payers import precision
from tollhouse.wallet.recharge import NewWallet, Recharged, create, recharge
from tollhouse.wallet.state import Bucket, Wallet
from tollhouse.wallet.triggers import Edge, Looked, Reading, Trigger, Watched, looked, reset


def answer(asking: Asking | None, step: Fact) -> Fact | None:
    """What a function says to a step; None: the op is none of these."""
    event = step.get("event")
    if step["op"] == "plan_covers_week":
        return _covers(step)
    if step["op"] == "balance_applies" and asking is not None and isinstance(event, dict):
        return {"applies": applies(asking, event)}
    function = _FUNCTIONS.get(step["op"])
    return None if function is None else function(event)


def _interval(fact: Fact, index: int) -> Interval:
    weight = int(Decimal(fact.get("weight", 0)).scaleb(6))
    return Interval(to_timing(fact["timing"]), weight, (), Rounding.MIDDLE, 4, str(index))


def timing_active(rows: list[Fact]) -> list[bool]:
    """Whether each timing is active at its instant: on a day that it names, from its start to the day's end."""
    return [
        in_force([_interval(row, 0)], "UTC", parse_instant(row["at"]))[0] is not None
        and matches(to_timing(row["timing"]), local_day("UTC", parse_instant(row["at"]))[0])
        for row in rows
    ]


def select_intervals(event: Fact) -> list[int]:
    """Indexes of the intervals in force, in time order, up to the end of the first day (as the facts' source asks)."""
    intervals = [_interval(one, index) for index, one in enumerate(event["intervals"])]
    at = parse_instant(event["start"])
    end = min(parse_instant(event["end"]), local_day("UTC", at)[1])
    found: list[int] = []
    while at < end:
        now, at = in_force(intervals, "UTC", at)
        if now is not None and (not found or found[-1] != int(now.rate)):
            found.append(int(now.rate))
    return found


def plan_sanity(row: Fact) -> str:
    """`ok` or `bad`: what an import that asks for CGRateS's sanity says of one timing, or of one rate's slots."""
    free = {"connect_fee": 0, "rate": 0, "unit": "60s"}
    slots = [free | slot for slot in row.get("slots", [{"start": "0s", "increment": "60s"}])]
    rounds = {"rounding_method": "*middle", "rounding_decimals": 4, "max_cost": 0}
    plan = {
        "destinations": {},
        "timings": {"T": row["timing"]} if "timing" in row else {},
        "rates": {"R": slots},
        "destination_rates": {"D": [{"destination": "*any", "rates": "R"} | rounds]},
        "rating_plans": {"P": [{"destination_rates": "D", "timing": "*any", "weight": 10}]},
        "rating_profiles": [],
    }
    with tempfile.TemporaryDirectory(prefix="cases-") as directory:
        write_folder(plan, Path(directory) / "sanity")
        return "bad" if read_folder(Path(directory) / "sanity", sanity=True).problems else "ok"


def covers_week(row: Any) -> bool:
    """Whether a price begins at midnight on every day of the week by these timings."""
    timings = row["timings"] if isinstance(row, dict) else row
    return not uncovered_days([to_timing(one.get("timing", one)) for one in timings])


def _covers(step: Fact) -> Fact:
    """By whatever name the fact calls it: one timing list's answer, or that of a table of them."""
    event = step["event"]
    table = isinstance(event, list) and any(isinstance(row, list) or "timings" in row for row in event)
    found = [covers_week(row) for row in event] if table else covers_week(event)
    return dict.fromkeys(step["expect"], found)


def next_run(event: Fact) -> str:
    """When an action plan runs next; the facts' times are those of the place's own clock."""
    at = next_run_of(to_timing(event["timing"]), "UTC", parse_instant(f"{event['now']}Z"))
    return "never" if at is None else local_text(at)


def local_text(at: int) -> str:
    """An instant as the facts write it."""
    return to_datetime(at).strftime("%Y-%m-%dT%H:%M:%S")


def applies(asking: Asking, event: Fact) -> bool:
    """Whether a balance pays for the number, by its destinations."""
    bucket = Bucket(1, "monetary", 1, use=use_of(event["balance"]))
    known = asking.snapshot.destinations(asking.any_plan, event["destination"])
    return precision(bucket, known) is not None


def zero_subjects(rows: list[Fact]) -> list[int | str]:
    """Of each row the nanoseconds of one increment; money has none, so it is asked as a unit of one."""
    found: list[int | str] = []
    for row in rows:
        service = SERVICES.get(row["tor"], Service.GENERIC)
        usage = zero_increment(row["subject"], service) * (1000 if service is Service.VOICE else 1)
        found.append(usage or "error: malformed rating subject")
    return found


def stat_values(event: Fact) -> list[str | int]:
    """The metric after each event that comes (`+`) or goes (`-`)."""
    metric, window = Metric(event["metric"].removeprefix("*")), Window()
    found: list[str | int] = []
    for sign, name, *fields in event["feed"]:
        window = added(window, _event(name, *fields), 0) if sign == "+" else without(window, name)
        value = measured(metric, window.events, event["min_items"])
        found.append("N/A" if value is None else _shown(metric, value))
    return found


def _event(name: str, fields: Fact) -> Event:
    """Times in microseconds, costs in millionths."""
    times = {key: duration(fields[key]) // 1000 for key in ("Usage", "PDD") if key in fields}
    cost = int(Decimal(fields["Cost"]).scaleb(6)) if "Cost" in fields else None
    answered = bool(fields.get("AnswerTime"))
    return Event(name, 0, answered, times.get("Usage"), cost, times.get("PDD"), fields.get("Destination"))


def _shown(metric: Metric, value: tuple[int, int]) -> str | int:
    exact = Decimal(value[0]) / value[1]
    if metric in (Metric.ACC, Metric.TCC):
        exact = exact.scaleb(-6)
    return int(exact * 1000) if metric in (Metric.ACD, Metric.TCD, Metric.PDD) else format(exact.normalize(), "f")


_KINDS: Final = {
    "*monetary": BalanceType("*monetary", "EUR", 20),
    "*voice": BalanceType("*voice", "nanosecond", 10, "voice"),
    "cash": BalanceType("cash", "EUR", 30),
}
_NAT: Final = Use(destinations=("NAT",))
_TOP_UPS: Final = (
    {"type": "*topup", "value": 10, "balance": "*monetary", "weight": 20},
    {"type": "*topup", "value": 10 * 10**9, "balance": "*voice", "weight": 10},
)
"""The actions of the facts that list none: money by 10, minutes in NAT by 10 s."""


class _Triggered:
    """A wallet whose trigger is asked after every event."""

    def __init__(self, event: Fact) -> None:
        balances = {name.partition("(")[0]: _plain(value) for name, value in event["balances"].items()}
        made = create(NewWallet("w", "t", Unit("EUR", 0)), _KINDS.get, Rules(), 0)
        assert isinstance(made, Recharged), made
        self._wallet: Wallet = made.wallet
        self._do([{"type": "*topup", "value": value, "balance": name} for name, value in balances.items()])
        self._triggers: tuple[Trigger, ...] = (_trigger(event["trigger"]),)
        self._actions = event.get("actions", _TOP_UPS)
        counter = event.get("counter", {"type": "*monetary", "value": 0})
        self._type, self._counted = counter["type"], int(counter["value"])
        self._balances = balances

    def feed(self, one: int | str) -> Fact | None:
        """An amount that the counter counts, or a reset."""
        if one == "reset triggers":
            self._triggers = reset(self._triggers)
            return None
        self._counted += int(one)
        if self.look((Reading(Watched.EVENTS, self._type, self._counted),)).fired:
            self._do(self._actions)
        return self.after()

    def look(self, readings: tuple[Reading, ...]) -> Looked:
        found = looked(self._triggers, readings, parse_instant("2016-03-01T00:00:00Z"))
        self._triggers = found.triggers
        return found

    def after(self) -> Fact:
        sums = dict.fromkeys(self._balances, 0)
        for bucket in self._wallet.buckets:
            if bucket.balance_type in sums:
                sums[bucket.balance_type] += bucket.value
        return sums

    def _do(self, actions: Any) -> None:
        """The heavier first, each a recharge of its own."""
        for action in sorted(actions, key=lambda one: -one.get("weight", 0)):
            if action["type"] == "*reset_account":
                lines = [Line(name, 0, use=_use(name), replace=True) for name in self._balances]
            else:
                name = action.get("balance", "*monetary")
                lines = [Line(name, int(action["value"]), use=_use(name))]
            done = recharge(self._wallet, lines, Validity(), _KINDS.get, Rules(), 0)
            assert isinstance(done, Recharged), done
            self._wallet = done.wallet


def trigger_sequence(event: Fact) -> Fact:
    """The balances after each event of the feed."""
    triggered = _Triggered(event)
    return {"after": [triggered.feed(one) for one in event["feed"]]}


def trigger_check(event: Fact) -> Fact:
    """The balances and the triggers that are left when the triggers are asked in March 2016."""
    triggered = _Triggered(event)
    left = triggered.look(()).triggers
    return {"after": triggered.after(), "triggers_left": len(left)}


def _trigger(fact: Fact) -> Trigger:
    kind = fact["type"].removeprefix("*")
    edge = Edge.MIN if kind.startswith("min_") else Edge.MAX
    watched = {"event_counter": Watched.EVENTS, "balance_counter": Watched.BUCKET, "balance": Watched.BALANCE}
    expiry = parse_instant(fact["expiration"]) if "expiration" in fact else 0
    return Trigger(
        "trigger",
        watched.get(kind[4:], Watched.EXPIRED),
        fact.get("balance_type", ""),
        int(fact.get("threshold", 0)),
        edge,
        expiry=expiry,
    )


def _plain(value: object) -> int:
    return duration(value) if isinstance(value, str) else int(str(value))


def _use(name: str) -> Use | None:
    return _NAT if name == "*voice" else None


_FUNCTIONS: Final[dict[str, Callable[[Any], Fact]]] = {
    "timing_active_table": lambda event: {"results": timing_active(event)},
    "select_intervals": lambda event: {"selected": select_intervals(event)},
    "plan_sanity": lambda event: {"results": [plan_sanity(row) for row in event]},
    "zero_subject_table": lambda event: {"results": zero_subjects(event)},
    "stat_sequence": lambda event: {"values": stat_values(event)},
    "next_run": lambda event: {"next": next_run(event)},
    "trigger_sequence": trigger_sequence,
    "trigger_check": trigger_check,
}
