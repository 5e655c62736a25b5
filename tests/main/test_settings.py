"""The settings file: what it may say, where each setting lands, and what an operator is told when it is wrong."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import msgspec
import pytest
from tests.main.landing import LANDING

from tollhouse.main.setting_table import SECTIONS, Level
from tollhouse.main.settings import Settings, SettingsError, read_settings
from tollhouse.values.instants import SECOND

ROOT = Path(__file__).resolve().parents[2]
IDENTITY = {"origin_host": '"ocs.example.net"', "origin_realm": '"example.net"'}


def read(tmp_path: Path, text: str) -> Settings:
    file = tmp_path / "tollhouse.toml"
    file.write_text(text)
    return read_settings(file)


def problems(tmp_path: Path, text: str) -> list[str]:
    """What is said, without the file's name, which each line must begin with."""
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, text)
    lead = f"{tmp_path / 'tollhouse.toml'}: "
    assert all(problem.startswith(lead) for problem in caught.value.problems)
    return [problem.removeprefix(lead) for problem in caught.value.problems]


def test_an_empty_file_serves_the_api_alone(tmp_path: Path) -> None:
    settings = read(tmp_path, "")
    assert (settings.radius, settings.diameter, settings.sip) == (None, None, None)
    assert str(settings.http) == "127.0.0.1:2080"
    assert settings.paths.data == Path("/var/lib/tollhouse/data")
    assert settings.level is Level.INFO


def test_a_protocol_is_served_when_its_section_is_there(tmp_path: Path) -> None:
    settings = read(tmp_path, "[radius]\n[sip]\n")
    assert settings.radius is not None
    assert (str(settings.radius.auth), str(settings.radius.accounting)) == ("0.0.0.0:1812", "0.0.0.0:1813")
    assert settings.sip is not None
    assert str(settings.sip.listen) == "0.0.0.0:5060"
    assert settings.diameter is None


def test_the_packaged_file_holds_every_default(tmp_path: Path) -> None:
    """It loads unchanged, and with every comment taken off it says the same."""
    text = (ROOT / "etc" / "tollhouse.toml").read_text()
    shipped = read(tmp_path, text)
    spoken = re.sub(r"(?m)^# (\w+ = )(?!\.\.\.)", r"\1", text)
    said = {(name, key) for name, section in tomllib.loads(spoken).items() for key in section}
    allowed = {(name, setting.key) for name, section in SECTIONS.items() for setting in section.settings}
    assert allowed - said == {("paths", "dictionaries")}
    assert read(tmp_path, spoken) == shipped
    assert shipped.radius is not None
    assert shipped.diameter is not None
    assert shipped.sip is not None


@pytest.mark.parametrize(("setting", "written", "path", "inside"), LANDING, ids=[one[0] for one in LANDING])
def test_each_setting_lands(tmp_path: Path, setting: str, written: str, path: str, inside: object) -> None:
    section, key = setting.split(".")
    rows = {**(IDENTITY if section == "diameter" else {}), key: written}
    found: object = read(tmp_path, f"[{section}]\n" + "".join(f"{name} = {value}\n" for name, value in rows.items()))
    for name in path.split("."):
        found = getattr(found, name)
    assert found == inside
    assert type(found) is type(inside)


def test_no_setting_is_left_out_of_the_table_above() -> None:
    """And every setting is tried with something else than its default."""
    names = {f"{name}.{setting.key}" for name, section in SECTIONS.items() for setting in section.settings}
    assert {one[0] for one in LANDING} == names
    for setting, _, _, inside in LANDING:
        section, key = setting.split(".")
        default = next(one.default for one in SECTIONS[section].settings if one.key == key)
        assert default is msgspec.NODEFAULT or default != inside, setting


def test_every_default_is_allowed() -> None:
    for name, section in SECTIONS.items():
        for setting in section.settings:
            if not setting.required:
                written = setting.kind.shown(setting.default)
                value = tomllib.loads(f"x = {written}")["x"]
                assert setting.kind.read(value) == setting.default, f"{name}.{setting.key}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[engine]\nmax_grnt = 7200", "engine.max_grnt: unknown key; the nearest allowed is max_grant"),
        ("[engin]\nmax_grant = 7200", "engin: unknown section; the nearest allowed is engine"),
        ("levl = 'info'", "levl: unknown key; the nearest allowed is "),
        ("[store]\nmax_grant = 7200", "store.max_grant: unknown key; it belongs to [engine]"),
        ("[http]\nauth_port = 1812", "http.auth_port: unknown key; it belongs to [radius]"),
        (
            "[engine]\non_silence = 'free'",
            'engine.on_silence: "free" is not allowed; allowed: reported, granted, nothing',
        ),
        ("[engine]\non_overrun = 1", "engine.on_overrun: 1 is not allowed; allowed: debt, cap"),
        ("[log]\nlevel = 'loud'", 'log.level: "loud" is not allowed; allowed: debug, info, warning, error'),
        ("[engine]\nmax_grant = 0", "engine.max_grant: 0 is out of range: 1 to 604800 seconds"),
        ("[engine]\nmax_grant = 604801", "engine.max_grant: 604801 is out of range: 1 to 604800 seconds"),
        (
            "[engine]\nmax_grant = 7200.0",
            "engine.max_grant: 7200.0 is a fraction; a whole number is expected: 1 to 604800 seconds",
        ),
        ("[engine]\nmax_grant = '2h'", 'engine.max_grant: "2h" is no whole number; 1 to 604800 seconds'),
        ("[engine]\nmax_grant = true", "engine.max_grant: true is no whole number; 1 to 604800 seconds"),
        ("[engine]\nmax_grant = 2026-11-24", "engine.max_grant: 2026-11-24 is no whole number; 1 to 604800 seconds"),
        ("[radius]\nauth_port = 65536", "radius.auth_port: 65536 is out of range: 1 to 65535"),
        ("[http]\naddress = 'localhost'", 'http.address: "localhost" is not an IPv4 or IPv6 address'),
        ("[http]\naddress = 127", "http.address: 127 is no text; an IPv4 or IPv6 address is expected"),
        ("[sip]\naliases = 'sip.example.net'", 'sip.aliases: "sip.example.net" is no list; each a host or host:port'),
        ("[sip]\naliases = ['a b']", 'sip.aliases: "a b" is not a host or host:port'),
        ("[paths]\ndata = ''", 'paths.data: "" is not the path of a directory'),
        ("[paths]\ndata = 1", "paths.data: 1 is no text; the path of a directory is expected"),
        ("engine = 3", "engine: a section is expected: [engine]"),
        ("[[engine]]\nmax_grant = 7200", "engine: a section is expected: [engine]"),
        (
            "[radius]\naccounting_port = 1812",
            "radius.auth_port and radius.accounting_port: both are port 1812 of 0.0.0.0",
        ),
        ("[paths]\nkey_file = 'x'\ntoken_file = 'x'", "paths.key_file and paths.token_file: both are "),
        ("[engine\n", "Expected ']' at the end of a table declaration (at line 1, column 8)"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, said: str) -> None:
    (only,) = problems(tmp_path, text)
    assert only.startswith(said)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    assert problems(tmp_path, "[diameter]") == [
        "diameter.origin_host: is missing; a host or realm name",
        "diameter.origin_realm: is missing; a host or realm name",
    ]


def test_everything_wrong_is_said_at_once(tmp_path: Path) -> None:
    text = "[http]\nport = 0\n[radio]\n[diameter]\norigin_host = 'a..b'\n[engine]\nmax_grant = 1.5\non_silence = 'x'"
    assert [one.split(":")[0] for one in problems(tmp_path, text + "\nq = 1")] == [
        "radio",
        "http.port",
        "diameter.origin_host",
        "diameter.origin_realm",
        "engine.q",
        "engine.max_grant",
        "engine.on_silence",
    ]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.toml: No such file or directory"):
        read_settings(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b"# caf\xe9\n")
    with pytest.raises(SettingsError, match=r"latin\.toml: .*utf-8"):
        read_settings(tmp_path / "latin.toml")


def test_a_relative_path_counts_from_the_file(tmp_path: Path) -> None:
    paths = read(tmp_path, "[paths]\ndata = 'd'\ndatabase = '/srv/c.sqlite'\n").paths
    assert (paths.data, paths.database) == (tmp_path / "d", Path("/srv/c.sqlite"))


def test_ipv6_addresses(tmp_path: Path) -> None:
    settings = read(tmp_path, "[http]\naddress = '::1'\n[radius]\naddress = '::'\n[sip]\naddress = '2001:DB8::5'\n")
    assert str(settings.http) == "[::1]:2080"
    assert settings.radius is not None
    assert str(settings.radius.auth) == "[::]:1812"
    assert settings.sip is not None
    assert str(settings.sip.listen) == "[2001:db8::5]:5060"


def test_the_plan_carries_all_of_it(tmp_path: Path) -> None:
    settings = read(tmp_path, "[sip]\n[engine]\nmax_grant = 60\n[store]\nslice_entries = 7\n")
    plan = settings.plan("token")
    assert (plan.token, plan.data, plan.http) == ("token", settings.paths.data, settings.http)
    assert (plan.database, plan.key_file) == (settings.paths.database, settings.paths.key_file)
    assert (plan.radius, plan.diameter, plan.sip) == (None, None, settings.sip)
    assert (plan.policy.max_grant, plan.store.slice_entries) == (60 * SECOND, 7)
    assert plan.http.moved_by == f"http.port in {tmp_path / 'tollhouse.toml'} moves it"
