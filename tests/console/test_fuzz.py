"""Random and mutated requests against a real engine behind a real socket: never a 500, a traceback, or a lost cent."""

from __future__ import annotations

import json
import random
from functools import partial

import pytest
import pytest_twisted
from tests.console.desks import audit, import_tariff, junk, request
from tests.console.http import REACTOR, ask, connect, post, serving
from tests.engine.rig import EUR, rig_with
from twisted.internet.defer import gatherResults

from tollhouse.console.desk import Desk
from tollhouse.console.methods import METHODS
from tollhouse.engine.batch import Engine
from tollhouse.engine.book import Book
from tollhouse.main.reading import StoreReading

SENSIBLE: dict[str, list[object]] = {
    "wallet": ["1001", "1001", "1001", "w"],
    "subject": ["1001", "nobody"],
    "destination": ["4420", "4420", "1002", "999", ""],
    "usage": [0, 1, 85, 60, 20, "85.5", 7200, 10**18, 2**62],
    "more": [None, 0, 60],
    "amount": ["0.10", "1", "-1", "9223372036854.775807", "9223372036854.775808"],
    "opening": ["10", "-1"],
    "credit_limit": ["0", "100.00", "-5", "9223372036854.775807"],
    "request_id": [f"r{number}" for number in range(50)],
    "session": ["s", "t", "u"],
    "session_id": ["s", "t", "u"],
    "unit": ["EUR", "second", "XXX"],
    "expiry": ["", "2027-01-15T08:00:00Z", "2026-11-18T00:00:00+14:00", "9999-12-31T23:59:59Z"],
    "answer_time": ["", "2026-11-18T11:46:40Z", "0001-01-01T00:00:00Z"],
    "tor": ["voice", "data", "message", "sms", "mms", "generic"],
    "pricing": ["exact", "cgrates"],
    "price_decimals": [None, 4],
    "weights": ["code", "manual"],
    "sanity": [False, True],
    "layout": ["v010", "rc8"],
    "money": ["0.10", "10", "-1", "9223372036854.775807"],
    "max_rate": ["", "", "0.5/60s", "0.1/1"],
    "records": [
        [{"time": "2026-11-18T11:46:40Z", "destination": "4420", "usage": 85}],
        [{"time": "2026-11-18T11:46:40Z", "destination": "", "usage": 3, "tor": "sms"}] * 20,
    ],
    "a": ["RP_DEMO", "RP_DATA"],
    "b": ["RP_DEMO", "x"],
    "event_class": ["", "VAS"],
    "event": ["", "RING", "RING", "x"],
    "count": [0, 1, 3, 10**18],
    "promotional": [True, False],
    "discount": ["", "10", "100"],
    "state": ["active", "suspended", "quarantined"],
    "limit": [1, 1000],
    "after": ["", "1001", 0, 2**62],
    "reset": [True, False],
    "routes": [True, False],
    "dry_run": [True, False],
    "tenant": ["", "", "", "x"],
    "category": ["call"],
    "start": ["", "", "2026-11-19T00:00:00Z"],
    "path": ["/good", "/bad"],
    "operator": ["anna", "berta", "x y"],
    "adjustment": [f"r{number}" for number in range(50)],
    "bucket": [0, 0, 1, 9],
    "propose": [False, True],
    "weight": [-1_000_000, 0, 1_000_000],
    "to": ["w", "w", "1001", "nobody"],
    "policy": ["", "", "from_today", "keep"],
    "period": ["", "", "30d", "36525d"],
    "use": [None, {}, {"destinations": ["DST_UK", "!DST_331"]}, {"factors": {"voice": "0.5"}, "blocker": True}],
    "lines": [
        [],
        [{"balance_type": "bonus", "amount": "1", "policy": "later_of", "period": "12h"}],
        [{"balance_type": "cash", "amount": "9223372036854.775807", "replace": True}] * 2,
        [{"balance_type": "bonus", "use": {"timings": [{"week_days": [6, 7]}]}, "start": "9998-01-01T00:00:00Z"}],
    ],
    "extension": [None, None, {"policy": "extend_from_expiry", "period": "36525d"}, {"policy": "keep"}],
    "product": ["", "", "x"],
    "batch": ["", "", "x"],
    "balance_types": [[], ["bonus"], ["x"]],
    "other_products": [[], ["x"]],
    "max_sessions": [0, 1, 1_000_000],
    "request_type": [None, "prepaid", "postpaid", "pseudoprepaid", "rated", "none"],
    "form": ["csv", "text"],
    "totals": ["", "/good"],
    "since": ["", "2026-11-18T11:46:40Z"],
    "until": ["", "2026-11-18T11:46:40Z"],
    "at": ["", "2026-11-18T11:46:40Z"],
}


class Live:
    """Wallet 1001 with 1000 euros, on an engine that turns with the reactor, and an API on it."""

    def __init__(self) -> None:
        self.rig = rig_with(opening=1000 * EUR)
        rig = self.rig
        book = Book(rig.store, rig.snapshot, rig.policy.cache_entities)
        soon = partial(REACTOR.callLater, 0)
        self.engine = Engine(rig.store, book, rig.policy, rig.tally, lambda: rig.clock, soon)
        self.engine.recovered(rig.store.claim())
        self.counts = rig.tally.counts

    def desk(self) -> Desk:
        """The API's reads come from the engine's store."""
        snapshot = self.rig.snapshot
        return Desk(
            charging=self.engine,
            reading=StoreReading(self.rig.store, self.engine.now, snapshot),
            audit=audit,
            decimals={"EUR": 6}.get,
            status=dict,
            import_tariff=import_tariff,
            balance_type=snapshot.balance_type,
            tally=self.rig.tally,
        )


def almost_valid(dice: random.Random) -> bytes:
    """A request of the API, most of it sensible."""
    name = dice.choice([*METHODS])
    fields = METHODS[name].__struct_fields__  # type: ignore[attr-defined]
    params = {
        field: junk(dice) if dice.random() < 0.02 else dice.choice(SENSIBLE.get(field, ["x"]))
        for field in fields
        if dice.random() < 0.93
    }
    return json.dumps(request(name, params, dice.randrange(10))).encode()


def body(dice: random.Random) -> bytes:
    """A request, several as a batch, one with octets changed, cut off or doubled, JSON of any kind, or noise."""
    kind = dice.randrange(8)
    valid = almost_valid(dice)
    if kind < 3:
        return valid
    if kind == 3:
        return b"[" + b",".join(almost_valid(dice) for _ in range(dice.randrange(1, 5))) + b"]"
    if kind == 4:
        changed = bytearray(valid)
        for _ in range(dice.randrange(1, 4)):
            changed[dice.randrange(len(changed))] = dice.randrange(256)
        return bytes(changed)
    if kind == 5:
        place = dice.randrange(len(valid))
        return valid[:place] if dice.random() < 0.5 else valid[:place] + valid[dice.randrange(len(valid)) :]
    return json.dumps(junk(dice)).encode() if kind == 6 else dice.randbytes(dice.randrange(200))


@pytest.mark.parametrize("seed", range(4))
@pytest_twisted.ensureDeferred
async def test_bodies(seed: int) -> None:
    """800 bodies a seed, ten connections at a time; afterwards every balance still follows from its records."""
    dice = random.Random(seed)
    live = Live()
    async with serving(live.desk()) as port:
        for _ in range(80):
            lines = [await connect(port) for _ in range(10)]
            for line in lines:
                line.transport.write(post(body(dice)))  # type: ignore[union-attr]
            for octets in await gatherResults([line.heard for line in lines]).addTimeout(20, REACTOR):
                assert octets.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 204 ")), octets
                assert b"Traceback" not in octets
        assert (await ask(port, request("system.status"))).json()["result"]["accepting"] is True
    assert live.counts.get(("engine_bugs", ""), 0) == 0
    assert live.counts.get(("engine_answer_bugs", ""), 0) == 0
    asked = {name for metric, name in live.counts if metric == "jsonrpc_requests"}
    assert asked == set(METHODS)
    live.rig.proved()


@pytest.mark.parametrize("seed", range(4))
@pytest_twisted.ensureDeferred
async def test_octets_of_http(seed: int) -> None:
    """Requests whose head or body is changed anywhere: cut by the client, answered with 2xx or 4xx, or closed."""
    dice = random.Random(seed)
    live = Live()
    async with serving(live.desk()) as port:
        for _ in range(100):
            octets = bytearray(post(almost_valid(dice)))
            for _ in range(dice.randrange(1, 6)):
                octets[dice.randrange(len(octets) if dice.random() < 0.3 else 120)] = dice.randrange(256)
            line = await connect(port)
            line.transport.write(bytes(octets))  # type: ignore[union-attr]
            line.transport.loseWriteConnection()  # type: ignore[union-attr]
            heard = await line.heard.addTimeout(20, REACTOR)
            assert heard[:10] in (b"", b"HTTP/1.1 2", b"HTTP/1.1 4"), (bytes(octets), heard)
            assert b"Traceback" not in heard
        assert (await ask(port, request("system.status"))).status == 200
    live.rig.proved()
