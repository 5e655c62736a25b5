"""The source's own parameters into a tenant's: read whole, every problem at once, then set in one change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec
from sqlalchemy import Connection, select
from sqlalchemy.exc import SQLAlchemyError

from tollhouse.configdb import schema
from tollhouse.configdb.database import ConfigDatabase, ConfigError
from tollhouse.configdb.rule_names import SOURCE_DEFAULTS, Ours, has_keys, is_key, translate, unquoted
from tollhouse.configdb.rule_rulings import ruling
from tollhouse.configdb.source_files import Setting, SourceError, settings

WHO: Final = "config import-parameters"
LARGEST: Final = 1 << 20
"""Octets of a file."""
MOST_PROBLEMS: Final = 1_000
"""So many are told of a file; what is behind the last of them is not read."""
LONGEST: Final = 4096
"""Characters of a value in the database."""
_BY_CUSTOMER: Final = ("CascadeNamesByAcsId", "PromoCascadeNamesByAcsId")
"""Lists whose entries name whose they are."""
_CUSTOMER: Final = "acsCustomerId"
_CASCADES: Final = ("event.cascade", "event.promotional_cascade")
_HIDDEN: Final = "wallet.hidden_balance_types"


class Wrong(msgspec.Struct, frozen=True):
    """What is wrong: where, the source's name and value, and why. Line 0: the file as a whole."""

    file: str
    line: int
    name: str
    value: str
    text: str


class Taken(msgspec.Struct, frozen=True):
    """A parameter of the tenant, from where in the file. `before`: None where the default held.

    `note`: the ruling that was needed. Line 0 and no source: the file leaves it out, the source's default is not ours.
    """

    line: int
    source: str
    name: str
    value: str
    before: str | None
    note: str = ""


class Left(msgspec.Struct, frozen=True):
    """What sets nothing here, and why. `waits`: it will mean something with a later part."""

    line: int
    source: str
    note: str
    waits: bool


class ParameterReport(msgspec.Struct, frozen=True):
    """What a file comes to. With problems, nothing was set. `changed`: how many parameters have another value now."""

    tenant: str
    dry_run: bool
    problems: tuple[Wrong, ...] = ()
    taken: tuple[Taken, ...] = ()
    left: tuple[Left, ...] = ()
    changed: int = 0


class _Standing(msgspec.Struct, frozen=True):
    """What the database says: all tenants, and what is this one's."""

    tenants: tuple[str, ...]
    tenant: str
    held: dict[str, str]
    cascades: frozenset[str]
    balance_types: frozenset[str]


def import_parameters(
    database: ConfigDatabase, path: Path, tenant: str = "", customer: str = "", dry_run: bool = False
) -> ParameterReport:
    """Set what the file says for the tenant (empty: the only one), as the source's names and rulings have it.

    `customer`: the tenant's number in the source, of whose cascades the file may have lists (empty: its name). Where
    the file leaves out what has another default there, and the tenant has no value of its own, it gets the source's.
    ConfigError where the database can't be read, or refuses.
    """
    standing = _standing(database, tenant)
    if standing.tenant not in standing.tenants:
        text = f"there is no such tenant, it is one of {', '.join(standing.tenants) or 'none'}"
        return ParameterReport(tenant, dry_run, (Wrong(path.name, 0, "tenant", tenant, text),))
    reading = _Reading(path, standing, customer or standing.tenant)
    reading.read()
    taken = tuple(reading.taken.values())
    changed = [one for one in taken if one.value != one.before]
    if not (dry_run or reading.problems) and changed:
        with database.change(WHO) as change:
            for one in changed:
                change.set_parameter(standing.tenant, one.name, one.value)
    problems = tuple(sorted(reading.problems, key=lambda one: one.line))
    moved = 0 if problems else len(changed)
    return ParameterReport(standing.tenant, dry_run, problems, taken, tuple(reading.left), moved)


class _Reading:
    """One file on its way to a tenant's parameters."""

    def __init__(self, path: Path, standing: _Standing, customer: str) -> None:
        self.problems: list[Wrong] = []
        self.taken: dict[str, Taken] = {}
        self.left: list[Left] = []
        self._path = path
        self._standing = standing
        self._customer = customer

    def read(self) -> None:
        said = list(self._settings())
        customers = {(one.group, one.entry): unquoted(one.text) for one in said if one.key == _CUSTOMER}
        for one in said:
            if len(self.problems) >= MOST_PROBLEMS:
                return
            owner = customers.get((one.group, one.entry), self._customer)
            if _own(one) in _BY_CUSTOMER and one.key != _CUSTOMER and owner != self._customer:
                note = f"customer {owner}'s, and the tenant is customer {self._customer}"
                self.left.append(Left(one.line, _where(one), note, False))
            else:
                self._one(one)
        if not self.problems:
            self._defaults()

    def _settings(self) -> Iterator[Setting]:
        """What can be read of the file."""
        try:
            if self._path.exists() and not self._path.is_file():
                self._problem(0, "", str(self._path), "it is no file")
                return
            with self._path.open("rb") as file:
                octets = file.read(LARGEST + 1)
            if len(octets) > LARGEST:
                self._problem(0, "", "", f"the file has more than {LARGEST} octets")
            else:
                yield from settings(octets.decode("utf-8-sig"), _stands_whole)
        except OSError as trouble:
            self._problem(0, "", str(self._path), f"the file cannot be read: {trouble.strerror}")
        except UnicodeDecodeError:
            self._problem(0, "", "", "the file is no text in UTF-8")
        except SourceError as trouble:
            self._problem(trouble.line, "", "", str(trouble))

    def _one(self, setting: Setting) -> None:
        where, value = _where(setting), unquoted(setting.text)
        try:
            meant = translate(setting.group, setting.key, setting.text)
        except ValueError as trouble:
            self._problem(setting.line, where, _shown(setting), str(trouble))
            return
        decided = ruling(f"{_own(setting)}.{setting.key}", value)
        if isinstance(meant, Ours):
            self._take(setting, meant, decided)
        else:
            note = f"{meant.reason}; {decided}" if decided else meant.reason
            self.left.append(Left(setting.line, where, note, meant.waits))

    def _take(self, setting: Setting, meant: Ours, note: str) -> None:
        where = _where(setting)
        before = self.taken.get(meant.name)
        if before is not None and before.value != meant.value:
            text = f"{where}: line {before.line} says {before.value!r} of the same"
            self._problem(setting.line, where, _shown(setting), text)
            return
        if len(meant.value) > LONGEST:
            self._problem(setting.line, where, _shown(setting), f"{where}: longer than {LONGEST} characters")
            return
        for wrong in _unknown(meant, self._standing):
            self._problem(setting.line, where, _shown(setting), f"{where}: {wrong}")
        held = self._standing.held.get(meant.name)
        self.taken[meant.name] = before or Taken(setting.line, where, meant.name, meant.value, held, note)

    def _defaults(self) -> None:
        for name, value in SOURCE_DEFAULTS.items():
            if name not in self.taken and name not in self._standing.held:
                self.taken[name] = Taken(0, "", name, value, None, "the source's default, which the file leaves out")

    def _problem(self, line: int, name: str, value: str, text: str) -> None:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(Wrong(self._path.name, line, name, value, text))


def _standing(database: ConfigDatabase, tenant: str) -> _Standing:
    try:
        with database.engine.connect() as connection, connection.begin():
            tenants = tuple(sorted(connection.execute(select(schema.TENANTS.c.name)).scalars()))
            own = tenant or (tenants[0] if len(tenants) == 1 else "")
            return _Standing(tenants, own, _held(connection, own), *_names(connection, own))
    except SQLAlchemyError as trouble:
        raise ConfigError(f"config database {database.path}: {trouble}") from None


def _held(connection: Connection, tenant: str) -> dict[str, str]:
    table = schema.PARAMETERS.c
    return dict(connection.execute(select(table.name, table.value).where(table.tenant == tenant)).all())


def _names(connection: Connection, tenant: str) -> Iterable[frozenset[str]]:
    """Of the tenant's cascades, and of all balance types."""
    cascades, kinds = schema.CASCADES.c, schema.BALANCE_TYPES.c
    yield frozenset(connection.execute(select(cascades.name).where(cascades.tenant == tenant)).scalars())
    yield frozenset(connection.execute(select(kinds.name)).scalars())


def _unknown(meant: Ours, standing: _Standing) -> list[str]:
    """What the value names that is not configured."""
    if meant.name in _CASCADES and meant.value not in standing.cascades:
        return [f"{standing.tenant} has no cascade {meant.value!r}"]
    names = meant.value.split(",") if meant.name == _HIDDEN and meant.value else []
    return [f"there is no balance type {name!r}" for name in names if name not in standing.balance_types]


def _stands_whole(group: str, key: str) -> bool:
    return is_key(group, key) and not has_keys(key)


def _own(setting: Setting) -> str:
    """The setting's group by its own name."""
    return setting.group.rpartition(".")[2]


def _where(setting: Setting) -> str:
    return f"{setting.group}.{setting.key}".lstrip(".")


def _shown(setting: Setting) -> str:
    """The value as far as people need it. What is no parameter's may be a password, and is not told."""
    known = is_key(_own(setting), setting.key) and not setting.key.startswith("oracle")
    return unquoted(setting.text)[:80] if known else "(not shown)"
