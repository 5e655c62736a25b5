"""What all connections of one Diameter identity share: who we are, answers given, peers and their states."""

from __future__ import annotations

from typing import Protocol

from tollhouse.diameter import names
from tollhouse.diameter.codec import text_avp, unsigned32_avp
from tollhouse.diameter.dialects.credit_answer import AnswerWriter
from tollhouse.diameter.dictionary import Dictionary
from tollhouse.diameter.duplicates import Duplicates
from tollhouse.diameter.settings import DiameterSettings
from tollhouse.engine.tally import Tally
from tollhouse.values.instants import Instant

_CLIENTS_LIMIT = 10_000
_COUNTER_BITS = 20


class Connection(Protocol):
    """What connections of one identity do to each other."""

    def challenge(self, now: Instant) -> None:
        """The peer has opened another connection: is this one still alive?"""

    def answered(self, message: bytes | None, hop_by_hop: int, now: Instant) -> None:
        """The request, or a repeat of it, that waited here has its answer; None: it gets none."""


class Node:
    """Our identity towards every peer.

    `hosts` and `realms` are what requests may be addressed to, on the wire, in lower case.
    """

    def __init__(self, settings: DiameterSettings, dictionary: Dictionary, tally: Tally) -> None:
        self.settings = settings
        self.dictionary = dictionary
        self.tally = tally
        self.origin = text_avp(names.ORIGIN_HOST, settings.origin_host) + text_avp(
            names.ORIGIN_REALM, settings.origin_realm
        )
        self.origin_state = unsigned32_avp(names.ORIGIN_STATE_ID, settings.origin_state_id)
        self.hosts = frozenset(name.lower().encode() for name in (settings.origin_host, *settings.hosts))
        self.realms = frozenset(name.lower().encode() for name in (settings.origin_realm, *settings.realms))
        self.answers = AnswerWriter(self.origin, dictionary.currencies)
        self.duplicates: Duplicates[tuple[Connection, int]] = Duplicates(
            settings.remember_for, settings.remember_entries, settings.remember_bytes
        )
        self._peers: dict[str, list[Connection]] = {}
        self._states: dict[str, int] = {}
        self._end_to_end = (settings.origin_state_id & 0xFFF) << _COUNTER_BITS

    def peers(self) -> dict[str, int]:
        """Connections that are open, by the peer's Origin-Host."""
        return {host: len(conversations) for host, conversations in self._peers.items()}

    def joined(self, host: str, conversation: Connection) -> list[Connection]:
        """The peer has opened a connection. Returns those that it had before."""
        before = [other for other in self._peers.get(host, []) if other is not conversation]
        self._peers[host] = [*before, conversation]
        return before

    def left(self, host: str, conversation: Connection) -> None:
        """The peer's connection is gone."""
        rest = [other for other in self._peers.get(host, []) if other is not conversation]
        if rest:
            self._peers[host] = rest
        else:
            self._peers.pop(host, None)

    def lost_sessions(self, host: str, state_id: int | None) -> bool:
        """Whether the client's Origin-State-Id grew, which says that its sessions are gone (RFC 6733 8.16).

        A client that sends none, or is seen for the first time, says nothing. The clients heard of longest ago
        are forgotten beyond 10,000.
        """
        if state_id is None:
            return False
        known = self._states.pop(host, None)
        self._states[host] = state_id if known is None else max(known, state_id)
        if len(self._states) > _CLIENTS_LIMIT:
            del self._states[next(iter(self._states))]
        return known is not None and state_id > known

    def end_to_end(self) -> int:
        """An end-to-end id for a request of ours; the high bits differ between starts (RFC 6733 3)."""
        base = self._end_to_end & ~((1 << _COUNTER_BITS) - 1)
        self._end_to_end = base | (self._end_to_end + 1) & ((1 << _COUNTER_BITS) - 1)
        return self._end_to_end
