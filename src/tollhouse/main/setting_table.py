"""Every setting: its section and key, what it may be, and the field in which it lands. Defaults are the fields' own.

One table, so that the reader, the checks and the documents cannot part. A setting's key is its field's name.
"""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Final

import msgspec
from msgspec.structs import fields

from tollhouse.diameter.settings import DiameterSettings
from tollhouse.engine.policy import OnOverrun, OnSilence, Policy
from tollhouse.main.kinds import NAME, PEER, PLACE, Address, Kind, Many, OneOf, PathOf, Whole, port, seconds
from tollhouse.main.plan import DICTIONARIES
from tollhouse.radius.settings import RadiusSettings
from tollhouse.sip.settings import Settings as SipSettings
from tollhouse.store.settings import StoreSettings

DEFAULT_FILE: Final = Path("/etc/tollhouse/tollhouse.toml")
"""What `serve` reads where it is told no other."""
_DAY: Final = 86_400
_GIB: Final = 1 << 30


class Level(enum.StrEnum):
    """From which severity on a line is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Log(msgspec.Struct, frozen=True):
    """[log]"""

    level: Level = Level.INFO


class Paths(msgspec.Struct, frozen=True):
    """[paths]"""

    data: Path = Path("/var/lib/tollhouse/data")
    database: Path = Path("/var/lib/tollhouse/config.sqlite")
    key_file: Path = Path("/var/lib/tollhouse/key")
    token_file: Path = Path("/var/lib/tollhouse/token")
    dictionaries: Path = DICTIONARIES


class HttpPort(msgspec.Struct, frozen=True):
    """[http]"""

    address: str = "127.0.0.1"
    port: int = 2080


class RadiusPorts(msgspec.Struct, frozen=True):
    """[radius], where it listens"""

    address: str = "0.0.0.0"
    auth_port: int = 1812
    accounting_port: int = 1813


class DiameterPort(msgspec.Struct, frozen=True):
    """[diameter], where it listens"""

    address: str = "0.0.0.0"
    port: int = 3868


class SipPort(msgspec.Struct, frozen=True):
    """[sip], where it listens"""

    address: str = "0.0.0.0"
    port: int = 5060


class Setting(msgspec.Struct, frozen=True):
    """One key of a section; it lands in the field of that name of `home`."""

    key: str
    kind: Kind
    home: type[msgspec.Struct]

    @property
    def required(self) -> bool:
        return self.default is msgspec.NODEFAULT

    @property
    def default(self) -> object:
        """The value inside where the key is left out; NODEFAULT where it may not be."""
        return next(field.default for field in fields(self.home) if field.name == self.key)


class Section(msgspec.Struct, frozen=True):
    """A TOML table. One that `switches` is served when it is there and is not when it is left out."""

    settings: tuple[Setting, ...]
    switches: bool = False


def _in(home: type[msgspec.Struct], kinds: dict[str, Kind]) -> tuple[Setting, ...]:
    return tuple([Setting(key, kind, home) for key, kind in kinds.items()])


_RADIUS: Final = _in(RadiusPorts, {"address": Address(), "auth_port": port(), "accounting_port": port()}) + _in(
    RadiusSettings,
    {
        "patience": seconds(1, 60),
        "duplicate_lifetime": seconds(1, 600),
        "duplicate_entries": Whole("answers", 1_000, 10_000_000),
        "duplicate_octets": Whole("octets", 1 << 20, 16 * _GIB),
    },
)

_DIAMETER: Final = _in(DiameterPort, {"address": Address(), "port": port()}) + _in(
    DiameterSettings,
    {
        "origin_host": NAME,
        "origin_realm": NAME,
        "hosts": Many(NAME),
        "realms": Many(NAME),
        "peers": Many(PEER),
        "capabilities_wait": seconds(1, 60),
        "watchdog": seconds(6, 600),
        "parting_wait": seconds(1, 30),
        "answer_within": seconds(1, 60),
        "remember_for": seconds(1, _DAY),
        "remember_entries": Whole("answers", 1_000, 10_000_000),
        "remember_bytes": Whole("octets", 1 << 20, 16 * _GIB),
        "in_hand_limit": Whole("requests", 1, 65_536),
        "message_limit": Whole("octets", 4_096, (1 << 24) - 4),
    },
)

_SIP: Final = _in(SipPort, {"address": Address(), "port": port()}) + _in(
    SipSettings,
    {
        "patience": seconds(1, 30),
        "retry_after": Whole("seconds", 1, 3_600),
        "max_contacts": Whole("contacts", 1, 100),
        "max_bytes": Whole("octets", 500, 60_000),
        "aliases": Many(PLACE),
        "cache_entries": Whole("transactions", 1_000, 10_000_000),
        "cache_bytes": Whole("octets", 1 << 20, 16 * _GIB),
    },
)

_ENGINE: Final = _in(
    Policy,
    {
        "setup_window": seconds(1, 3_600),
        "sip_hold": seconds(1, 3_600),
        "max_grant": seconds(1, 7 * _DAY),
        "horizon": seconds(3_600, 366 * _DAY),
        "max_octets": Whole("octets", 1, 1 << 40),
        "max_messages": Whole("messages", 1, 1_000_000),
        "tolerance": seconds(0, _DAY),
        "validity": seconds(60, 30 * _DAY),
        "on_silence": OneOf(OnSilence),
        "on_overrun": OneOf(OnOverrun),
        "tombstone": seconds(3_600, 30 * _DAY),
        "one_shot": seconds(3_600, 366 * _DAY),
        "recent": Whole("outcomes", 4, 64),
        "reuse_after": seconds(1, _DAY),
        "max_queue": Whole("commands", 16, 1_000_000),
        "max_batch": Whole("commands", 1, 65_536),
        "cache_entities": Whole("entities", 1_000, 100_000_000),
    },
)

_STORE: Final = _in(Policy, {"min_free_bytes": Whole("octets", 0, 1 << 50)}) + _in(
    StoreSettings,
    {
        "checkpoint_entries": Whole("entries", 1_000, 100_000_000),
        "checkpoint_age": seconds(1, 3_600),
        "segment_bytes": Whole("octets", 1 << 20, _GIB),
        "slice_entries": Whole("entries", 1, 65_536),
        "record_retention_days": Whole("days", 0, 36_500),
    },
)

SECTIONS: Final[dict[str, Section]] = {
    "log": Section(_in(Log, {"level": OneOf(Level)})),
    "paths": Section(
        _in(
            Paths,
            {
                "data": PathOf("directory"),
                "database": PathOf("file"),
                "key_file": PathOf("file"),
                "token_file": PathOf("file"),
                "dictionaries": PathOf("directory"),
            },
        )
    ),
    "http": Section(_in(HttpPort, {"address": Address(), "port": port()})),
    "radius": Section(_RADIUS, switches=True),
    "diameter": Section(_DIAMETER, switches=True),
    "sip": Section(_SIP, switches=True),
    "engine": Section(_ENGINE),
    "store": Section(_STORE),
}
