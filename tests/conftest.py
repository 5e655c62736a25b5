"""Options of the tests that run in rounds."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """How long the crash rounds go on, and from which seed."""
    group = parser.getgroup("tollhouse")
    group.addoption("--rounds", type=int, default=20, help="rounds of kill -9 under load (1000 in `make soak`)")
    group.addoption("--seed", type=int, default=None, help="seed of the kill -9 rounds; a random one where not given")


KILLS = pytest.StashKey[list[str]]()
"""What the kill -9 rounds met, told at the end of every run, so that its seed is known wherever it ran."""


def pytest_configure(config: pytest.Config) -> None:
    config.stash[KILLS] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The rounds' seed and what they met."""
    if config.stash[KILLS]:
        terminalreporter.section("kill -9 rounds")
        for line in config.stash[KILLS]:
            terminalreporter.write_line(line)
