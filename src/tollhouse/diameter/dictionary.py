"""AVP and command tables, read from `dictionaries/diameter/*.toml` at start. Frozen; handed to whoever needs them.

An AVP's *key* is one integer: its code, with the vendor in the bits above 32 (0 = the IETF's own).
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Final

import msgspec

from tollhouse.diameter.codec import VENDOR_SHIFT

_FIXED_SIZE: Final = {
    "Unsigned32": 4,
    "Integer32": 4,
    "Enumerated": 4,
    "Float32": 4,
    "Time": 4,
    "Unsigned64": 8,
    "Integer64": 8,
    "Float64": 8,
}
_KINDS: Final = frozenset({*_FIXED_SIZE, "OctetString", "UTF8String", "DiameterIdentity", "Address", "Grouped"})


class DictionaryError(ValueError):
    """A dictionary file that cannot be used; says which file and which entry."""


class AvpDefinition(msgspec.Struct, frozen=True, gc=False):
    """One AVP. `kind` is the type as RFC 6733 4.2 and 4.3 name it."""

    name: str
    key: int
    kind: str


class Dictionary(msgspec.Struct, frozen=True):
    """All tables.

    `lengths`: key -> the length that the AVP's header must state, 0 = any; keys that are absent are unknown AVPs.
    Only the IETF's own AVPs are held to their length while scanning; a vendor's is when its value is read.
    """

    avps: dict[int, AvpDefinition]
    keys: dict[str, int]
    lengths: dict[int, int]
    commands: dict[int, str]
    currencies: dict[str, int]


def load_dictionary(folder: Path) -> Dictionary:
    """Read every `*.toml` of the folder. Raises DictionaryError for what makes no sense, OSError when unreadable."""
    avps: dict[int, AvpDefinition] = {}
    commands: dict[int, str] = {}
    currencies: dict[str, int] = {}
    for path in sorted(folder.glob("*.toml")):
        try:
            tables = tomllib.loads(path.read_text("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise DictionaryError(f"{path}: {error}") from error
        vendor = tables.get("vendor", 0)
        for name, entry in tables.get("avps", {}).items():
            avp = _definition(path, name, entry, vendor)
            avps[avp.key] = avp
        commands.update({entry[0]: name for name, entry in tables.get("commands", {}).items()})
        currencies.update(tables.get("currencies", {}))
    if not avps:
        raise DictionaryError(f"{folder}: no AVPs found")
    lengths = {key: 0 if key >> VENDOR_SHIFT else _length(avp) for key, avp in avps.items()}
    keys = {avp.name: key for key, avp in sorted(avps.items(), reverse=True)}
    return Dictionary(avps, keys, lengths, commands, currencies)


def _definition(path: Path, name: str, entry: Any, vendor: int) -> AvpDefinition:
    match entry:
        case [int(code), str(kind)] if kind in _KINDS and 0 < code < 1 << 32:
            return AvpDefinition(name, vendor << VENDOR_SHIFT | code, kind)
    raise DictionaryError(f"{path}: {name} = {entry!r} is not [code, type]; types are {', '.join(sorted(_KINDS))}")


def _length(avp: AvpDefinition) -> int:
    size = _FIXED_SIZE.get(avp.kind, 0)
    return size + 8 if size else 0
