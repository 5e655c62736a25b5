"""What the runs were made of, after the tests: how often each crash point was passed, each kind of thing happened."""

from __future__ import annotations

from collections import Counter

import pytest
from tests.model.living.runs import LIVED, Lived
from tests.model.runs import PLAYED, POINTS, Played
from tests.model.world import Ran


@pytest.fixture(scope="session")
def played(request: pytest.FixtureRequest) -> Played:
    """The runs of this session; those that one test has played are not played again by another."""
    return request.config.stash.setdefault(PLAYED, Played())


@pytest.fixture(scope="session")
def lived(request: pytest.FixtureRequest) -> Lived:
    """The same of the living model."""
    return request.config.stash.setdefault(LIVED, Lived())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The counts that the model test is judged by."""
    runs = list(config.stash.get(PLAYED, Played()).runs.values())
    if runs:
        _tell_points(terminalreporter, runs)
    lives = list(config.stash.get(LIVED, Lived()).runs.values())
    if lives:
        _tell_kinds(terminalreporter, lives)


def _tell_kinds(terminalreporter: pytest.TerminalReporter, runs: list[Ran]) -> None:
    kinds = sum((run.kinds for run in runs), Counter[str]())
    terminalreporter.section("model of living wallets")
    say = terminalreporter.write_line
    say(
        f"{len(runs)} seeds, {sum(run.commands for run in runs)} commands, "
        f"{sum(run.crashes for run in runs)} crashes, {sum(run.exact for run in runs)} predictions compared; "
        "in a hundred seeds:"
    )
    for kind, count in sorted(kinds.items()):
        say(f"{100 * count // len(runs):9} {kind}")


def _tell_points(terminalreporter: pytest.TerminalReporter, runs: list[Ran]) -> None:
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
