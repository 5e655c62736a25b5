"""Plans of the living model from seeds."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

import pytest
from tests.model.living.offer import offer
from tests.model.living.traffic import EPISODES, acts
from tests.model.living.world import LivingWorld, Watched
from tests.model.rules import Rules
from tests.model.runs import POINTS
from tests.model.world import BEGIN, Plan, Ran

from tollhouse.values.instants import MINUTE

CALLS, SHOTS, SPAN = 70, 130, 50 * MINUTE
WHOLE = SPAN + sum(gap for gap, _ in EPISODES)


def plan_of(seed: int) -> Plan:
    """The whole run of a seed: a crash point, and power cuts in each of the first two episodes."""
    dice = Random(f"living plan {seed}")
    point = POINTS[seed % len(POINTS)]
    since = BEGIN if point.startswith("adopt") else BEGIN + MINUTE + dice.randrange(SPAN // 2)
    gap = EPISODES[1][0]
    cuts = (BEGIN + dice.randrange(SPAN // 2), BEGIN + int(SPAN * 0.6) + gap + dice.randrange(SPAN // 6))
    rules = Rules(on_silence=("reported", "granted", "nothing")[seed // 2 % 3])
    return Plan(seed, acts(seed, offer(seed, BEGIN), BEGIN, CALLS, SHOTS, SPAN), (point, since), cuts, rules)


@dataclass
class Lived:
    """The runs of a test session, each played once."""

    runs: dict[int, Ran] = field(default_factory=dict)

    def run(self, seed: int) -> Ran:
        """Play the seed. Raises AssertionError: what the auditor found."""
        if seed not in self.runs:
            self.runs[seed] = play(seed)
        return self.runs[seed]


LIVED = pytest.StashKey[Lived]()


def play(seed: int, engine: type[Watched] = Watched, plan: Plan | None = None) -> Ran:
    """Play the seed: two of three with one command to a turn, so that each is predicted. Raises what is found."""
    plan = plan or plan_of(seed)
    return LivingWorld(plan, offer(seed, BEGIN), 1 if seed % 3 else 512, engine).run()
