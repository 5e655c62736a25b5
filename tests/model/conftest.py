"""What the runs were made of, after the tests: the crash points of the store with how often they were passed."""

from __future__ import annotations

from collections import Counter

import pytest
from tests.model.runs import PLAYED, POINTS, Played


@pytest.fixture(scope="session")
def played(request: pytest.FixtureRequest) -> Played:
    """The runs of this session; those that one test has played are not played again by another."""
    return request.config.stash.setdefault(PLAYED, Played())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The counts that the model test is judged by."""
    runs = list(config.stash.get(PLAYED, Played()).runs.values())
    if not runs:
        return
    commands, repeats = sum(run.commands for run in runs), sum(run.repeats for run in runs)
    passed, crashed = sum((run.points for run in runs), Counter()), sum((run.crashed_at for run in runs), Counter())
    say = terminalreporter.write_line
    terminalreporter.section("model test")
    say(
        f"{len(runs)} seeds, {commands} commands (at least {min(run.commands for run in runs)} each), "
        f"{100 * repeats // commands} % repeats, {sum(run.crashes for run in runs)} crashes, "
        f"{sum(run.exact for run in runs)} sums checked to the last digit, "
        f"{sum(run.asked_again for run in runs)} answers asked for again"
    )
    for point in POINTS:
        say(f"{point:24}{passed[point]:9} passed{crashed[point]:7} crashes")
    say(f"power cuts at any moment: {crashed['cut']}")
