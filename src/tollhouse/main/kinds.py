"""Kinds of settings: what a value in the TOML file may be, and what it is inside. No fractions anywhere."""

from __future__ import annotations

import enum
import ipaddress
import re
from pathlib import Path
from typing import Final, Protocol

import msgspec

from tollhouse.values.instants import SECOND

_LABEL: Final = r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?"
_NAME: Final = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_PATTERN: Final = re.compile(rf"(\*\.)?{_LABEL}(\.{_LABEL})*")
_PLACE: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(:[0-9]{1,5})?")
_NAME_MAX: Final = 255


class WrongValue(Exception):
    """What is wrong with a value, ready to follow the setting's name."""


class Kind(Protocol):
    """`type`, `unit` and `range` are words for people."""

    @property
    def type(self) -> str: ...

    @property
    def unit(self) -> str: ...

    @property
    def range(self) -> str: ...

    def read(self, value: object) -> object:
        """The value inside. Raises WrongValue."""

    def shown(self, inside: object) -> str:
        """The inside value as one writes it in TOML."""


class Whole(msgspec.Struct, frozen=True):
    """A whole number from `least` to `most`; inside it is `scale` times as much."""

    unit: str
    least: int
    most: int
    scale: int = 1
    type: str = "integer"

    @property
    def range(self) -> str:
        return f"{self.least} to {self.most}"

    @property
    def _allowed(self) -> str:
        return f"{self.range} {self.unit}".rstrip()

    def read(self, value: object) -> object:
        if isinstance(value, float):
            raise WrongValue(f"{value} is a fraction; a whole number is expected: {self._allowed}")
        if not isinstance(value, int) or isinstance(value, bool):
            raise WrongValue(f"{_said(value)} is no whole number; {self._allowed}")
        if not self.least <= value <= self.most:
            raise WrongValue(f"{value} is out of range: {self._allowed}")
        return value * self.scale

    def shown(self, inside: object) -> str:
        assert isinstance(inside, int)
        return str(inside // self.scale)


def seconds(least: int, most: int) -> Whole:
    """A duration: seconds outside, microseconds inside."""
    return Whole("seconds", least, most, SECOND)


def port() -> Whole:
    """A port number."""
    return Whole("", 1, 65_535)


class OneOf(msgspec.Struct, frozen=True):
    """A member of an enumeration."""

    of: type[enum.StrEnum]
    unit: str = ""
    type: str = "text"

    @property
    def range(self) -> str:
        return ", ".join(self.of)

    def read(self, value: object) -> object:
        if not isinstance(value, str) or value not in list(self.of):
            raise WrongValue(f"{_said(value)} is not allowed; allowed: {self.range}")
        return self.of(value)

    def shown(self, inside: object) -> str:
        return _quoted(str(inside))


class Address(msgspec.Struct, frozen=True):
    """An address of this machine."""

    unit: str = ""
    type: str = "text"
    range: str = "an IPv4 or IPv6 address"

    def read(self, value: object) -> object:
        try:
            return str(ipaddress.ip_address(_text(value, self.range)))
        except ValueError:
            raise WrongValue(f"{_said(value)} is not {self.range}") from None

    def shown(self, inside: object) -> str:
        return _quoted(str(inside))


class Text(msgspec.Struct, frozen=True):
    """A text of some form; `range` says which in words."""

    form: re.Pattern[str]
    range: str
    unit: str = ""
    type: str = "text"

    def read(self, value: object) -> object:
        text = _text(value, self.range)
        if len(text) > _NAME_MAX or self.form.fullmatch(text) is None:
            raise WrongValue(f"{_said(value)} is not {self.range}")
        return text

    def shown(self, inside: object) -> str:
        return _quoted(str(inside))


NAME: Final = Text(_NAME, "a host or realm name")
PEER: Final = Text(_PATTERN, "a host name, or *.name for all below it")
PLACE: Final = Text(_PLACE, "a host or host:port")


class Many(msgspec.Struct, frozen=True):
    """A list of one kind."""

    of: Kind
    unit: str = ""
    type: str = "list of text"

    @property
    def range(self) -> str:
        return f"each {self.of.range}"

    def read(self, value: object) -> object:
        if not isinstance(value, list):
            raise WrongValue(f"{_said(value)} is no list; {self.range}")
        return tuple([self.of.read(one) for one in value])

    def shown(self, inside: object) -> str:
        assert isinstance(inside, tuple)
        return "[" + ", ".join(map(self.of.shown, inside)) + "]"


class PathOf(msgspec.Struct, frozen=True):
    """A path. A relative one counts from the settings file's directory, which the reader puts before it."""

    what: str
    unit: str = ""
    type: str = "text"

    @property
    def range(self) -> str:
        return f"the path of a {self.what}"

    def read(self, value: object) -> object:
        text = _text(value, self.range)
        if not text or "\0" in text:
            raise WrongValue(f"{_said(value)} is not {self.range}")
        return Path(text)

    def shown(self, inside: object) -> str:
        return _quoted(str(inside))


def _text(value: object, wanted: str) -> str:
    if not isinstance(value, str):
        raise WrongValue(f"{_said(value)} is no text; {wanted} is expected")
    return value


def _said(value: object) -> str:
    """The value as an operator recognises it, short."""
    if isinstance(value, bool):
        return str(value).lower()
    text = _quoted(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
