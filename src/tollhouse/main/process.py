"""One process around an appliance: log, signals, exit status."""

from __future__ import annotations

import gc
import logging
import signal
import sys
import traceback
from collections.abc import Callable
from types import FrameType
from typing import Any

from tollhouse.configdb.database import ConfigError
from tollhouse.configdb.secrets import SecretError
from tollhouse.diameter.dictionary import DictionaryError as DiameterDictionaryError
from tollhouse.main.appliance import Appliance, PortTakenError
from tollhouse.main.plan import Plan
from tollhouse.radius.dictionary import DictionaryError as RadiusDictionaryError
from tollhouse.store.errors import StoreError


def settle_collector() -> None:
    """What start-up made stays for good and is never looked at again; a full collection, which stops the process for
    a tenth of a second under load, comes once in 100 million surviving objects. Requests make no cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 20, 1_000)


def _stop_when_told(reactor: Any) -> None:
    """SIGINT and SIGTERM begin a clean stop; more of them change nothing (Twisted's handlers trip over them)."""
    told = False

    def tell(_number: int, _frame: FrameType | None) -> None:
        nonlocal told
        if not told:
            told = True
            reactor.callFromThread(reactor.stop)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, tell)


def run(plan: Plan, level: str, started: Callable[[Appliance], None], prepare: Callable[[Appliance], None]) -> int:
    """Open, `prepare`, listen, call `started`, serve until SIGINT or SIGTERM, stop cleanly. The status: 0, or 1."""
    from twisted.internet import reactor as _reactor
    from twisted.logger import STDLibLogObserver, globalLogBeginner

    reactor: Any = _reactor
    logging.basicConfig(stream=sys.stderr, level=level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("twisted").setLevel(logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    observer: Any = STDLibLogObserver("twisted")
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
    try:
        appliance = Appliance(plan, reactor)
        prepare(appliance)
    except (StoreError, ConfigError, SecretError, OSError) as error:
        print(f"tollhouse: cannot start: {error}", file=sys.stderr)
        return 1
    status = 0

    def start() -> None:
        nonlocal status
        _stop_when_told(reactor)
        try:
            appliance.start()
            settle_collector()
            started(appliance)
        except (PortTakenError, RadiusDictionaryError, DiameterDictionaryError) as error:
            print(f"tollhouse: cannot start: {error}", file=sys.stderr)
            status = 1
            reactor.stop()
        except Exception:  # noqa: BLE001 - Twisted would log it and go on serving half of what is configured
            print(f"tollhouse: cannot start: {traceback.format_exc()}", file=sys.stderr)
            status = 1
            reactor.stop()

    def stop() -> Any:
        return appliance.stop().addErrback(broke)

    def broke(failure: Any) -> None:
        nonlocal status
        print(f"tollhouse: no clean stop: {failure.getTraceback()}", file=sys.stderr)
        status = 1

    reactor.addSystemEventTrigger("before", "shutdown", stop)
    reactor.callWhenRunning(start)
    reactor.run()
    return status
