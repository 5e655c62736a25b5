"""Pages of what the store holds, read past images that are damaged."""

from __future__ import annotations

import msgspec
import pytest
from tests.engine.rig import EUR, Rig, authorize, granted, rig_with, start, stop

from tollhouse.engine.book import SESSION, WALLET, DamagedError
from tollhouse.main.reading import StoreReading
from tollhouse.values.commands import CreateWallet
from tollhouse.values.instants import DAY


def three_wallets() -> Rig:
    """1001 with two calls, one of which is over; 1002 and 1003."""
    rig = rig_with()
    for name in ("1002", "1003"):
        rig.ask(CreateWallet("api", name, f"make-{name}", "EUR", 5 * EUR, 0))
    granted(rig.ask(authorize("c1")))
    rig.ask(start("c1"))
    rig.ask(stop("c1", 85))
    granted(rig.ask(authorize("c2")))
    return rig


def damage(rig: Rig, kind: int, key: bytes) -> None:
    entry = rig.store.entries[kind, key]
    assert entry.image is not None
    rig.store.entries[kind, key] = msgspec.structs.replace(entry, image=entry.image[:-3])


def test_pages_go_past_damaged_wallets_and_are_full_where_there_is_more() -> None:
    rig = three_wallets()
    damage(rig, WALLET, b"1002")
    reading = StoreReading(rig.store, lambda: rig.clock)
    assert [one.wallet for one in reading.wallets("", 10)] == ["1001", "1003"]
    assert [one.wallet for one in reading.wallets("1001", 1)] == ["1003"]
    with pytest.raises(DamagedError):
        reading.wallet("1002")


def test_pages_go_past_damaged_sessions() -> None:
    rig = three_wallets()
    reading = StoreReading(rig.store, lambda: rig.clock)
    first, second = [one.session for one in reading.sessions("", 10)]
    damage(rig, SESSION, first.encode())
    assert [one.session for one in reading.sessions("", 10)] == [second]
    damage(rig, WALLET, b"1001")
    assert reading.sessions("", 10) == []


def test_a_damaged_record_is_shown_as_such() -> None:
    """The wallet was made with 10, then a call of 85 s took 0.6417 (issue's tariff)."""
    rig = three_wallets()
    chain = rig.store.chains["1001"]
    chain[0] = msgspec.structs.replace(chain[0], body=chain[0].body[:-1])
    first, second = StoreReading(rig.store, lambda: rig.clock).records("1001", 0, 10)
    assert (first["wallet"], first["sequence"]) == ("1001", 1)
    assert "damaged" in first
    assert second["amount"] == "-0.6417"


def test_records_that_their_day_cannot_give_are_an_error_and_not_left_out() -> None:
    """1001's second record is of the next day; 1002 has none of that day, and is told all it has."""
    rig = three_wallets()
    chain = rig.store.chains["1001"]
    chain[1] = msgspec.structs.replace(chain[1], at=chain[1].at + DAY)
    reading = StoreReading(rig.store, lambda: rig.clock)
    assert [one["sequence"] for one in reading.records("1001", 0, 10)] == [1, 2]
    rig.store.ruined["2026-11-19"] = "records of 2026-11-19 cannot be read: for a test"
    with pytest.raises(DamagedError, match="records of 2026-11-19 cannot be read: for a test"):
        reading.records("1001", 0, 10)
    assert [one["sequence"] for one in reading.records("1001", 0, 1)] == [1]
    assert [one["sequence"] for one in reading.records("1002", 0, 10)] == [1]
