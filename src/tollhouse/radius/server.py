"""The RADIUS ports on Twisted: datagrams in, commands to the engine, answers out. It only carries.

What cannot be answered (unknown client, bad authenticator, malformed) is silence, a counter and a log line.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final, cast

from twisted.internet import udp
from twisted.internet.protocol import DatagramProtocol

from tollhouse.engine.interface import Charging
from tollhouse.engine.tally import Tally
from tollhouse.radius import codec
from tollhouse.radius.codec import STATUS_SERVER, Message, RadiusError, SharedSecret
from tollhouse.radius.conversation import Address, Conversation, Exchange
from tollhouse.radius.dialects.numbers import numbers
from tollhouse.radius.dialects.talk import AccessTalk, AccountingTalk, Talk
from tollhouse.radius.dictionary import Dictionary
from tollhouse.radius.settings import RadiusSettings
from tollhouse.snapshot.accounts import Gateway
from tollhouse.values.instants import Instant
from tollhouse.values.outcomes import Outcome, Refused

MOST_SECRETS: Final = 4096
V4_MAPPED: Final = "::ffff:"
"""How an IPv6 socket names an IPv4 peer (RFC 4291 2.5.5.2)."""

CODE_NAMES: Final = {
    codec.ACCESS_ACCEPT: "accept",
    codec.ACCESS_REJECT: "reject",
    codec.ACCOUNTING_RESPONSE: "accounting",
}


class RadiusPort(DatagramProtocol):
    """One UDP port: who asks, is it genuine, has it been answered, and the way back."""

    noisy = False

    def __init__(self, engine: Charging, tally: Tally, talk: Talk, conversation: Conversation) -> None:
        self._engine = engine
        self._tally = tally
        self._talk = talk
        self._conversation = conversation
        self._secrets: dict[tuple[bytes, bytes], tuple[SharedSecret, ...]] = {}
        self._sendto: Callable[[bytes, Address], int]

    def startProtocol(self) -> None:
        """The socket is taken as it is: Twisted's own write() parses the address of each datagram anew."""
        self._sendto = cast(udp.Port, self.transport).socket.sendto

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """One datagram, from Twisted."""
        now = self._engine.now()
        try:
            self._receive(datagram, addr, now)
        except RadiusError as trouble:
            self._drop(trouble, addr, now)

    def _receive(self, data: bytes, address: Address, now: Instant) -> None:
        host = address[0].removeprefix(V4_MAPPED)
        gateway = self._engine.gateway(host, "radius")
        if gateway is None:
            raise RadiusError("unknown_client")
        message = codec.parse(data)
        secret = codec.authenticate(message, self._secrets_of(gateway), gateway.require_message_authenticator)
        if message.code != self._talk.serves:
            self._status(message, secret, address)
            return
        asked = self._talk.decide(message, gateway, host, secret, now)
        exchange = self._conversation.receive(message.raw, address, now)
        if not isinstance(exchange, Exchange):
            self._tally.count("radius_duplicates", "resent" if exchange else "in_progress")
            if exchange:
                self._send(exchange, address)
            return
        self._tally.count("radius_requests", type(asked).__name__)
        answer = partial(self._answer, message, secret, exchange, address)
        if isinstance(asked, Refused):
            answer(asked)
        else:
            self._engine.submit(asked, answer)

    def _answer(
        self, message: Message, secret: SharedSecret, exchange: Exchange, address: Address, outcome: Outcome
    ) -> None:
        """The engine has decided, and what it decided is durable."""
        now = self._engine.now()
        try:
            answer = self._talk.answer(outcome, address[0], now)
            if answer is None:
                self._conversation.forget(exchange)
                self._tally.count("radius_silent", outcome.refusal.value if isinstance(outcome, Refused) else "")
                return
            reply = codec.reply(answer.code, message, answer.attributes, secret)
        except RadiusError as trouble:
            self._drop(trouble, address, now)
            return
        self._conversation.answered(exchange, reply)
        self._tally.count("radius_answers", CODE_NAMES[answer.code])
        self._send(reply, address)

    def _status(self, message: Message, secret: SharedSecret, address: Address) -> None:
        """Status-Server (RFC 5997): answered only while new sessions are taken, so that proxies turn elsewhere."""
        if message.code != STATUS_SERVER:
            raise RadiusError("unexpected_code", f"code {message.code} at this port")
        if not self._engine.accepting():
            self._tally.count("radius_silent", "status")
            return
        self._tally.count("radius_requests", "Status")
        self._send(codec.reply(self._talk.healthy, message, b"", secret), address)

    def _secrets_of(self, gateway: Gateway) -> tuple[SharedSecret, ...]:
        """The gateway's secrets, prepared once."""
        known = self._secrets.get((gateway.secret, gateway.secret2))
        if known is None:
            known = tuple(SharedSecret(octets) for octets in (gateway.secret, gateway.secret2) if octets)
            if not known:
                raise RadiusError("no_secret", f"gateway {gateway.name}")
            if len(self._secrets) >= MOST_SECRETS:
                self._secrets.clear()
            self._secrets[gateway.secret, gateway.secret2] = known
        return known

    def _send(self, reply: bytes, address: Address) -> None:
        """A full socket or an unreachable client costs this datagram only: the client asks again."""
        try:
            self._sendto(reply, address)
        except OSError as trouble:
            self._tally.trouble("radius_send_failed", type(trouble).__name__, self._engine.now(), f"to {address[0]}")

    def _drop(self, trouble: RadiusError, address: Address, now: Instant) -> None:
        self._tally.trouble("radius_dropped", trouble.reason, now, f"from {address[0]} {trouble.detail}")


class RadiusServer:
    """Both ports; `main` lets the reactor listen with `auth` and `acct`. Raises DictionaryError."""

    def __init__(self, engine: Charging, tally: Tally, dictionary: Dictionary, settings: RadiusSettings) -> None:
        attributes = numbers(dictionary)

        def port(talk: Talk) -> RadiusPort:
            kept = Conversation(settings.duplicate_lifetime, settings.duplicate_entries, settings.duplicate_octets)
            return RadiusPort(engine, tally, talk, kept)

        self.auth = port(AccessTalk(attributes, settings.patience, tally))
        self.acct = port(AccountingTalk(attributes, settings.patience, tally))
