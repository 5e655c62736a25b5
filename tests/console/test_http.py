"""The HTTP port through real sockets: what it refuses, what it bounds, whom it lets in."""

from __future__ import annotations

import json
import logging

import pytest
import pytest_twisted
from tests.console.desks import NOW, ScriptedCharging, desk, request
from tests.console.http import REACTOR, ask, connect, end_of, exchange, get, post, serving
from twisted.internet.defer import gatherResults
from twisted.internet.task import Clock

from tollhouse.console.bounded import BODY_MAX, CONNECTIONS_MAX, REQUEST_TIME
from tollhouse.values.commands import Recharge
from tollhouse.values.money import Amount
from tollhouse.values.outcomes import Done, Posted, Refused
from tollhouse.values.refusals import Refusal

TOKEN = "s3cret-t0ken"
STATUS = request("system.status")
RECHARGE = {"wallet": "w", "amount": "1.5", "request_id": "r"}
POSTED = Posted("w", 1, "EUR", 6, 1_500_000, 1_500_000)


@pytest_twisted.ensureDeferred
async def test_a_command_and_its_answer() -> None:
    """1.5 EUR with 6 decimals are 1,500,000 steps."""
    charging = ScriptedCharging(POSTED)
    async with serving(desk(charging)) as port:
        answer = await ask(port, request("wallet.recharge", RECHARGE, "a"))
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json()["id"] == "a"
    assert answer.json()["result"]["amount"] == "1.5"
    assert charging.asked == [Recharge("api", "w", "r", Amount(1_500_000, "EUR"), deadline=NOW + 10_000_000)]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", -32700),
        (b"{", -32700),
        (b"\xff\xfe{}", -32700),
        (b'{"jsonrpc": "2.0", "id": NaN, "method": "system.status"}', -32700),
        (b'{"jsonrpc": "2.0", "id": Infinity, "method": "system.status"}', -32700),
        (b'{"jsonrpc": "2.0", "id": -Infinity, "method": "system.status"}', -32700),
        (b'{"jsonrpc": "2.0", "id": 1e999, "method": "system.status"}', -32700),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "system.status"} {}', -32700),
        (b"[" * 500_000 + b"]" * 500_000, -32700),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, -32700),
        (b"1" * 5000, -32700),
        (b"[]", -32600),
        (b"{}", -32600),
        (b'{"jsonrpc": "1.0", "id": 1, "method": "system.status"}', -32600),
        (b'{"jsonrpc": "2.0", "id": {}, "method": "system.status"}', -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "id": 2, "method": "system.status"}', -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "event.refund", "params": {"amount": "1", "amount": "9"}}', -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "wallet.steal"}', -32601),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "wallet.get"}', -32602),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "wallet.get", "params": {"wallet": 1001}}', -32602),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "wallet.get", "params": {"wallet": "1", "x": 1}}', -32602),
    ],
)
@pytest_twisted.ensureDeferred
async def test_errors_of_json_rpc(body: bytes, code: int) -> None:
    """They are answers: HTTP says 200, the body says what is wrong, nothing is asked of the engine."""
    charging = ScriptedCharging()
    async with serving(desk(charging)) as port:
        answer = await ask(port, body)
    assert (answer.status, answer.json()["error"]["code"]) == (200, code)
    assert charging.asked == []


@pytest.mark.parametrize("amount", [b"1.5", b"1", b"1e2", b'"1e2"', b'" 1"', b'"1_0"', b'"0x1"', b'"\xd9\xa1"', b'""'])
@pytest_twisted.ensureDeferred
async def test_an_amount_is_a_decimal_string(amount: bytes) -> None:
    """No JSON number, no exponent, no other script's digits (U+0661 is an Arabic one)."""
    body = b'{"jsonrpc":"2.0","id":1,"method":"event.refund","params":{"wallet":"w","request_id":"r","amount":%s}}'
    charging = ScriptedCharging()
    async with serving(desk(charging)) as port:
        answer = await ask(port, body % amount)
    assert answer.json()["error"]["code"] == -32602
    assert charging.asked == []


@pytest_twisted.ensureDeferred
async def test_money_without_a_request_id() -> None:
    """-32602 names it."""
    async with serving() as port:
        answer = await ask(port, request("wallet.recharge", {"wallet": "w", "amount": "1.5"}))
    assert answer.json()["error"]["code"] == -32602
    assert "request_id" in answer.json()["error"]["message"]


@pytest_twisted.ensureDeferred
async def test_batches_and_notifications() -> None:
    """A batch is answered in the order of its requests, a notification by 204 alone."""
    charging = ScriptedCharging(Done(1), Done(2), Done(3))
    silent = {key: value for key, value in request("wallet.get", {"wallet": "n"}).items() if key != "id"}
    async with serving(desk(charging)) as port:
        batch = await ask(
            port, [request("wallet.get", {"wallet": "a"}, 1), silent, request("wallet.get", {"wallet": "b"}, 2)]
        )
        alone = await ask(port, silent)
    assert [(one["id"], one["result"]["count"]) for one in batch.json()] == [(1, 1), (2, 3)]
    assert (alone.status, alone.body) == (204, b"")
    assert [getattr(command, "wallet", "") for command in charging.asked] == ["a", "n", "b", "n"]


@pytest_twisted.ensureDeferred
async def test_a_refusal_is_an_error_with_its_name() -> None:
    """A desk that says no: -32000 and the refusal."""
    async with serving(desk(ScriptedCharging(Refused(Refusal.UNKNOWN_WALLET)))) as port:
        answer = await ask(port, request("wallet.get", {"wallet": "no"}))
    assert answer.json()["error"]["code"] == -32000
    assert answer.json()["error"]["data"] == {"refusal": "unknown_wallet", "retry": False}


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "BREW"])
@pytest_twisted.ensureDeferred
async def test_only_post_asks(method: str) -> None:
    """RFC 9110 section 15.5.6: 405 names what is allowed."""
    async with serving() as port:
        answer = await get(port, "/jsonrpc", method)
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


@pytest_twisted.ensureDeferred
async def test_health_and_metrics_are_only_read() -> None:
    """405 to a POST, 404 to every other path."""
    async with serving() as port:
        for path in ("/health", "/metrics"):
            answer = await get(port, path, "POST")
            assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
            assert (await get(port, path, "HEAD")).body == b""
        for path in ("/", "/jsonrpc2", "/%2e%2e/etc/passwd", "//"):
            assert (await get(port, path)).status == 404


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "json"]
)
@pytest_twisted.ensureDeferred
async def test_a_body_says_that_it_is_json(kind: str) -> None:
    """415: what a browser may send to another origin without asking first is none of these."""
    charging = ScriptedCharging()
    async with serving(desk(charging)) as port:
        assert (await ask(port, request("wallet.get", {"wallet": "1"}), content_type=kind)).status == 415
        assert (await ask(port, STATUS, content_type="Application/JSON; charset=utf-8")).status == 200
    assert charging.asked == []


@pytest_twisted.ensureDeferred
async def test_a_body_is_bounded() -> None:
    """A body of exactly the bound is read; an octet more, announced or chunked, is 413 and was never kept."""
    async with serving() as port:
        full = json.dumps(STATUS).encode().ljust(BODY_MAX)
        assert "result" in (await ask(port, full)).json()
        assert (await ask(port, full + b" ")).status == 413
        chunks = b"".join(b"10000\r\n%s\r\n" % (b" " * 65536) for _ in range(17)) + b"0\r\n\r\n"
        head = b"POST /jsonrpc HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n"
        assert (await exchange(port, head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks)).status == 413
        assert (await ask(port, STATUS)).status == 200


@pytest.mark.parametrize(
    "half",
    [
        b"",
        b"POST /jsonrpc HT",
        b"POST /jsonrpc HTTP/1.1\r\nHost: localhost\r\n",
        post(b"{", content_length="100"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_request_that_does_not_end_is_cut(half: bytes) -> None:
    """An octet now and then gains no time: the connection ends REQUEST_TIME after it began, the others are served."""
    clock = Clock()
    async with serving(clock=clock) as port:
        slow = await connect(port)
        slow.transport.write(half)  # type: ignore[union-attr]
        assert (await ask(port, STATUS)).status == 200
        clock.advance(REQUEST_TIME / 2)
        slow.transport.write(b" ")  # type: ignore[union-attr]
        assert (await ask(port, STATUS)).status == 200
        assert not slow.heard.called
        clock.advance(REQUEST_TIME / 2)
        assert await slow.heard.addTimeout(20, REACTOR) == b""


@pytest_twisted.ensureDeferred
async def test_an_answer_that_takes_long_is_waited_for() -> None:
    """The clock stops while the engine decides."""
    clock, charging = Clock(), ScriptedCharging(Done(7), held=True)
    async with serving(desk(charging), clock=clock) as port:
        line = await connect(port)
        line.transport.write(post(json.dumps(request("wallet.get", {"wallet": "1"})).encode()))  # type: ignore[union-attr]
        assert (await ask(port, STATUS)).status == 200
        assert len(charging.asked) == 1
        clock.advance(10 * REQUEST_TIME)
        charging.flush()
        assert (await end_of(line)).json()["result"] == {"count": 7}


@pytest_twisted.ensureDeferred
async def test_a_client_that_left_is_not_answered() -> None:
    """What it asked is done; the answer goes nowhere, and nothing breaks."""
    charging = ScriptedCharging(POSTED, held=True)
    async with serving(desk(charging)) as port:
        line = await connect(port)
        line.transport.write(post(json.dumps(request("wallet.recharge", RECHARGE)).encode()))  # type: ignore[union-attr]
        assert (await ask(port, STATUS)).status == 200
        line.transport.abortConnection()  # type: ignore[union-attr]
        assert (await ask(port, STATUS)).status == 200
        charging.flush()
        assert (await ask(port, STATUS)).status == 200
    assert len(charging.asked) == 1


@pytest_twisted.ensureDeferred
async def test_requests_in_a_row_on_one_connection() -> None:
    """Two requests sent at once are answered in order."""
    two = [post(json.dumps(request("system.status", {}, number)).encode()) for number in (1, 2)]
    async with serving() as port:
        line = await connect(port)
        line.transport.write(two[0].replace(b"connection: close", b"connection: keep-alive") + two[1])  # type: ignore[union-attr]
        octets = await line.heard.addTimeout(20, REACTOR)
    assert octets.count(b"HTTP/1.1 200 OK") == 2
    assert octets.index(b'"id":1') < octets.index(b'"id":2')


@pytest_twisted.ensureDeferred
async def test_many_connections() -> None:
    """As many as are allowed are served side by side; one more is closed, and room is made when others leave."""
    async with serving() as port:
        lines = [await connect(port) for _ in range(CONNECTIONS_MAX)]
        for number, line in enumerate(lines):
            line.transport.write(post(json.dumps(request("system.status", {}, number)).encode()))  # type: ignore[union-attr]
        answers = await gatherResults([line.heard for line in lines]).addTimeout(30, REACTOR)
        assert [b'"id":%d' % number in octets for number, octets in enumerate(answers)] == [True] * CONNECTIONS_MAX

        idle = [await connect(port) for _ in range(CONNECTIONS_MAX)]
        one_more = await connect(port)
        assert await one_more.heard.addTimeout(20, REACTOR) == b""
        idle[0].transport.write(post(json.dumps(STATUS).encode()))  # type: ignore[union-attr]
        assert (await end_of(idle[0])).status == 200
        assert (await ask(port, STATUS)).status == 200
        for line in idle[1:]:
            line.transport.abortConnection()  # type: ignore[union-attr]
        await gatherResults([line.heard for line in idle]).addTimeout(30, REACTOR)


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer {TOKEN}", 200),
        (None, 401),
        ("", 401),
        (TOKEN, 401),
        ("Bearer", 401),
        ("Bearer ", 401),
        (f"Basic {TOKEN}", 401),
        (f"Bearer {TOKEN}x", 401),
        (f"Bearer {TOKEN[:-1]}", 401),
        ("Bearer \xff", 401),
    ],
)
@pytest_twisted.ensureDeferred
async def test_the_token(authorization: str | None, status: int) -> None:
    """RFC 6750: the scheme in any case, the token exactly; 401 names the scheme (RFC 9110 section 11.6.1)."""
    charging = ScriptedCharging()
    given = {} if authorization is None else {"authorization": authorization}
    async with serving(desk(charging), TOKEN) as port:
        answer = await ask(port, request("wallet.get", {"wallet": "1"}), **given)
        assert answer.status == status
        assert len(charging.asked) == (status == 200)
        if status == 401:
            assert answer.headers["www-authenticate"] == 'Bearer realm="tollhouse"'
        assert (await get(port, "/health")).status == 200
        assert (await get(port, "/metrics")).status == 200


@pytest_twisted.ensureDeferred
async def test_the_token_comes_before_everything_else() -> None:
    """Who has none learns nothing about methods, types or sizes."""
    async with serving(token=TOKEN) as port:
        assert (await get(port, "/jsonrpc")).status == 401
        assert (await ask(port, b"{}", content_type="text/plain")).status == 401
        assert (await ask(port, b" " * (BODY_MAX + 1))).status == 401


@pytest_twisted.ensureDeferred
async def test_the_token_is_never_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Neither a right nor a wrong one, at any level, wherever the client put it."""
    at = desk(ScriptedCharging())
    with caplog.at_level(logging.DEBUG):
        async with serving(at, TOKEN) as port:
            await ask(port, STATUS, authorization=f"Bearer {TOKEN}")
            await ask(port, b"{", authorization=f"Bearer {TOKEN}")
            await ask(port, STATUS, authorization=f"Bearer {TOKEN}-wrong")
            await get(port, f"/jsonrpc?access_token={TOKEN}")
            await get(port, f"/{TOKEN}")
    assert TOKEN not in caplog.text
    assert "http_refused reason=token from 127.0.0.1" in caplog.text
    assert at.tally.counts["http_refused", "token"] == 2


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:2080", 200),
        ("localhost", 200),
        ("LOCALHOST:2080", 200),
        ("[::1]:2080", 200),
        ("evil.example", 403),
        ("127.0.0.1.evil.example:2080", 403),
        ("localhost@evil.example", 403),
    ],
)
@pytest_twisted.ensureDeferred
async def test_without_a_token_only_under_the_machines_own_name(host: str, status: int) -> None:
    """A page whose name is made to point at 127.0.0.1 is still not let in; with a token the name does not matter."""
    async with serving() as port:
        assert (await ask(port, STATUS, host=host)).status == status
    async with serving(token=TOKEN) as port:
        assert (await ask(port, STATUS, host=host, authorization=f"Bearer {TOKEN}")).status == 200


@pytest_twisted.ensureDeferred
async def test_health() -> None:
    """200 while new sessions are taken; 503 once the engine takes none (draining, disk low)."""
    charging = ScriptedCharging()
    async with serving(desk(charging)) as port:
        well = await get(port, "/health")
        assert (well.status, well.json()) == (200, {"status": "ok"})
        charging.open = False
        ill = await get(port, "/health")
        assert (ill.status, ill.json()) == (503, {"status": "not accepting"})
        assert (await ask(port, STATUS)).json()["result"]["accepting"] is False
