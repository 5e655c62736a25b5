"""The Twisted shell of the SIP redirect server: carries datagrams, asks the engine, carries the answers."""

from __future__ import annotations

from collections.abc import Callable
from socket import SO_RCVBUF, SOL_SOCKET
from typing import Final, Protocol, cast

from twisted.internet.protocol import DatagramProtocol
from twisted.internet.udp import Port

from tollhouse.engine.interface import Charging
from tollhouse.engine.tally import Tally
from tollhouse.sip.codec import CodecError, Request, encode, parse
from tollhouse.sip.conversation import TICK, Address, Conversation, Datagram, Phase, Transaction, Verdict
from tollhouse.sip.dialects import redirect
from tollhouse.sip.dialects.redirect import Declined, Reply
from tollhouse.sip.settings import Settings
from tollhouse.snapshot.accounts import Gateway
from tollhouse.values.instants import SECOND, Instant
from tollhouse.values.outcomes import Granted, Outcome, Refused
from tollhouse.values.refusals import Refusal

RECEIVE_BUFFER: Final = 4 * 1024 * 1024
"""Octets the kernel keeps for us; its default drops a burst of some 300 INVITEs."""


class Timer(Protocol):
    """A call that is to come (IDelayedCall)."""

    def cancel(self) -> None:
        """Never make it."""


class Clock(Protocol):
    """What is used of IReactorTime."""

    def seconds(self) -> float:
        """The reactor's time."""

    def callLater(self, delay: float, callable: Callable[[], None]) -> Timer:
        """Call after so many seconds."""


class SipServer(DatagramProtocol):
    """One UDP listener. Sources that no gateway covers get silence: an answer would only tell scanners that we are."""

    def __init__(self, charging: Charging, tally: Tally, settings: Settings, clock: Clock, secret: bytes) -> None:
        """`secret` (16 to 64 random bytes) keys the To tags."""
        self._charging = charging
        self._tally = tally
        self._settings = settings
        self._clock = clock
        self._conversation = Conversation(secret, settings)
        self._ours = frozenset(redirect.endpoint(alias) for alias in settings.aliases)
        self._wheel: Timer | None = None
        self._port: Port | None = None

    def startProtocol(self) -> None:
        """The port is open: learn its address, start the timers."""
        self._port = cast(Port, self.transport)
        self._port.socket.setsockopt(SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER)
        host, port = self._port.socket.getsockname()[:2]
        self._ours |= {(f"[{host}]" if ":" in host else host, port)}
        self._wheel = self._clock.callLater(TICK / SECOND, self._turn)

    def stopProtocol(self) -> None:
        """The port is closed: unanswered transactions end here."""
        if self._wheel is not None:
            self._wheel.cancel()
        self._wheel = self._port = None

    def datagramReceived(self, datagram: bytes, addr: Address) -> None:
        """One datagram in; whatever is wrong with it ends here."""
        source = (addr[0], addr[1])
        gateway = self._charging.gateway(source[0], "sip")
        if gateway is None:
            self._tally.trouble("sip_dropped", "unknown source", self._charging.now(), source[0])
            return
        if not datagram.strip(b"\r\n\0"):
            self._tally.count("sip_keepalives")
            return
        try:
            request = parse(datagram)
        except CodecError as error:
            self._malformed(error, source)
        else:
            self._receive(request, gateway, source)

    def _receive(self, request: Request, gateway: Gateway, source: Address) -> None:
        if request.method == b"ACK":
            self._tally.count("sip_acks" if self._conversation.acknowledge(request, source) else "sip_unknown_acks")
        elif request.method == b"CANCEL":
            self._cancel(request, source)
        else:
            answer = redirect.at_once(request, self._charging.accepting(), self._settings)
            if answer is None:
                self._invite(request, gateway, source)
            else:
                self._immediately(request, source, answer)

    def _invite(self, request: Request, gateway: Gateway, source: Address) -> None:
        verdict, transaction = self._conversation.invite(request, source, self._now())
        if verdict is Verdict.REPEAT:
            self._tally.count("sip_repeats")
            if transaction.sent:
                self._send((transaction.sent, transaction.reply))
            return
        if verdict is Verdict.MERGED:
            self._immediately(request, source, redirect.reply(482))
            return
        deadline = self._charging.now() + self._settings.patience
        try:
            transaction.wish = redirect.authorize(request, gateway, source[0], deadline, self._settings)
        except Declined as declined:
            self._finish(transaction, declined.reply)
        except CodecError as error:
            self._finish(transaction, redirect.unread(error))
        else:
            self._tally.count("sip_invites")
            self._charging.submit(transaction.wish, self._decided(request, transaction))

    def _decided(self, request: Request, transaction: Transaction) -> Callable[[Outcome], None]:
        """What to do with the engine's answer to an INVITE, by then durable."""

        def decided(outcome: Outcome) -> None:
            if transaction.phase is not Phase.PENDING:
                return
            if isinstance(outcome, Granted):
                self._grant(request, transaction, outcome)
                return
            refusal = outcome.refusal if isinstance(outcome, Refused) else Refusal.INTERNAL_ERROR
            if refusal is Refusal.TOO_LATE and not transaction.sent:
                self._tally.count("sip_dropped", "too late")
                self._conversation.drop(transaction)
                return
            self._finish(transaction, redirect.refused(refusal, self._settings))

        return decided

    def _grant(self, request: Request, transaction: Transaction, outcome: Granted) -> None:
        """302 with the carriers; where none is left but ourselves, what was held goes back first."""
        bare = len(encode(b"302 Moved Temporarily", transaction.envelope, transaction.tag))
        answer = redirect.redirect(outcome.routes, request.target, self._ours, bare, self._settings)
        if answer is not None:
            self._finish(transaction, answer)
            return
        self._give_back(
            transaction,
            lambda: self._finish(transaction, redirect.refused(Refusal.NO_ROUTE, self._settings)),
        )

    def _cancel(self, request: Request, source: Address) -> None:
        """200 to the CANCEL, and 487 to an INVITE that had no answer yet, once what it held is given back."""
        transaction = self._conversation.cancelled(request, source)
        if transaction is None:
            self._immediately(request, source, redirect.reply(481))
            return
        cancelled = transaction

        def released() -> None:
            self._immediately(request, source, redirect.reply(200))
            if cancelled.phase is Phase.CANCELLED:
                self._finish(cancelled, redirect.reply(487))

        self._give_back(transaction, released)

    def _give_back(self, transaction: Transaction, then: Callable[[], None]) -> None:
        """Release what the INVITE held, if the engine was asked at all."""
        if transaction.wish is None:
            then()
        else:
            self._charging.submit(redirect.release(transaction.wish), lambda _outcome: then())

    def _malformed(self, error: CodecError, source: Address) -> None:
        self._tally.trouble("sip_malformed", error.reason, self._charging.now(), source[0])
        if error.envelope is not None and error.status:
            answer = redirect.unread(error)
            self._send(self._conversation.malformed(error.envelope, source, answer.status, answer.extra))

    def _immediately(self, request: Request, source: Address, answer: Reply) -> None:
        self._tally.count("sip_answers", answer.status[:3].decode())
        self._send(self._conversation.immediate(request, source, answer.status, answer.extra))

    def _finish(self, transaction: Transaction, answer: Reply) -> None:
        self._tally.count("sip_answers", answer.status[:3].decode())
        final = encode(answer.status, transaction.envelope, transaction.tag, answer.extra)
        self._conversation.finish(transaction, final, self._now())
        self._send((final, transaction.reply))

    def _turn(self) -> None:
        before = self._conversation.unconfirmed
        for datagram in self._conversation.timer(self._now()):
            self._send(datagram)
        if self._conversation.unconfirmed > before:
            self._tally.count("sip_no_ack", by=self._conversation.unconfirmed - before)
        self._wheel = self._clock.callLater(TICK / SECOND, self._turn)

    def _now(self) -> Instant:
        """The timers' own clock: unlike engine time it goes on where the wall clock was set back."""
        return int(self._clock.seconds() * SECOND)

    def _send(self, datagram: Datagram) -> None:
        if self._port is None:
            return
        payload, address = datagram
        try:
            self._port.write(payload, address)
        except OSError as error:
            self._tally.trouble("sip_unsent", "socket", self._charging.now(), str(error))
