"""The settings file: TOML, read and checked whole. Everything that is wrong is said at once.

What may stand in it is `setting_table`; docs/settings.md says what each key means.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from tollhouse.diameter.settings import DiameterSettings
from tollhouse.engine.policy import Policy
from tollhouse.main.kinds import WrongValue
from tollhouse.main.plan import DiameterPlan, Endpoint, Plan, RadiusPlan, SipPlan
from tollhouse.main.setting_table import (
    SECTIONS,
    DiameterPort,
    HttpPort,
    Level,
    Log,
    Paths,
    RadiusPorts,
    Section,
    SipPort,
)
from tollhouse.radius.settings import RadiusSettings
from tollhouse.sip.settings import Settings as SipSettings
from tollhouse.store.settings import StoreSettings

Table = Mapping[str, object]
_Values = dict[type[msgspec.Struct], dict[str, Any]]
_Home = TypeVar("_Home", bound=msgspec.Struct)


class SettingsError(Exception):
    """The file can't be used. `problems`: one line each, each with the file and the key."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the file says, its defaults filled in, paths absolute."""

    file: Path
    level: Level
    paths: Paths
    http: Endpoint
    radius: RadiusPlan | None
    diameter: DiameterPlan | None
    sip: SipPlan | None
    policy: Policy
    store: StoreSettings

    def plan(self, token: str) -> Plan:
        """The process to start; `token` is what the token file holds."""
        return Plan(
            data=self.paths.data,
            database=self.paths.database,
            key_file=self.paths.key_file,
            dictionaries=self.paths.dictionaries,
            token=token,
            http=self.http,
            radius=self.radius,
            diameter=self.diameter,
            sip=self.sip,
            policy=self.policy,
            store=self.store,
        )


def read_settings(file: Path) -> Settings:
    """The settings in that file. SettingsError with everything that is wrong; nothing is made or opened."""
    file = file.absolute()
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as trouble:
        raise SettingsError([f"{file}: {trouble.strerror}"]) from None
    except ValueError as trouble:  # TOMLDecodeError, UnicodeDecodeError
        raise SettingsError([f"{file}: {trouble}"]) from None
    values: _Values = {}
    problems = [f"{file}: {text}" for text in _read(table, values)]
    if problems:
        raise SettingsError(problems)
    settings = _settings(file, values, table)
    clashes = [f"{file}: {text}" for text in _clashes(settings)]
    if clashes:
        raise SettingsError(clashes)
    return settings


def _read(table: Table, values: _Values) -> Iterator[str]:
    """Fills `values` by home; yields what is wrong."""
    for name, given in table.items():
        if name not in SECTIONS:
            yield f"{name}: unknown {'section' if isinstance(given, dict) else 'key'}; {_nearest(name, list(SECTIONS))}"
    for name, section in SECTIONS.items():
        given = table.get(name)
        if given is None and section.switches:
            continue
        if given is not None and not isinstance(given, dict):
            yield f"{name}: a section is expected: [{name}]"
            continue
        yield from _read_section(name, section, given or {}, values)


def _read_section(name: str, section: Section, given: Table, values: _Values) -> Iterator[str]:
    known = {setting.key: setting for setting in section.settings}
    for key in given:
        if key not in known:
            yield f"{name}.{key}: unknown key; {_elsewhere(key) or _nearest(key, list(known))}"
    for setting in section.settings:
        into = values.setdefault(setting.home, {})
        if setting.key in given:
            try:
                into[setting.key] = setting.kind.read(given[setting.key])
            except WrongValue as wrong:
                yield f"{name}.{setting.key}: {wrong}"
        elif setting.required:
            yield f"{name}.{setting.key}: is missing; {setting.kind.range}"


def _nearest(wrong: str, allowed: list[str]) -> str:
    return f"the nearest allowed is {get_close_matches(wrong, allowed, 1, 0)[0]}"


def _elsewhere(key: str) -> str:
    """Where the key does belong, if it is in the wrong section."""
    homes = [name for name, section in SECTIONS.items() if any(one.key == key for one in section.settings)]
    return f"it belongs to [{homes[0]}]" if len(homes) == 1 else ""


def _settings(file: Path, values: _Values, table: Table) -> Settings:
    def made(home: type[_Home], **more: Any) -> _Home:
        return home(**values.get(home, {}), **more)

    def at(host: str, port: int, key: str) -> Endpoint:
        return Endpoint(host, port, f"{key} in {file} moves it")

    http, paths = made(HttpPort), made(Paths)
    radius = diameter = sip = None
    if "radius" in table:
        ports = made(RadiusPorts)
        auth = at(ports.address, ports.auth_port, "radius.auth_port")
        accounting = at(ports.address, ports.accounting_port, "radius.accounting_port")
        radius = RadiusPlan(auth, accounting, made(RadiusSettings))
    if "diameter" in table:
        where = made(DiameterPort)
        own = made(DiameterSettings, origin_state_id=0)
        diameter = DiameterPlan(at(where.address, where.port, "diameter.port"), own)
    if "sip" in table:
        place = made(SipPort)
        sip = SipPlan(at(place.address, place.port, "sip.port"), made(SipSettings))
    return Settings(
        file=file,
        level=made(Log).level,
        paths=Paths(*(file.parent / getattr(paths, name) for name in Paths.__struct_fields__)),
        http=at(http.address, http.port, "http.port"),
        radius=radius,
        diameter=diameter,
        sip=sip,
        policy=made(Policy),
        store=made(StoreSettings),
    )


def _clashes(settings: Settings) -> Iterator[str]:
    """Values that are right by themselves and wrong together."""
    radius, diameter, sip = settings.radius, settings.diameter, settings.sip
    udp: dict[str, Endpoint] = {}
    tcp = {"http.port": settings.http}
    if radius is not None:
        udp |= {"radius.auth_port": radius.auth, "radius.accounting_port": radius.accounting}
    if sip is not None:
        udp["sip.port"] = sip.listen
    if diameter is not None:
        tcp["diameter.port"] = diameter.listen
    paths = {f"paths.{name}": getattr(settings.paths, name) for name in ("database", "key_file", "token_file")}
    for named in (udp, tcp):
        taken = {key: (one.host, one.port) for key, one in named.items()}
        yield from (f"{first} and {second}: both are port {at[1]} of {at[0]}" for first, second, at in _same(taken))
    yield from (f"{first} and {second}: both are {path}" for first, second, path in _same(paths))


def _same(named: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    seen: dict[Any, str] = {}
    for key, value in named.items():
        if value in seen:
            yield seen[value], key, value
        seen.setdefault(value, key)
