"""The Twisted shell: TCP connections, timers and reading pace around `conversation`."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any
from typing import Protocol as Interface

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IPushProducer
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from tollhouse.diameter.conversation import Ask, Conversation
from tollhouse.diameter.dictionary import Dictionary
from tollhouse.diameter.node import Node
from tollhouse.diameter.settings import DiameterSettings
from tollhouse.engine.interface import Charging
from tollhouse.engine.tally import Tally
from tollhouse.values.instants import SECOND, Duration
from tollhouse.values.outcomes import Outcome


class DelayedCall(Interface):
    """What Twisted's IDelayedCall promises, as far as it is used here."""

    def active(self) -> bool: ...
    def cancel(self) -> None: ...
    def getTime(self) -> float: ...


class Clock(Interface):
    """What Twisted's IReactorTime promises, as far as it is used here."""

    def seconds(self) -> float: ...
    def callLater(self, delay: float, callable: Callable[[], object], /) -> DelayedCall: ...


@implementer(IPushProducer)
class DiameterProtocol(Protocol):
    """One connection. Reading pauses while the peer does not read, or too many of its requests are in hand."""

    conversation: Conversation

    def __init__(self, server: DiameterServer, number: int) -> None:
        self._server = server
        self._number = number
        self._timer: DelayedCall | None = None
        self._flushing: DelayedCall | None = None
        self._unread = False
        self._reading = True
        self._ending = False

    def connectionMade(self) -> None:
        server = self._server
        transport: Any = self.transport
        now = server.engine.now()
        gateway = server.engine.gateway(_plain(transport.getPeer().host), "diameter")
        spread = _spread(self._number, server.node.settings.watchdog)
        tenant = "" if gateway is None else gateway.tenant
        local = _plain(transport.getHost().host)
        self.conversation = Conversation(server.node, local, tenant, now, self._wake, spread)
        if gateway is None:
            server.tally.trouble("diameter_dropped", "unknown_address", now, transport.getPeer().host)
            transport.abortConnection()
            return
        if server.stopping:
            transport.loseConnection()
            return
        server.connections.add(self)
        transport.setTcpNoDelay(True)
        transport.setTcpKeepAlive(True)
        transport.registerProducer(self, True)
        self._arm()

    def dataReceived(self, data: bytes) -> None:
        engine = self._server.engine
        for ask in self.conversation.receive(data, engine.now()):
            engine.submit(ask.command, self._answerer(ask))
        self._flush()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.conversation.lost(self._server.engine.now())
        for call in (self._timer, self._flushing):
            if call is not None and call.active():
                call.cancel()
        self._server.gone(self)

    def shut(self) -> None:
        """Part from the peer, politely."""
        self.conversation.shut(self._server.engine.now())
        self._flush()

    def abort(self) -> None:
        """End the connection now."""
        transport: Any = self.transport
        transport.abortConnection()

    # IPushProducer: the transport's write buffer is full, or free again

    def pauseProducing(self) -> None:
        self._unread = True
        self._pace()

    def resumeProducing(self) -> None:
        self._unread = False
        self._pace()

    def stopProducing(self) -> None:
        self._unread = True

    def _answerer(self, ask: Ask) -> Callable[[Outcome], None]:
        exchange = ask.exchange
        if exchange is None:
            return _nobody_waits
        conversation, engine = self.conversation, self._server.engine
        return lambda outcome: conversation.answer(exchange, outcome, engine.now())

    def _wake(self) -> None:
        """Output has appeared: write it at once when nothing else is in hand, else with what this turn still brings."""
        if self.conversation.in_hand == 0 or self.conversation.closed():
            self._flush()
        elif self._flushing is None:
            self._flushing = self._server.clock.callLater(0, self._flush)

    def _flush(self) -> None:
        if self._flushing is not None:
            if self._flushing.active():
                self._flushing.cancel()
            self._flushing = None
        transport: Any = self.transport
        data = self.conversation.output()
        if data:
            transport.write(data)
        if self.conversation.closed():
            self._end()
            return
        self._pace()
        self._arm()

    def _end(self) -> None:
        """Close once all is written; a peer that does not read is not waited for beyond the parting time."""
        if self._ending:
            return
        self._ending = True
        transport: Any = self.transport
        transport.unregisterProducer()
        transport.loseConnection()
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = self._server.clock.callLater(self._server.node.settings.parting_wait / SECOND, self.abort)

    def _pace(self) -> None:
        reading = not self._unread and not self.conversation.crowded
        if reading != self._reading:
            self._reading = reading
            transport: Any = self.transport
            if reading:
                transport.resumeProducing()
            else:
                transport.pauseProducing()

    def _arm(self) -> None:
        """Have the timer ring no later than the conversation wants; one that rings early is set again."""
        due = self.conversation.next_timer()
        clock = self._server.clock
        delay = max(0, due - self._server.engine.now()) / SECOND
        if self._timer is not None and self._timer.active():
            if self._timer.getTime() <= clock.seconds() + delay:
                return
            self._timer.cancel()
        self._timer = clock.callLater(delay, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self.conversation.timer(self._server.engine.now())
        self._flush()


class DiameterServer(Factory):
    """Listens for peers: `reactor.listenTCP(port, server, interface=...)`. `stop` parts from all of them."""

    noisy = False

    def __init__(
        self,
        engine: Charging,
        tally: Tally,
        settings: DiameterSettings,
        dictionary: Dictionary,
        clock: Clock,
    ) -> None:
        self.engine = engine
        self.tally = tally
        self.clock = clock
        self.node = Node(settings, dictionary, tally)
        self.connections: set[DiameterProtocol] = set()
        self.stopping = False
        self._number = 0
        self._stopped: list[Deferred[None]] = []

    def buildProtocol(self, addr: IAddress | None) -> DiameterProtocol:
        self._number += 1
        return DiameterProtocol(self, self._number)

    def stop(self) -> Deferred[None]:
        """Take no more requests, answer those in hand, DPR to every peer; fires when all connections have ended."""
        self.stopping = True
        done: Deferred[None] = Deferred()
        if not self.connections:
            done.callback(None)
            return done
        self._stopped.append(done)
        for connection in list(self.connections):
            connection.shut()
        wait = 2 * self.node.settings.parting_wait / SECOND + 1
        self._giving_up = self.clock.callLater(wait, self._abort_all)
        return done

    def gone(self, connection: DiameterProtocol) -> None:
        """A connection has ended."""
        self.connections.discard(connection)
        if self._stopped and not self.connections:
            if self._giving_up.active():
                self._giving_up.cancel()
            waiting, self._stopped = self._stopped, []
            for done in waiting:
                done.callback(None)

    def _abort_all(self) -> None:
        for connection in list(self.connections):
            connection.abort()


def _spread(number: int, watchdog: Duration) -> Duration:
    """A fifteenth of Tw to either side (RFC 3539 3.4.1: 2 s of 30), so that many peers' watchdogs do not chime in."""
    reach = watchdog // 15
    return number * 1_618_033 % (2 * reach + 1) - reach


def _nobody_waits(_outcome: Outcome) -> None:
    """The outcome of a command that no peer asked for."""


def _plain(address: str) -> str:
    """An address without IPv6's dressing of IPv4 (`::ffff:10.0.0.1` is `10.0.0.1`)."""
    parsed = ipaddress.ip_address(address)
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return str(mapped or parsed)
