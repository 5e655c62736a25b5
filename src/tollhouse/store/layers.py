"""One reading of the store: the tail over the frozen overlay over the state, the newest image first."""

from __future__ import annotations

from tollhouse.store.interface import RecordEntry
from tollhouse.store.overlay import Held, Overlay
from tollhouse.store.state import DueRow, State
from tollhouse.values.instants import Instant


class Layers:
    """Three layers and how they are read. `frozen` is there while a checkpoint carries it into the state (rule 6)."""

    def __init__(self, state: State, tail: Overlay) -> None:
        self.state = state
        self.tail = tail
        self.frozen: Overlay | None = None
        self._settled: DueRow | None = None

    def freeze(self) -> Overlay:
        """The tail becomes the frozen overlay, and an empty tail takes its place."""
        self.frozen, self.tail = self.tail, Overlay()
        return self.frozen

    def thaw(self) -> None:
        """Let go of the frozen overlay: the state holds all of it.

        Until then what is remembered of the state's rows stays true, for all that a checkpoint writes is frozen still.
        """
        self.frozen = self._settled = None

    def load(self, kind: int, key: bytes) -> bytes | None:
        """The newest image, or None."""
        held = self._held(kind, key)
        if held is not None:
            return held[1].image
        row = self.state.get(kind, key)
        return None if row is None else row.image

    def find(self, index_key: bytes) -> list[tuple[int, bytes]]:
        """Entities whose newest image names the key, the one that did so first in front."""
        found = dict.fromkeys(self.state.find(index_key))
        if self.frozen is not None:
            found.update(dict.fromkeys(self.frozen.find(index_key)))
        found.update(dict.fromkeys(self.tail.find(index_key)))
        return [entity for entity in found if self._names(entity, index_key)]

    def due(self, upto: Instant, limit: int) -> list[tuple[int, bytes]]:
        """Entities whose newest image is due at or before `upto`, earliest first, at most `limit`."""
        found = set(self._state_due(upto, limit))
        if self.frozen is not None:
            found.update(self.frozen.due(upto, limit, self._holds))
        found.update(self.tail.due(upto, limit, self._holds))
        return [(row.kind, row.key) for row in sorted(found)[:limit]]

    def scan(self, kind: int, after: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """(key, newest image) in key order: no layer can add a key below the last one of a full page of another."""
        overlays = (self.tail,) if self.frozen is None else (self.frozen, self.tail)
        found: dict[bytes, bytes] = {}
        for overlay in overlays:
            found.update(self._overlay_scan(overlay, kind, after, limit))
        last = sorted(found)[limit - 1] if len(found) >= limit else None
        found.update(self._state_scan(kind, after, limit, last))
        return sorted(found.items())[:limit]

    def records(self, wallet: str, after: int, limit: int) -> list[RecordEntry]:
        """The wallet's records in order of sequence: those in day files, then those still pending."""
        found = {record.sequence: record for record in self.state.records(wallet, after, limit)}
        for overlay in (self.frozen, self.tail):
            if overlay is not None and len(found) < limit:
                found.update((record.sequence, record) for record in overlay.records(wallet, after))
        return [found[sequence] for sequence in sorted(found)[:limit]]

    def _held(self, kind: int, key: bytes) -> Held | None:
        held = self.tail.get(kind, key)
        if held is None and self.frozen is not None:
            held = self.frozen.get(kind, key)
        return held

    def _names(self, entity: tuple[int, bytes], index_key: bytes) -> bool:
        held = self._held(*entity)
        return held is None or (held[1].image is not None and index_key in held[1].finds)

    def _holds(self, row: DueRow) -> bool:
        held = self._held(row.kind, row.key)
        return held is not None and held[1].image is not None and held[1].due == row.due

    def _state_due(self, upto: Instant, limit: int) -> list[DueRow]:
        """Due rows of the state that no overlay has an opinion on.

        The leading run of rows that overlays have superseded is remembered: they stay so until an overlay goes.
        """
        taken: list[DueRow] = []
        after = self._settled
        while len(taken) < limit:
            page = self.state.due(after, upto, limit)
            for row in page:
                if self._held(row.kind, row.key) is None:
                    taken.append(row)
                elif not taken:
                    self._settled = row
            if len(page) < limit:
                break
            after = page[-1]
        return taken[:limit]

    def _overlay_scan(self, overlay: Overlay, kind: int, after: bytes, limit: int) -> dict[bytes, bytes]:
        """The first `limit` keys > `after` of the overlay that are still there, with their newest images."""
        taken: dict[bytes, bytes] = {}
        while len(taken) < limit:
            page = overlay.page(kind, after, limit)
            for key, _ in page:
                held = self._held(kind, key)
                if held is not None and held[1].image is not None:
                    taken[key] = held[1].image
            if len(page) < limit:
                break
            after = page[-1][0]
        return taken

    def _state_scan(self, kind: int, after: bytes, limit: int, last: bytes | None) -> list[tuple[bytes, bytes]]:
        """`limit` rows of the state with key > `after` that no overlay has an opinion on, if there are so many.

        None is wanted behind `last`: most rows of the state may be superseded, and a page need not walk over them all.
        """
        taken: list[tuple[bytes, bytes]] = []
        while len(taken) < limit:
            page = self.state.scan(kind, after, limit)
            taken.extend(item for item in page if self._held(kind, item[0]) is None)
            if len(page) < limit or (last is not None and page[-1][0] >= last):
                break
            after = page[-1][0]
        return taken[:limit]
