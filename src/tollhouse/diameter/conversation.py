"""One peer's connection without its socket: bytes and `now` in; commands for the engine and bytes out.

Theory of operation (RFC 6733 5.6, the responder's half; RFC 3539 3.4.1 for the watchdog):

    WAITING   connected; the first message must be a good CER, in time
    OPEN      capabilities exchanged; requests are served, silence is answered by a DWR, more silence ends it
    DRAINING  we are stopping: what is in hand is still answered, then a DPR goes out
    PARTING   DPR or DPA sent; the connection ends when the peer closes it, answers, or takes too long
    CLOSED    nothing is read or written any more

The shell calls `receive`, submits what it returns and hands outcomes to `answer`; `output` is what is to be written;
`next_timer` says when to call `timer`. `wake` is called whenever output appears outside of `receive`.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Final

import msgspec

from tollhouse.diameter import names
from tollhouse.diameter.capabilities import capabilities, check_peer
from tollhouse.diameter.codec import (
    HEADER_SIZE,
    Avps,
    DiameterError,
    Header,
    frame_length,
    message_bytes,
    scan,
    unsigned32_avp,
    with_hop_by_hop,
)
from tollhouse.diameter.dialects import credit_control
from tollhouse.diameter.dialects.credit_control import Exchange
from tollhouse.diameter.duplicates import Answered, PacketKey
from tollhouse.diameter.messages import answer, error_answer
from tollhouse.diameter.names import Result
from tollhouse.diameter.node import Node
from tollhouse.values.commands import CloseClient, Command
from tollhouse.values.instants import SECOND, Instant
from tollhouse.values.outcomes import Outcome, Refused
from tollhouse.values.refusals import NEVER_STORED

_SUCCESS: Final = unsigned32_avp(names.RESULT_CODE, Result.SUCCESS)
_REBOOTING: Final = unsigned32_avp(names.DISCONNECT_CAUSE, 0)
_SERVED: Final = {
    names.BASE: frozenset({names.CER, names.DWR, names.DPR}),
    names.CREDIT_CONTROL: frozenset({names.CCR}),
}
_CHALLENGE_WAIT: Final = 2 * SECOND
_DOWN_AFTER: Final = 2
"""Watchdog periods without a word after a DWR: one makes the peer suspect, the second ends the connection."""


class State(enum.Enum):
    """See the module's theory of operation."""

    WAITING = "waiting"
    OPEN = "open"
    DRAINING = "draining"
    PARTING = "parting"
    CLOSED = "closed"


class Ask(msgspec.Struct, frozen=True, gc=False):
    """A command for the engine; its outcome goes to `Conversation.answer` (`exchange` None: nobody waits for it)."""

    command: Command
    exchange: Exchange | None


class Conversation:
    """One connection. `tenant` is the gateway's; `spread` is added to Tw, to keep many peers' watchdogs apart."""

    def __init__(
        self, node: Node, local_address: str, tenant: str, now: Instant, wake: Callable[[], None], spread: int = 0
    ) -> None:
        self.state = State.WAITING
        self.host = ""
        self.in_hand = 0
        self._node = node
        self._local_address = local_address
        self._tenant = tenant
        self._wake = wake
        self._period = node.settings.watchdog + spread
        self._due: Instant = now + node.settings.capabilities_wait
        self._unheard = 0
        self._hop_by_hop = 0
        self._rest = b""
        self._out: list[bytes] = []

    # What the shell calls

    def receive(self, data: bytes, now: Instant) -> list[Ask]:
        """Take what came in, whole messages or parts; returns what the engine is to be asked, in order."""
        asks: list[Ask] = []
        if self.closed():
            return asks
        self._heard(now)
        buffer = self._rest + data if self._rest else data
        offset = 0
        limit = self._node.settings.message_limit
        try:
            while (length := frame_length(buffer, offset, limit)) and offset + length <= len(buffer):
                self._message(buffer[offset : offset + length], now, asks)
                if self.closed():
                    return asks
                offset += length
        except DiameterError as error:
            self._unreadable(buffer[offset : offset + HEADER_SIZE], error, now)
            return asks
        self._rest = buffer[offset:]
        return asks

    def answer(self, exchange: Exchange, outcome: Outcome, now: Instant) -> None:
        """The engine has decided: answer the request and its repeats, and remember the answer."""
        written = self._node.answers.write(exchange, outcome)
        message = None
        if written is not None:
            result, body = written
            message = answer(exchange.header, result, body)
            self._node.tally.count("diameter_answers", str(int(result)))
        lasting = not (isinstance(outcome, Refused) and outcome.refusal in NEVER_STORED)
        key = _packet_key(exchange)
        for conversation, hop_by_hop in self._node.duplicates.settle(key, message if lasting else None, now):
            conversation.answered(message, hop_by_hop, now)

    def output(self) -> bytes:
        """What is to be written now, in one piece; empty when there is nothing."""
        if not self._out:
            return b""
        data = b"".join(self._out)
        self._out.clear()
        return data

    def next_timer(self) -> Instant:
        """When `timer` wants to be called; 0 = never again."""
        return 0 if self.state is State.CLOSED else self._due

    def timer(self, now: Instant) -> None:
        """Whatever is due: no CER came, the watchdog, the end of a parting."""
        if self.state is State.CLOSED or now < self._due:
            return
        if self.state is State.WAITING:
            self._close("no_capabilities", now)
        elif self.state is State.PARTING:
            self._close("parted", now)
        elif self.state is State.DRAINING:
            self._part(now)
        elif self._unheard >= _DOWN_AFTER:
            self._close("watchdog", now)
        else:
            self._watch(now)

    def shut(self, now: Instant) -> None:
        """We are stopping: answer what is in hand, then DPR (RFC 6733 5.4)."""
        if self.state is State.WAITING:
            self._close("shutting_down", now)
        elif self.state is State.OPEN:
            self.state = State.DRAINING
            self._due = now + self._node.settings.parting_wait
            if self.in_hand == 0:
                self._part(now)

    def lost(self, now: Instant) -> None:
        """The transport is gone."""
        self._wake = _asleep
        self._close("lost", now)

    def closed(self) -> bool:
        """Whether the connection is to be closed once `output` is written."""
        return self.state is State.CLOSED

    @property
    def crowded(self) -> bool:
        """Whether more requests wait for the engine than are allowed: the shell stops reading."""
        return self.in_hand >= self._node.settings.in_hand_limit

    # Messages

    def _message(self, message: bytes, now: Instant, asks: list[Ask]) -> None:
        header = Header(message)
        is_request = bool(header.flags & names.REQUEST)
        if self.state is State.WAITING and (header.command, is_request) != (names.CER, True):
            self._close("no_capabilities", now)
            return
        if not is_request:
            self._answer_came(header, now)
            return
        try:
            _check_header(header)
            avps = scan(message, self._node.dictionary.lengths)
            if header.command == names.CCR:
                self._credit_control(header, avps, now, asks)
            elif header.command == names.CER:
                self._capabilities(header, avps, now, asks)
            else:
                self._base_request(header, avps, now, asks)
        except DiameterError as error:
            self._node.tally.trouble("diameter_errors", str(int(error.result)), now, f"{self.host}: {error.reason}")
            self._out.append(error_answer(header, message, error, self._node.origin))
            if self.state is State.WAITING:
                self._close("capabilities_refused", now)

    def _credit_control(self, header: Header, avps: Avps, now: Instant, asks: list[Ask]) -> None:
        if self.state is not State.OPEN:
            raise DiameterError(Result.TOO_BUSY, "shutting down")
        self._check_route(avps)
        node = self._node
        command, exchange = credit_control.read(header, avps, self._tenant, now, now + node.settings.answer_within)
        key = _packet_key(exchange)
        digest = hash(avps.message[HEADER_SIZE:])
        known = node.duplicates.find(key, now)
        if known is not None:
            node.tally.count("diameter_repeats", "same" if known.digest == digest else "changed")
            if isinstance(known, Answered):
                self._out.append(with_hop_by_hop(known.message, header.hop_by_hop))
                return
            known.waiters.append((self, header.hop_by_hop))
            self.in_hand += 1
            return
        self._client_state(exchange.client, avps, now, asks)
        node.tally.count("diameter_requests", exchange.kind.name)
        if exchange.unmatched:
            node.tally.count("diameter_usage_in_other_units")
        node.duplicates.begin(key, digest, (self, header.hop_by_hop))
        self.in_hand += 1
        asks.append(Ask(command, exchange))

    def _check_route(self, avps: Avps) -> None:
        """Is the request for us (RFC 6733 6.1.4)? 3002 for another host, 3003 for another realm, 3005 for a loop."""
        node = self._node
        host = avps.octets(names.DESTINATION_HOST)
        if host is not None and host.lower() not in node.hosts:
            raise DiameterError(Result.UNABLE_TO_DELIVER, "Destination-Host is another")
        realm = avps.octets(names.DESTINATION_REALM)
        if realm is not None and realm.lower() not in node.realms:
            raise DiameterError(Result.REALM_NOT_SERVED, "Destination-Realm is another")
        if any(avps.data_at(offset).lower() in node.hosts for offset in avps.offsets(names.ROUTE_RECORD)):
            raise DiameterError(Result.LOOP_DETECTED, "the request has been here")

    def _capabilities(self, header: Header, avps: Avps, now: Instant, asks: list[Ask]) -> None:
        node = self._node
        host = check_peer(avps, node.settings)
        if self.state is State.WAITING:
            self.state = State.OPEN
            self.host = host
            self._heard(now)
            for other in node.joined(host, self):
                other.challenge(now)
            node.tally.count("diameter_connections", "opened")
        self._client_state(host, avps, now, asks)
        body = _SUCCESS + node.origin + capabilities(node.settings, self._local_address)
        self._out.append(answer(header, Result.SUCCESS, body))

    def _base_request(self, header: Header, avps: Avps, now: Instant, asks: list[Ask]) -> None:
        """DWR and DPR (RFC 6733 5.5 and 5.4)."""
        for key in (names.ORIGIN_HOST, names.ORIGIN_REALM):
            if key not in avps.found:
                raise avps.missing(key)
        node = self._node
        body = _SUCCESS + node.origin
        if header.command == names.DWR:
            node.tally.count("diameter_watchdog", "answered")
            self._client_state(self.host, avps, now, asks)
            self._out.append(answer(header, Result.SUCCESS, body + node.origin_state))
            return
        self._out.append(answer(header, Result.SUCCESS, body))
        self.state = State.PARTING
        self._due = now + node.settings.parting_wait

    def _client_state(self, client: str, avps: Avps, now: Instant, asks: list[Ask]) -> None:
        state_id = avps.unsigned32(names.ORIGIN_STATE_ID)
        if self._node.lost_sessions(client, state_id):
            self._node.tally.count("diameter_clients_restarted")
            asks.append(Ask(CloseClient(client, f"origin_state_id={state_id}", "origin_state_id", now), None))

    def _answer_came(self, header: Header, now: Instant) -> None:
        """DWA: its coming was the sign of life. DPA: the parting is over. Others were not asked for."""
        if header.command == names.DPR and self.state is State.PARTING:
            self._close("parted", now)
        elif header.command != names.DWR or not 0 < header.hop_by_hop <= self._hop_by_hop:
            self._node.tally.count("diameter_answers_unasked")

    def answered(self, message: bytes | None, hop_by_hop: int, now: Instant) -> None:
        """A request of this connection has its answer (None: silence)."""
        self.in_hand -= 1
        if self.state is State.CLOSED:
            return
        if message is not None:
            self._out.append(with_hop_by_hop(message, hop_by_hop))
        if self.state is State.DRAINING and self.in_hand == 0:
            self._part(now)
        self._wake()

    # Watchdog and end

    def challenge(self, now: Instant) -> None:
        """The peer has come by another connection: is this one alive? Ends it unless the peer speaks within 2 s."""
        if self.state is State.OPEN:
            self._watch(now)
            self._unheard = _DOWN_AFTER
            self._due = now + _CHALLENGE_WAIT
            self._wake()

    def _heard(self, now: Instant) -> None:
        self._unheard = 0
        if self.state is State.OPEN:
            self._due = now + self._period

    def _watch(self, now: Instant) -> None:
        """A period has passed in silence: DWR at the first, suspicion at the second (RFC 3539 3.4.1)."""
        if self._unheard == 0:
            self._node.tally.count("diameter_watchdog", "asked")
            self._request(names.DWR, self._node.origin + self._node.origin_state)
        else:
            self._node.tally.trouble("diameter_watchdog", "suspect", now, self.host)
        self._unheard += 1
        self._due = now + self._period

    def _part(self, now: Instant) -> None:
        self._request(names.DPR, self._node.origin + _REBOOTING)
        self.state = State.PARTING
        self._due = now + self._node.settings.parting_wait
        self._wake()

    def _request(self, command: int, body: bytes) -> None:
        self._hop_by_hop += 1
        end_to_end = self._node.end_to_end()
        self._out.append(message_bytes(names.REQUEST, command, names.BASE, self._hop_by_hop, end_to_end, body))

    def _unreadable(self, head: bytes, error: DiameterError, now: Instant) -> None:
        """The stream cannot be followed: say so, and end (requirement diameter 1.2)."""
        header = Header(head)
        self._node.tally.trouble("diameter_errors", str(int(error.result)), now, f"{self.host}: {error.reason}")
        if header.flags & names.REQUEST:
            self._out.append(error_answer(header, head, error, self._node.origin))
        self._close("unreadable", now)

    def _close(self, reason: str, now: Instant) -> None:
        if self.state is State.CLOSED:
            return
        if self.host:
            self._node.left(self.host, self)
        self.state = State.CLOSED
        self._rest = b""
        if reason in ("parted", "lost", "shutting_down"):
            self._node.tally.count("diameter_closed", reason)
        else:
            self._node.tally.trouble("diameter_closed", reason, now, self.host)
        self._wake()


def _asleep() -> None:
    """Nobody is left to be woken."""


def _check_header(header: Header) -> None:
    """Flags, application, command, in this order (requirement diameter 3.4)."""
    flags = header.flags
    if flags & (names.ERROR | names.RESERVED):
        raise DiameterError(Result.INVALID_HDR_BITS, f"command flags {flags:#04x}")
    served = _SERVED.get(header.application)
    if served is None:
        raise DiameterError(Result.APPLICATION_UNSUPPORTED, f"application {header.application}")
    if header.command not in served:
        raise DiameterError(Result.COMMAND_UNSUPPORTED, f"command {header.command}")
    if flags & names.PROXIABLE and header.application == names.BASE:
        raise DiameterError(Result.INVALID_HDR_BITS, "base commands are not proxiable")


def _packet_key(exchange: Exchange) -> PacketKey:
    return PacketKey(
        exchange.client,
        exchange.header.end_to_end,
        exchange.session,
        exchange.sub_session,
        exchange.kind,
        exchange.number,
    )
