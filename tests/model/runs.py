"""Plans from seeds, and a failing plan made small."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from random import Random

from tests.model.rules import Rules
from tests.model.tariff import Steps, cent_a_second, data, messages, tutorial
from tests.model.traffic import Act, acts
from tests.model.world import BEGIN, Plan

from tollhouse.values.commands import Service
from tollhouse.values.instants import MINUTE

POINTS = tuple(
    f"{operation}:{side}"
    for operation in (
        "create",
        "pwrite",
        "fdatasync",
        "rename",
        "unlink",
        "sync_directory",
        "adopt",
        "apply",
        "write_records",
    )
    for side in ("before", "after")
)
"""Every crash point of the store in service. (`drop_day` is an operator's; tests/store crashes it.)"""
CALLS, SHOTS, SPAN = 115, 70, 25 * MINUTE


@cache
def tariffs() -> dict[tuple[Service, str], Steps]:
    """The demo tariff, counted once for all runs."""
    return {
        (Service.VOICE, "4420"): tutorial(),
        (Service.VOICE, "3315"): cent_a_second(),
        (Service.DATA, "any"): data(),
        (Service.MESSAGE, "any"): messages(),
    }


def plan_of(seed: int) -> Plan:
    """The whole run of a seed: each crash point in turn, and one or two power cuts at any moment."""
    dice = Random(f"plan {seed}")
    point = POINTS[seed % len(POINTS)]
    since = BEGIN if point.startswith("adopt") or dice.random() < 0.2 else BEGIN + MINUTE + dice.randrange(SPAN)
    cuts = tuple(BEGIN + dice.randrange(SPAN) for _ in range(dice.randint(1, 2)))
    rules = Rules(on_silence=("reported", "reported", "granted", "nothing")[seed // len(POINTS) % 4])
    return Plan(seed, acts(seed, BEGIN, CALLS, SHOTS, SPAN), (point, since), cuts, rules)


def shrunk(plan: Plan, fails: Callable[[Plan], bool]) -> Plan:
    """A plan with as few acts (and cuts) as still fail: drop halves, quarters ... single acts while it does."""
    for cut in plan.cuts:
        fewer = replace(plan, cuts=tuple(one for one in plan.cuts if one != cut))
        plan = fewer if fails(fewer) else plan
    size = len(plan.acts) // 2
    while size:
        start = 0
        while start < len(plan.acts):
            left: Sequence[Act] = (*plan.acts[:start], *plan.acts[start + size :])
            fewer = replace(plan, acts=left)
            if left and fails(fewer):
                plan = fewer
            else:
                start += size
        size //= 2
    return plan
