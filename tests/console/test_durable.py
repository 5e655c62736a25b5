"""What the API says is on disk: answers to changes and to reads leave behind the append that covers what they saw."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tests.console.desks import ListReading, import_tariff
from tests.console.desks import audit as no_audit
from tests.engine.dict_store import DictStore
from tests.engine.rig import Rig, rig_with

from tollhouse.console.desk import Desk
from tollhouse.console.jsonrpc import handle
from tollhouse.engine.timers import Timers
from tollhouse.store.interface import Entry, RecordEntry
from tollhouse.values.instants import Instant


class Watched(DictStore):
    """Writes into `events` when an append begins and when it is durable."""

    def __init__(self, events: list[str]) -> None:
        super().__init__()
        self.events = events

    def append(self, engine_time: Instant, entries: Sequence[Entry], records: Sequence[RecordEntry]) -> int:
        self.events.append("append")
        number = super().append(engine_time, entries, records)
        self.events.append("durable")
        return number


def desk_of(rig: Rig) -> Desk:
    """A desk on a real engine."""
    return Desk(
        charging=rig.engine,
        reading=ListReading(),
        audit=no_audit,
        decimals={"EUR": 6}.get,
        status=dict,
        import_tariff=import_tariff,
    )


def call(rig: Rig, events: list[str], name: str, **params: object) -> None:
    """One request; what it is answered goes into `events`."""
    body = json.dumps({"jsonrpc": "2.0", "id": name, "method": name, "params": params}).encode()

    def told(answer: bytes | None) -> None:
        result = json.loads(answer or b"{}")["result"]
        events.append(f"{name} {result['balance']}")

    handle(body, desk_of(rig), told)


def watched_rig(events: list[str]) -> Rig:
    """Wallet 1001 with 10 euros; `events` is empty."""
    rig = rig_with()
    store = Watched(events)
    store.entries, store.chains, store.batches = rig.store.entries, rig.store.chains, rig.store.batches
    rig.store = store
    rig.restart()
    return rig


def test_a_read_is_held_until_what_it_saw_is_durable() -> None:
    """Charge and read in one turn: the read sees 10 - 2.5 = 7.5 and leaves behind the append, like the charge."""
    events: list[str] = []
    rig = watched_rig(events)
    call(rig, events, "event.charge", wallet="1001", amount="2.5", request_id="k")
    call(rig, events, "wallet.get", wallet="1001")
    assert events == []
    rig.turn()
    assert events == ["append", "durable", "event.charge 7.5", "wallet.get 7.5"]


def test_a_read_alone_appends_nothing() -> None:
    """A read moves nothing, and what it sees was durable before."""
    events: list[str] = []
    rig = watched_rig(events)
    call(rig, events, "wallet.get", wallet="1001")
    rig.turn()
    assert events == ["wallet.get 10"]


def test_a_request_id_is_done_once() -> None:
    """The same charge again answers the same; another amount under its id is a conflict and moves nothing."""
    events: list[str] = []
    rig = watched_rig(events)
    answers: list[bytes | None] = []
    for amount in ("2.5", "2.5", "2.6"):
        params = {"wallet": "1001", "amount": amount, "request_id": "k"}
        body = {"jsonrpc": "2.0", "id": 1, "method": "event.charge", "params": params}
        handle(json.dumps(body).encode(), desk_of(rig), answers.append)
        rig.turn()
    first, again, other = (json.loads(answer or b"") for answer in answers)
    assert first == again
    assert (first["result"]["amount"], first["result"]["balance"]) == ("-2.5", "7.5")
    assert other["error"]["data"]["refusal"] == "conflict"
    assert rig.wallet().balance == 7_500_000
    rig.proved()


def test_an_engine_that_takes_no_new_sessions_says_so() -> None:
    """Disk below the policy's bound, and room again; then draining: /health asks this, and so does system.status."""
    rig = rig_with()
    timers = Timers(rig.engine, rig.store)
    seen = []
    for free in (rig.policy.min_free_bytes - 1, rig.policy.min_free_bytes):
        rig.store.free = free
        rig.later(2)
        timers.tick()
        seen.append(rig.engine.accepting())
    assert seen == [False, True]
    rig.engine.admission.draining = True
    answers: list[bytes | None] = []
    handle(b'{"jsonrpc": "2.0", "id": 1, "method": "system.status"}', desk_of(rig), answers.append)
    assert json.loads(answers[0] or b"")["result"]["accepting"] is False
