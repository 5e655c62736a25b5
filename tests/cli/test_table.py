"""The table of commands against the API's own methods, and the help that comes of it."""

from __future__ import annotations

import re

import msgspec
import pytest
from msgspec.structs import fields
from tests.cli.terminal import tollhouse

from tollhouse.cli.method import REQUEST_ID, Method
from tollhouse.cli.table import METHODS
from tollhouse.console.methods import METHODS as API
from tollhouse.console.methods import PAGES

AUDIT = "system.audit"
"""Walks the pages by itself."""


def test_every_method_of_the_api_is_a_command_and_no_other() -> None:
    assert sorted(method.name for method in METHODS) == sorted(API)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_a_command_has_the_parameters_of_its_method(method: Method) -> None:
    there = (
        {} if method.name == AUDIT else {one.name: one.default is msgspec.NODEFAULT for one in fields(API[method.name])}
    )
    ours = {one.name: one.required or one is REQUEST_ID for one in method.arguments}
    assert ours == there


def test_lists_are_shown_as_tables() -> None:
    assert {method.name for method in METHODS if method.rows} == PAGES - {AUDIT, "record.export"}


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_help_names_every_argument(method: Method) -> None:
    said = tollhouse(*method.path, "--help")
    assert said.status == 0
    for argument in method.arguments:
        assert (argument.name if argument.positional else f"--{argument.name.replace('_', '-')}") in said.out
    for common in ("--json", "--url", "--token-file", "--data"):
        assert common in said.out


def test_help_names_every_noun() -> None:
    said = tollhouse("--help")
    nouns = {method.path[0] for method in METHODS} | {"demo", "serve", "probe", "secret"}
    assert all(f"    {noun} " in said.out for noun in nouns)


@pytest.mark.parametrize(
    "words",
    [
        "",
        "wallet",
        "wallet get",
        "wallet get 1001 1002",
        "wallet transfer 1001 --amount 1",
        "wallet recharge 1001 --use {",
        "wallet recharge 1001 --lines @/nowhere/lines.json",
        "wallet recharge 1001 --policy sometime",
        "record export --form xml",
        "wallet change 1001 --state broken",
        "wallet list --limit many",
        "wallet list --lim 5",
        "wallet list --url ftp://127.0.0.1",
        "wallet list --url http://127.0.0.1:99999",
        "wallet list --url http://user:word@127.0.0.1:1",
        "tariff import",
        "rating cost --subject 1001 --destination 44",
        "probe radius auth --user 1001",
        "probe sip options --server 127.0.0.1:70000",
        "probe sip options --timeout 0",
        "probe diameter ccr-u --subscriber 1 --called 2 --session-id s --used -1",
        "demo",
    ],
)
def test_wrong_usage_is_status_2(words: str) -> None:
    said = tollhouse(*words.split())
    assert (said.status, said.out) == (2, "")
    assert said.err.startswith("usage: tollhouse")


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("wallt get", "`wallet`"),
        ("wallets list", "`wallet`"),
        ("wallet gte 1001", "`get`"),
        ("probe radios auth", "`radius`"),
        ("probe radius stat", "`start`"),
        ("wallet change 1001 --state activ", "`active`"),
        ("status", "`system status`"),
        ("recharge 1001", "`wallet recharge`"),
        ("get 1001", "`wallet get` or `session get`"),
    ],
)
def test_a_slip_of_the_hand_is_told_what_was_meant(words: str, meant: str) -> None:
    said = tollhouse(*words.split())
    assert (said.status, said.out) == (2, "")
    assert f", did you mean {meant}? (one of " in said.err


def test_what_is_like_nothing_is_told_what_there_is() -> None:
    said = tollhouse("xyzzy")
    assert said.status == 2
    assert "'xyzzy' (one of demo, serve, system, " in said.err
    assert said.err.endswith("`tollhouse --help` says more\n")


def test_help_names_the_first_looks() -> None:
    """Each is a command."""
    said = tollhouse("--help")
    looks = re.findall(r"(?m)^  tollhouse ((?:[a-z]+ )+)(?:NAME)? ", said.out)
    assert len(looks) == 5
    for look in looks:
        assert tollhouse(*look.split(), "--help").status == 0


@pytest.mark.parametrize(
    "words",
    [
        ("wallet", "get", "\udcff"),
        ("wallet", "get", "10\x1b01"),
        ("tariff", "import", "/tmp/\udcff"),
        ("session", "update", "s", "--usage", "1", "--more", "\n"),
        ("probe", "sip", "invite", "--called", "44\r\nX: y"),
        ("probe", "diameter", "ccr-i", "--subscriber", "\udcff", "--called", "44"),
    ],
)
def test_a_word_that_is_no_text_is_wrong_usage(words: tuple[str, ...]) -> None:
    said = tollhouse(*words)
    assert (said.status, said.out) == (2, "")
    assert "no UTF-8" in said.err or "control character" in said.err
