"""No float comes near money: no float literal, no `float`, no true division where amounts are made."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "tollhouse"
ROOMS = ("values", "wallet", "rating", "records")


def floats(source: str) -> list[str]:
    """Every use of a float in the source, as `line: what`."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            found.append(f"{node.lineno}: literal {node.value}")
        elif (isinstance(node, ast.Name) and node.id == "float") or (
            isinstance(node, ast.Attribute) and node.attr in ("float", "total_seconds", "timestamp")
        ):
            found.append(f"{node.lineno}: float")
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            found.append(f"{node.lineno}: true division")
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_no_float_in_the_money_rooms(room: str) -> None:
    files = sorted((SOURCE / room).rglob("*.py"))
    assert files
    assert [f"{file.name}:{use}" for file in files for use in floats(file.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize(
    "planted",
    ["x = 0.5", "x = 1e6", "x = float('1')", "def f(x: float) -> None: ...", "x = a / b", "x /= 2", "t.timestamp()"],
)
def test_a_planted_float_is_found(planted: str) -> None:
    assert floats(planted)


def test_whole_numbers_are_no_float() -> None:
    assert floats("x = 1 // 2 + 10**6 - int('3')  # 1/2 in a comment\ny = '1/2'") == []
