"""Options of the tests that run in rounds."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """How long the crash rounds go on, and from which seed."""
    group = parser.getgroup("tollhouse")
    group.addoption("--rounds", type=int, default=20, help="rounds of kill -9 under load (1000 in `make soak`)")
    group.addoption("--seed", type=int, default=None, help="seed of the kill -9 rounds; a random one where not given")
