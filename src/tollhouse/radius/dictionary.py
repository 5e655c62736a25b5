"""Attribute names, numbers and types from the files under `dictionaries/radius/`, read once at the start.

The files are in the form that FreeRADIUS made common; pyrad's parser reads them. What comes out are plain tables:
the dialects look their numbers up at the start, and no packet ever touches a dictionary.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
from pyrad.dictionary import Dictionary as Parsed
from pyrad.dictionary import ParseError

VENDOR_SHIFT = 8
ROOT = "dictionary"
"""The file that includes the others."""


class DictionaryError(Exception):
    """The dictionary files are missing, broken, or lack a name that the product needs."""


class Attribute(msgspec.Struct, frozen=True, gc=False):
    """One definition. `number` = vendor << 8 | type; `type` as the files say: string, integer, ipaddr, date, octets."""

    name: str
    number: int
    type: str
    values: Mapping[int, str]


class Dictionary(msgspec.Struct, frozen=True):
    """All definitions, by name and by number."""

    by_name: Mapping[str, Attribute]
    by_number: Mapping[int, Attribute]

    def number(self, name: str) -> int:
        """The number of the attribute called so; DictionaryError where no file names it."""
        try:
            return self.by_name[name].number
        except KeyError:
            raise DictionaryError(f"no file under dictionaries/radius names the attribute {name}") from None


def load(folder: Path) -> Dictionary:
    """Read the folder's root file and all that it includes. Raises DictionaryError with file and line."""
    try:
        parsed = Parsed(str(folder / ROOT))
    except (OSError, ParseError) as trouble:
        raise DictionaryError(f"the RADIUS dictionaries under {folder} cannot be read: {trouble}") from trouble
    attributes = [_attribute(parsed, name) for name in parsed.attributes]
    return Dictionary({a.name: a for a in attributes}, {a.number: a for a in attributes})


def _attribute(parsed: Parsed, name: str) -> Attribute:
    found = parsed.attributes[name]
    vendor: int = parsed.vendors.GetForward(found.vendor)
    values = {}
    if found.type == "integer":
        values = {int.from_bytes(encoded, "big"): word for word, encoded in found.values.forward.items()}
    return Attribute(name, vendor << VENDOR_SHIFT | found.code, found.type, values)
