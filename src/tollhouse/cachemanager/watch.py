"""Sees that the config database moved, compiles what changed and publishes it. Main calls `check` on a period."""

from __future__ import annotations

from threading import Lock
from typing import Final

from tollhouse.cachemanager.compile import compile_rows
from tollhouse.cachemanager.faults import Fault
from tollhouse.configdb.database import ConfigDatabase, ConfigError, DataVersion
from tollhouse.engine.tally import Tally
from tollhouse.store.errors import NotPublishedError
from tollhouse.store.snapshot import Origin, SnapshotWriter
from tollhouse.values.instants import SECOND, Duration, Instant

RETRY: Final[Duration] = 5 * SECOND
"""After a full disk kept a generation from being written; compiling it again may take seconds."""


class CacheManager:
    """The one that publishes. A change that does not compile leaves the generation in force, and `problems` says why.

    Calls may come from any thread, and wait for each other: a bulk import is compiled in seconds.
    """

    def __init__(self, database: ConfigDatabase, writer: SnapshotWriter, tally: Tally) -> None:
        self._database = database
        self._writer = writer
        self._tally = tally
        self._version = DataVersion(database.path)
        self._seen = -1
        self._failed = -1
        self._again: Instant = 0
        self._turn = Lock()
        self.problems: tuple[Fault, ...] = ()
        """What keeps the newest revision from being in force; empty: it is."""
        self.generation = 0
        """The last one that was published here."""

    def check(self, now: Instant) -> bool:
        """Whether something was published. Costs a few microseconds where nobody committed since the last call."""
        with self._turn:
            if now < self._again:
                return False
            try:
                version = self._version.read()
                if version == self._seen:
                    return False
                published = self._compile(now)
            except ConfigError as trouble:
                self._failed = -1
                self.problems = (Fault("config database", "", "", str(trouble)),)
                self._tally.trouble("config_compile_failed", "unreadable", now, str(trouble))
                return False
            except NotPublishedError as trouble:
                self.problems = (Fault("snapshot", "", "", str(trouble)),)
                self._tally.trouble("config_compile_failed", "unwritable", now, str(trouble))
                self._again = now + RETRY
                return False
            self._seen = version
            return published

    def close(self) -> None:
        with self._turn:
            self._version.close()

    def _compile(self, now: Instant) -> bool:
        origin = self._writer.origin()
        rows = self._database.rows_since(origin.database, origin.revision)
        newest = Origin(rows.database, rows.revision)
        if newest == origin or rows.revision == self._failed:
            if newest == origin:
                self.problems = ()
            return False
        compiled = compile_rows(rows, self._database.secrets.open, self._writer.account_entry)
        self.problems = compiled.faults
        if compiled.faults:
            self._failed = rows.revision
            detail = f"revision {rows.revision}: {len(compiled.faults)} problems, first: {compiled.faults[0]}"
            self._tally.trouble("config_compile_failed", "problems", now, detail)
            return False
        self._failed = -1
        self.generation = self._writer.publish(compiled.edits, newest)
        self._tally.count("config_published")
        return True
