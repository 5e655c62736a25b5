"""Plans from seeds, the runs of a test session, and a failing plan made small."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from random import Random

import pytest
from tests.model.rules import Rules
from tests.model.tariff import Steps, cent_a_second, data, messages, tutorial
from tests.model.traffic import Act, acts
from tests.model.world import BEGIN, Plan, Ran, World

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


@dataclass
class Played:
    """The runs of a test session, each played once."""

    runs: dict[int, Ran] = field(default_factory=dict)
    explained: bool = False

    def run(self, seed: int) -> Ran:
        """Play the seed. Raises AssertionError: what the auditor found."""
        if seed not in self.runs:
            self.runs[seed] = World(plan_of(seed), tariffs()).run()
        return self.runs[seed]

    def explain(self, seed: int, wrong: AssertionError, command: str) -> str:
        """What is wrong, how to see it again, and (for the first one: it takes its time) the smallest plan."""
        text = f"seed {seed}: {wrong}\nagain: {command}\n"
        if self.explained:
            return text
        self.explained = True
        plan = shrunk(plan_of(seed), lambda plan: bool(fault(plan)))
        steps = "\n".join(f"    {act}" for act in plan.acts)
        return f"{text}smallest: {fault(plan)}\n    crash {plan.crash}, cuts {plan.cuts}, {plan.rules}\n{steps}"


PLAYED = pytest.StashKey[Played]()


def fault(plan: Plan) -> str:
    """What the auditor says to this plan; empty: nothing is wrong."""
    try:
        World(plan, tariffs()).run()
    except AssertionError as wrong:
        return str(wrong)
    return ""
