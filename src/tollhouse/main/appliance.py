"""The composition root: opens, wires, starts and stops one whole appliance in one process."""

from __future__ import annotations

import logging
import os
import traceback
from collections.abc import Callable
from importlib import metadata
from typing import Any, Final

from msgspec.structs import replace
from twisted.internet.defer import Deferred, DeferredList, inlineCallbacks, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.task import LoopingCall
from twisted.internet.threads import deferToThreadPool

from tollhouse.cachemanager.watch import CacheManager
from tollhouse.configdb.database import ConfigDatabase
from tollhouse.console.desk import BringWish, Desk, Json, ParametersWish, Wish
from tollhouse.console.metrics import Gauge, registry
from tollhouse.console.server import site
from tollhouse.diameter.dictionary import load_dictionary
from tollhouse.diameter.server import DiameterServer
from tollhouse.engine.batch import Engine
from tollhouse.engine.book import Book
from tollhouse.engine.tally import Tally
from tollhouse.engine.timers import Timers
from tollhouse.main.auditing import Auditor
from tollhouse.main.bringing import SubscriberDesk
from tollhouse.main.clock import wall
from tollhouse.main.importing import TariffDesk
from tollhouse.main.notify import notify, watchdog_period
from tollhouse.main.parameters import ParameterDesk
from tollhouse.main.plan import DiameterPlan, Endpoint, Plan, RadiusPlan, SipPlan
from tollhouse.main.reading import StoreReading
from tollhouse.radius import dictionary as radius_dictionary
from tollhouse.radius.server import RadiusServer
from tollhouse.sip.server import SipServer
from tollhouse.store.die import die
from tollhouse.store.embedded import open_embedded
from tollhouse.store.snapshot import LmdbSnapshot, SnapshotFile, SnapshotWriter
from tollhouse.values.disconnects import Disconnect

_LOG: Final = logging.getLogger("tollhouse")
VERSION: Final = metadata.version("tollhouse")
TICK: Final = 0.05
WATCH: Final = 0.2


class PortTakenError(Exception):
    """Another process listens where we should; the text says where and how to move."""


def _or_die(turn: Callable[[], None]) -> None:
    """A turn that breaks outside of a command's decision leaves memory half-changed: nothing may be served from it."""
    try:
        turn()
    except Exception:  # noqa: BLE001 - ends the process; its supervisor starts it again from the journal
        die(f"a turn of the engine broke: {traceback.format_exc()}")


def _log_disconnect(one: Disconnect) -> None:
    """What the protocol rooms cannot tell their clients yet is at least told to whoever reads the log."""
    _LOG.info("session %s of client %r is to end: %s, wallet %r", one.session, one.client, one.reason.value, one.wallet)


class Appliance:
    """`start` takes the store and the ports; `stop` drains, parts from peers, checkpoints. `reactor` is Twisted's."""

    def __init__(self, plan: Plan, reactor: Any) -> None:
        """Raises ClaimError, FormatError, CorruptError (store), ConfigError (config database), DictionaryError."""
        self.plan = plan
        self.tally = Tally()
        self._reactor = reactor
        self._ports: list[Any] = []
        self._loops: list[LoopingCall] = []
        self._diameter: DiameterServer | None = None
        plan.data.mkdir(mode=0o750, parents=True, exist_ok=True)
        self._store = open_embedded(plan.data, die, plan.store)
        claimed = self._store.claim()
        self.database = ConfigDatabase(plan.database, plan.key_file)
        snapshot_file = SnapshotFile(plan.data / "config.lmdb")
        self.cache = CacheManager(self.database, SnapshotWriter(snapshot_file), self.tally)
        self.cache.check(wall())
        snapshot = LmdbSnapshot(snapshot_file)
        book = Book(self._store, snapshot, plan.policy.cache_entities)
        self.engine = Engine(self._store, book, plan.policy, self.tally, wall, self._soon, snapshot.refresh)
        self.engine.recovered(claimed)
        self.engine.listen(_log_disconnect)
        self.reading = StoreReading(self._store, self.engine.now, snapshot)
        self._auditor = Auditor(self._store, lambda step: reactor.callLater(0, step))
        self.tariffs = TariffDesk(self.engine, self.database, self.cache, self.in_thread)
        self.subscribers = SubscriberDesk(
            self.engine, self.database, self.cache, self.in_thread, lambda step: reactor.callLater(0, step)
        )
        self.parameters = ParameterDesk(self.database, self.cache, self.engine.now, self.in_thread)
        self._timers = Timers(self.engine, self._store)
        self._started = self.engine.now()
        _LOG.info("recovered %d batches, engine time %d", claimed.recovered_batches, claimed.engine_time)

    def start(self) -> None:
        """Listen on every port. Raises PortTakenError, DictionaryError; what was opened before is closed by `stop`."""
        plan = self.plan
        if plan.radius is not None:
            self._serve_radius(plan.radius)
        if plan.sip is not None:
            self._serve_sip(plan.sip)
        if plan.diameter is not None:
            self._serve_diameter(plan.diameter)
        self._tcp(plan.http, site(self._desk(), registry(self.tally, self._gauges()), plan.token, self._reactor))
        self._loop(TICK, self._timers.tick)
        self._loop(WATCH, self._watch_config)
        self._loop(60, self._store.reader_check)
        heartbeat = watchdog_period()
        if heartbeat is not None:
            self._loop(heartbeat, lambda: notify("WATCHDOG=1"))
        self.tariffs.resume()
        notify("READY=1")

    @inlineCallbacks
    def stop(self) -> Any:
        """Take nothing new, answer what is in hand, part from the peers, carry the journal into the state."""
        notify("STOPPING=1")
        self.engine.admission.draining = True
        if self._diameter is not None:
            yield self._diameter.stop()
        yield DeferredList([maybeDeferred(port.stopListening) for port in self._ports])
        for loop in self._loops:
            if loop.running:
                loop.stop()
        self._auditor.close()
        self.subscribers.close()
        self.engine.finish()
        self._timers.finish()
        self._store.close()
        self.cache.close()
        self.database.close()

    def _serve_radius(self, plan: RadiusPlan) -> None:
        names = radius_dictionary.load(self.plan.dictionaries / "radius")
        server = RadiusServer(self.engine, self.tally, names, plan.settings)
        self._udp(plan.auth, server.auth)
        self._udp(plan.accounting, server.acct)

    def _serve_sip(self, plan: SipPlan) -> None:
        self._udp(plan.listen, SipServer(self.engine, self.tally, plan.settings, self._reactor, os.urandom(32)))

    def _serve_diameter(self, plan: DiameterPlan) -> None:
        settings = replace(plan.settings, origin_state_id=self._started // 1_000_000)
        dictionary = load_dictionary(self.plan.dictionaries / "diameter")
        server = DiameterServer(self.engine, self.tally, settings, dictionary, self._reactor)
        self._tcp(plan.listen, server)
        self._diameter = server

    def _udp(self, at: Endpoint, protocol: Any) -> None:
        try:
            port = self._reactor.listenUDP(at.port, protocol, interface=at.host, maxPacketSize=65_535)
        except CannotListenError as error:
            raise PortTakenError(f"{at}/udp: {error.socketError}; {at.moved_by}") from error
        self._ports.append(port)

    def _tcp(self, at: Endpoint, factory: Any) -> None:
        try:
            port = self._reactor.listenTCP(at.port, factory, interface=at.host)
        except CannotListenError as error:
            raise PortTakenError(f"{at}/tcp: {error.socketError}; {at.moved_by}") from error
        self._ports.append(port)

    def _loop(self, period: float, work: Callable[[], object]) -> None:
        loop = LoopingCall(work)
        loop.clock = self._reactor
        self._loops.append(loop)
        loop.start(period, now=False).addErrback(self._loop_broke)

    def _soon(self, turn: Callable[[], None]) -> None:
        self._reactor.callLater(0, _or_die, turn)

    def _loop_broke(self, failure: Any) -> None:
        """A timer that stopped would leave money held: the process ends, and its supervisor starts it again."""
        die(f"a periodic task broke: {failure.getTraceback()}")

    def _watch_config(self) -> Deferred[Any]:
        return self.in_thread(self.cache.check, self.engine.now())

    def in_thread(self, work: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        return deferToThreadPool(self._reactor, self._reactor.getThreadPool(), work, *arguments)

    def _desk(self) -> Desk:
        return Desk(
            charging=self.engine,
            reading=self.reading,
            audit=self._auditor,
            decimals=self._decimals,
            balance_type=self.engine.book.snapshot.balance_type,
            status=self._status,
            import_tariff=self._import,
            tally=self.tally,
        )

    def _import(self, wish: Wish, done: Callable[[Json], None]) -> None:
        if isinstance(wish, BringWish):
            self.subscribers.load(wish, done)
        elif isinstance(wish, ParametersWish):
            self.parameters.load(wish, done)
        else:
            self.tariffs.load(wish, done)

    def _decimals(self, unit: str) -> int | None:
        found = self.engine.book.snapshot.unit(unit)
        return None if found is None else found.decimals

    def _status(self) -> Json:
        return {
            "version": VERSION,
            "generation": self.engine.book.snapshot.generation,
            "uptime": (self.engine.now() - self._started) // 1_000_000,
            "open_sessions": self.engine.book.open_sessions(),
            "free_bytes": self._store.free_bytes(),
            "disk_low": self.engine.admission.disk_low,
            "config_problems": [str(problem) for problem in self.cache.problems],
            "peers": sorted(self._diameter.node.peers()) if self._diameter else [],
        }

    def _connections(self) -> int:
        return len(self._diameter.connections) if self._diameter else 0

    def _gauges(self) -> list[Gauge]:
        least = self.plan.policy.min_free_bytes
        return [
            Gauge("engine_accepting", "1 while new sessions are taken, else 0", self.engine.accepting),
            Gauge(
                "engine_clock_ahead_seconds", "Engine time ahead of the wall clock", lambda: self.engine.ahead() / 1e6
            ),
            Gauge("engine_open_sessions", "Sessions that are open", self.engine.book.open_sessions),
            Gauge("store_free_bytes", "Free disk where the journal lies", self._store.free_bytes),
            Gauge("store_free_least_bytes", "Below this, new sessions are refused", lambda: least),
            Gauge("config_generation", "Generation in force", lambda: self.engine.book.snapshot.generation),
            Gauge(
                "config_problems", "What keeps the newest change from being in force", lambda: len(self.cache.problems)
            ),
            Gauge("diameter_peers", "Diameter connections that are open", self._connections),
        ]
