"""Options of the whole suite."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--rounds`: how often the kill -9 journey kills."""
    parser.addoption("--rounds", type=int, default=20, help="rounds of kill -9 under load")
