"""docs/api.md against a running appliance: its parameters, its results, its errors, its examples and its commands."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import fields
from tests.cli.terminal import Desk, Said, demo_desk, tollhouse
from tests.processes import Process

from tollhouse.console.methods import METHODS
from tollhouse.values.refusals import RETRY_MAY_HELP, Refusal

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "api.md").read_text()
SECTIONS = {part.partition("\n")[0]: part for part in re.split(r"(?m)^##+ ", PAGE)}
FOLDER = "/var/lib/tollhouse/tariff"
PORTS = {"1812": "radius_auth", "1813": "radius_accounting", "3868": "diameter", "5060": "sip"}
PLACES = {
    "tariff.export": lambda folder: folder / "export",
    "wallet.import": lambda folder: folder.parent / "subscribers.csv",
    "config.import_parameters": lambda folder: folder.parent / "eserv.config",
}
SUBSCRIBERS = """\
wallet,account,ani,balance_type,amount,expiry
emil,emil,4930555,cash,10.50,
emil,,,bonus,2,2099-01-31T00:00:00Z
"""
PARAMETERS = """\
reservationHandler = { maxReservationLength = 1800 discountRuleType = "ServiceOverride" }
voucherHandler.weeklyBadPinExpiryHours = 744
"""
VARYING = {"uptime": 0, "validity": 0, "generation": 0, "version": "", "free_bytes": 0, "days_to_go": 0}
TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")
DATE = re.compile(r"RECORD_DATE=\d{14}")
HASH = re.compile(r"[0-9a-f]{24,}")
FORMS = {
    "Name": "name",
    "MaybeName": "name",
    "WalletName": "wallet",
    "MaybeWallet": "wallet",
    "Number": "number",
    "Key": "key",
    "MaybeKey": "key",
    "Money": "amount",
    "Used": "usage",
    "Time": "time",
    "Percent": "percent",
    "Note": "note",
    "Page": "page",
    "Count": "integer",
    "Decimals": "integer",
    "Weight": "integer",
    "bool": "boolean",
    "Service": "tor",
    "Tor": "tor",
    "RequestType": "request type",
    "Records": "records",
    "Names": "names",
    "Period": "period",
    "Sessions": "integer",
    "UseForm": "use",
    "ValidityForm": "validity",
    "Lines": "lines",
    "str": "text",
}


def rows(section: str, columns: int) -> Iterator[list[str]]:
    """The cells of the section's table, without its heading."""
    for line in SECTIONS[section].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| `") and len(cells) == columns:
            yield cells


def examples() -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Method, parameters, result, in the page's order."""
    found = []
    for block in re.findall(r"(?s)```\n(.*?)\n```", PAGE):
        for one in re.split(r"(?m)^> ", block)[1:]:
            asked, _, answered = one.partition("\n< ")
            method, _, params = asked.partition(" ")
            found.append((method, *(json.loads(text.replace("\n ", "")) for text in (params, answered))))
    return found


def masked(value: Any) -> Any:
    """What differs from one run to the next made alike."""
    if isinstance(value, dict):
        return {name: VARYING.get(name, masked(inner)) for name, inner in value.items()}
    if isinstance(value, list):
        return [masked(inner) for inner in value]
    return DATE.sub("DATE", HASH.sub("HASH", TIME.sub("TIME", value))) if isinstance(value, str) else value


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tariff folder that the engine can read, and beside it files of subscribers and of parameters."""
    made = tmp_path_factory.mktemp("folder")
    (made / "subscribers.csv").write_text(SUBSCRIBERS)
    (made / "eserv.config").write_text(PARAMETERS)
    return Path(shutil.copytree(ROOT / "etc" / "demo" / "tariff", made / "tariff"))


def test_the_examples_are_what_happens(tmp_path: Path, folder: Path) -> None:
    """In the page's order, on a demo that was just made."""
    told = examples()
    with demo_desk(tmp_path) as desk:
        for method, params, result in told:
            place = PLACES[method](folder) if method in PLACES else folder
            here = {**params, "path": str(place)} if "path" in params else params
            assert masked(desk.process.rpc(method, **here)) == masked(result), method
    assert {method for method, _, _ in told} == set(METHODS)


@pytest.mark.parametrize("method", METHODS)
def test_the_parameters(method: str) -> None:
    """Name, form, and whether it is required, or its default where it is said as one."""
    told = {cells[0].strip("`"): (cells[1], cells[2]) for cells in rows(method, 4)}
    there = {one.name: one for one in fields(METHODS[method])}
    assert told.keys() == there.keys()
    for name, (form, default) in told.items():
        declared = next(kind.__annotations__[name] for kind in METHODS[method].__mro__ if name in kind.__annotations__)
        alias, _, null = declared.partition(" | ")
        expected = FORMS.get(alias, "text")
        assert form == (f"{expected} or null" if null == "None" else expected)
        assert (default == "required") == (there[name].default is msgspec.NODEFAULT)
        if default.startswith("`"):
            assert json.loads(default.strip("`")) == msgspec.to_builtins(there[name].default)


@pytest.mark.parametrize("method", METHODS)
def test_the_fields_of_the_result(method: str) -> None:
    link = re.search(r"\[([A-Z][a-z ]+)\]\(#([a-z-]+)\)", SECTIONS[method])
    assert link is not None
    section = "Import report" if link[2] == "import-report" else link[1]
    told = {name for cells in rows(section, 2) for name in re.findall(r"`(\w+)`", cells[0])}
    result = next(result for name, _, result in examples() if name == method)
    listed = next((value for value in result.values() if isinstance(value, list) and "next" in result), None)
    shown = listed[0] if listed else result
    assert told - shown.keys() <= {"in_force"}  # of an import that was loaded
    assert shown.keys() <= told


def test_the_refusals_in_their_order() -> None:
    told = [(cells[0].strip("`"), cells[1]) for cells in rows("Errors", 3)]
    assert told == [(one.value, "yes" if one in RETRY_MAY_HELP else "no") for one in Refusal]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", -32700),
        (b"{}", -32600),
        (b"[]", -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "wallet.gone"}', -32601),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "wallet.get"}', -32602),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "wallet.get", "params": {"wallet": "nobody"}}', -32000),
    ],
)
def test_the_codes(desk: Desk, body: bytes, code: int) -> None:
    status, answer = desk.process.ask("POST", "/jsonrpc", body, Content_Type="application/json")
    assert (status, json.loads(answer)["error"]["code"]) == (200, code)
    assert f"| {code} |" in PAGE


def test_the_statuses_of_http(desk: Desk) -> None:
    ask, kind = desk.process.ask, {"Content_Type": "application/json"}
    one = b'{"jsonrpc": "2.0", "method": "wallet.get", "params": {"wallet": "1001"}}'
    found = [
        ask("POST", "/jsonrpc", one[:-1] + b', "id": 1}', **kind)[0],
        ask("POST", "/jsonrpc", one, **kind)[0],
        ask("POST", "/jsonrpc", one, Host="tollhouse.example", **kind)[0],
        ask("POST", "/json", one, **kind)[0],
        ask("GET", "/nothing")[0],
        ask("GET", "/jsonrpc")[0],
        ask("POST", "/jsonrpc", b" " * 1_048_577, **kind)[0],
        ask("POST", "/jsonrpc", one)[0],
    ]
    assert found == [200, 204, 403, 405, 404, 405, 413, 415]
    assert {str(status) for status in found} | {"401"} == set(re.findall(r"(?m)^\| (\d{3}) \|", PAGE))


def placed(process: Process, line: str, folder: Path) -> list[str]:
    """The page's command with this demo's ports and paths."""
    for port, name in PORTS.items():
        line = line.replace(f"127.0.0.1:{port}", f"127.0.0.1:{getattr(process, name)}")
    words = shlex.split(line.replace(FOLDER, str(folder)))[1:]
    if words[0] == "probe" and "--server" not in words:
        name = words[1] if words[1] != "radius" else "radius_auth" if words[2] == "auth" else "radius_accounting"
        words += ["--server", f"127.0.0.1:{getattr(process, name)}"]
    if words[:3] == ["probe", "radius", "call"]:
        return [*words, "--accounting-port", str(process.radius_accounting)]
    return words if words[0] == "probe" else [*words, "--url", f"http://127.0.0.1:{process.http}"]


def test_the_commands(desk: Desk, folder: Path) -> None:
    """In the page's order; the call of 85 s leaves 9.3583 of 10."""
    said: dict[str, Said] = {}
    lines = re.findall(r"(?m)^    (tollhouse .*)$", SECTIONS["The command line"] + SECTIONS["Probes"])
    for line in lines:
        said[line] = tollhouse(*placed(desk.process, line, folder))
        assert said[line].status == 0, (line, said[line])
        assert "5030" not in said[line].out
    assert len(lines) == 31
    assert said["tollhouse wallet get berta"].values()["balance"] == "9.3583"
    # 1001: 10 - 0.6417; 1002: two Diameter sessions and a RADIUS call of 85 s, 3 x 0.6417 = 1.9251.
    assert desk("wallet", "get", "1001").values()["balance"] == "9.3583"
    assert desk("wallet", "get", "1002").values()["balance"] == "-1.9251"


def test_the_readme_s_commands(tmp_path: Path, folder: Path) -> None:
    text = (ROOT / "README.md").read_text()
    lines = re.findall(r"(?m)^    (?:\.venv/bin/)?(tollhouse (?!demo|serve).*?)(?: +#.*)?$", text)
    assert len(lines) > 3
    with demo_desk(tmp_path) as desk:
        for line in lines:
            said = tollhouse(*placed(desk.process, line, folder))
            assert said.status == 0, (line, said)
        assert desk("wallet", "get", "1001").values()["balance"] == "9.3583"
