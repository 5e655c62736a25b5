"""The engine's settings: product rules that no command carries."""

from __future__ import annotations

import enum

import msgspec

from tollhouse.values.instants import DAY, HOUR, SECOND, Duration


class OnSilence(enum.StrEnum):
    """What a started session costs that falls silent past its grant."""

    REPORTED = "reported"
    GRANTED = "granted"
    NOTHING = "nothing"


class OnOverrun(enum.StrEnum):
    """What becomes of usage that neither the grant nor free money pays."""

    DEBT = "debt"
    CAP = "cap"


class Policy(msgspec.Struct, frozen=True):
    """Durations in microseconds; quanta in a service's own usage (microseconds, octets, messages)."""

    setup_window: Duration = 60 * SECOND
    """An authorisation that no Start follows ends after this and gives all back."""
    sip_hold: Duration = 30 * SECOND
    max_grant: Duration = 2 * HOUR
    """The longest voice grant; also the quantum where a client leaves the size to us."""
    horizon: Duration = 7 * DAY
    """How far ahead of a session's start the tariff's activations become part of its price; the last one goes on."""
    max_octets: int = 100 * 2**20
    max_messages: int = 10
    tolerance: Duration = 60 * SECOND
    validity: Duration = HOUR
    """Data and message grants are valid so long."""
    on_silence: OnSilence = OnSilence.REPORTED
    on_overrun: OnOverrun = OnOverrun.DEBT
    tombstone: Duration = DAY
    one_shot: Duration = 30 * DAY
    recent: int = 16
    """Outcomes kept in a session, newest last."""
    reuse_after: Duration = 600 * SECOND
    """A closed session's id may begin a new session by a Start that comes so long after its end."""
    max_queue: int = 4096
    max_batch: int = 512
    min_free_bytes: int = 256 * 2**20
    cache_entities: int = 200_000
