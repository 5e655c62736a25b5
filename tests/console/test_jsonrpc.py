"""JSON-RPC 2.0: the specification's own examples, every method's command and answer, money that is no float."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from tests.console.desks import NOW, ListReading, ScriptedCharging, ask, desk, junk, request, session, wallet

from tollhouse.console.jsonrpc import handle
from tollhouse.console.methods import METHODS
from tollhouse.values.commands import (
    Adjust,
    Approve,
    Authorize,
    Caller,
    ChangeWallet,
    Charge,
    Command,
    CreateWallet,
    Decline,
    DisconnectSession,
    EventName,
    Explain,
    Inspect,
    Limit,
    PlanQuote,
    Quote,
    Recharge,
    Refund,
    Release,
    RemoveWallet,
    RequestType,
    Service,
    Start,
    Stop,
    Total,
    Transfer,
    Update,
)
from tollhouse.values.instants import DAY, HOUR, SECOND
from tollhouse.values.money import Amount
from tollhouse.values.outcomes import CostPart, Done, Granted, Outcome, Posted, Priced, Refused, Route, Settled
from tollhouse.values.recharges import ExpiryPolicy, Line, Validity
from tollhouse.values.refusals import RETRY_MAY_HELP, Refusal

DEADLINE = NOW + 10 * SECOND
API = Caller(client="api")
API_1001 = Caller(client="api", wallet="1001")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", -32700),
        (b'{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]', -32700),
        (b"[" * 100_000, -32700),
        (b"\xff\xfe", -32700),
        (b'"\\ud800"', -32700),
        (b'{"jsonrpc": "2.0", "method": 1, "params": "bar"}', -32600),
        (b'{"method": "system.status", "id": 1}', -32600),
        (b"[]", -32600),
        (b"1", -32600),
        (b"[" + b"1," * 1000 + b"1]", -32600),
        (b'{"jsonrpc": "2.0", "method": "foobar", "id": "1"}', -32601),
        (b'{"jsonrpc": "2.0", "method": "wallet.get", "params": ["1001"], "id": 1}', -32602),
        (b'{"jsonrpc": "2.0", "method": "wallet.get", "id": 1}', -32602),
    ],
)
def test_errors_of_the_protocol(body: bytes, code: int) -> None:
    """Section 5.1, with the examples of section 7."""
    answer = ask(desk(ScriptedCharging()), body)
    assert answer["error"]["code"] == code
    assert answer["jsonrpc"] == "2.0"


def test_batch_of_the_specification() -> None:
    """Section 7: wrong members are answered one by one, notifications not at all, order is kept."""
    charging = ScriptedCharging(held=True)
    body = [1, request("wallet.get", {"wallet": "a"}, "x"), {"foo": "boo"}, request("no.such", identity=5)]
    answers: list[bytes | None] = []

    handle(json.dumps(body).encode(), desk(charging), answers.append)
    assert answers == []
    charging.flush()
    told = json.loads(answers[0] or b"")
    assert [(item["id"], item.get("error", {}).get("code")) for item in told] == [
        (None, -32600),
        ("x", None),
        (None, -32600),
        (5, -32601),
    ]


def test_batch_keeps_the_order_of_requests() -> None:
    """Answers that come in another order are put back into the requests'."""
    charging = ScriptedCharging(Done(1), Done(2), Done(3), held=True)
    body = json.dumps([request("wallet.get", {"wallet": "a"}, number) for number in (1, 2, 3)]).encode()
    answers: list[bytes | None] = []

    handle(body, desk(charging), answers.append)
    charging.flush()
    assert [(item["id"], item["result"]["count"]) for item in json.loads(answers[0] or b"")] == [(1, 1), (2, 2), (3, 3)]


def test_a_notification_is_done_and_not_answered() -> None:
    """Section 4.1, also when its parameters are wrong."""
    charging = ScriptedCharging()
    notification = {"jsonrpc": "2.0", "method": "wallet.get", "params": {"wallet": "1001"}}
    assert ask(desk(charging), notification) is None
    assert ask(desk(charging), [notification, notification]) is None
    assert len(charging.asked) == 3
    assert ask(desk(charging), notification | {"params": {"wall": 1}}) is None
    assert ask(desk(charging), notification | {"method": "no"}) is None


ASKED: list[tuple[str, dict[str, Any], Command]] = [
    (
        "rating.cost",
        {"subject": "1001", "destination": "4420", "usage": 85, "answer_time": "2027-01-15T08:00:00Z"},
        Quote("", "call", "1001", Service.VOICE, "4420", 85 * SECOND, NOW, DEADLINE),
    ),
    (
        "rating.cost",
        {"subject": "1001", "destination": "4420", "usage": "0.000001", "tenant": "t", "category": "c"},
        Quote("t", "c", "1001", Service.VOICE, "4420", 1, 0, DEADLINE),
    ),
    (
        "rating.cost",
        {"subject": "1001", "destination": "4420", "usage": 85, "tor": "data"},
        Quote("", "call", "1001", Service.DATA, "4420", 85, 0, DEADLINE),
    ),
    (
        "rating.cost",
        {"subject": "1", "destination": "4", "usage": 3, "tor": "sms"},
        Quote("", "call", "1", Service.MESSAGE, "4", 3, 0, DEADLINE),
    ),
    (
        "rating.cost",
        {"subject": "1", "destination": "4", "usage": 3, "tor": "pizza"},
        Quote("", "generic_pizza", "1", Service.GENERIC, "4", 3, 0, DEADLINE),
    ),
    (
        "rating.explain",
        {"subject": "1", "destination": "4", "usage": 3, "tor": "mms", "category": "mms_x"},
        Explain("", "mms_x", "1", Service.MMS, "4", 3, 0, DEADLINE),
    ),
    (
        "rating.limit",
        {"subject": "1", "destination": "4", "money": "10", "max_rate": "0.5/60s"},
        Limit("", "call", "1", Service.VOICE, "4", 0, 0, DEADLINE, "10", (5 * 10**11, 10**12 * 60 * SECOND)),
    ),
    ("event.quote", {"subject": "1", "destination": "4"}, Quote("", "call", "1", Service.MESSAGE, "4", 1, 0, DEADLINE)),
    (
        "wallet.create",
        {"wallet": "w", "request_id": "r", "opening": "10.00", "credit_limit": "0.000001"},
        CreateWallet("api", "w", "r", "EUR", 10_000_000, 1, "", DEADLINE),
    ),
    ("wallet.get", {"wallet": "1001"}, Inspect("api", wallet="1001", deadline=DEADLINE)),
    (
        "wallet.recharge",
        {"wallet": "new", "amount": "1.5", "request_id": "r", "expiry": "2027-01-15T08:00:00+00:00", "reset": True},
        Recharge("api", "new", "r", Amount(1_500_000, "EUR"), expiry=NOW, reset=True, deadline=DEADLINE),
    ),
    (
        "wallet.recharge",
        {"wallet": "usd", "amount": "1.5", "request_id": "r"},
        Recharge("api", "usd", "r", Amount(150, "USD"), deadline=DEADLINE),
    ),
    (
        "wallet.recharge",
        {"wallet": "usd", "amount": "1.5", "request_id": "r", "unit": "EUR"},
        Recharge("api", "usd", "r", Amount(1_500_000, "EUR"), deadline=DEADLINE),
    ),
    (
        "wallet.change",
        {"wallet": "usd", "request_id": "r", "credit_limit": "100.00", "state": "suspended"},
        ChangeWallet("api", "usd", "r", 10_000, "suspended", None, DEADLINE),
    ),
    (
        "wallet.change",
        {"wallet": "w", "request_id": "r", "expiry": ""},
        ChangeWallet("api", "w", "r", None, None, 0, DEADLINE),
    ),
    (
        "wallet.change",
        {"wallet": "w", "request_id": "r", "state": "frozen", "max_sessions": 2, "note": "n"},
        ChangeWallet("api", "w", "r", None, "frozen", None, DEADLINE, 2, "n"),
    ),
    (
        "wallet.change",
        {"wallet": "w", "request_id": "r", "other_products": []},
        ChangeWallet("api", "w", "r", deadline=DEADLINE, other_products=()),
    ),
    (
        "wallet.create",
        {
            "wallet": "w",
            "request_id": "r",
            "product": "p",
            "batch": "b",
            "max_sessions": 1,
            "balance_types": ["x", "y"],
            "other_products": ["q"],
        },
        CreateWallet("api", "w", "r", "EUR", 0, 0, "", DEADLINE, "p", "b", 1, ("x", "y"), other_products=("q",)),
    ),
    (
        "wallet.recharge",
        {"wallet": "w", "request_id": "r", "amount": "2", "policy": "later_of", "period": "12h", "weight": 3},
        Recharge(
            "api",
            "w",
            "r",
            Amount(0, "EUR"),
            weight=3,
            deadline=DEADLINE,
            lines=(Line("cash", 2_000_000, Validity(ExpiryPolicy.LATER_OF, 12 * HOUR), weight=3),),
        ),
    ),
    (
        "wallet.recharge",
        {"wallet": "w", "request_id": "r", "extension": {"policy": "extend_from_expiry", "period": "30d"}},
        Recharge(
            "api",
            "w",
            "r",
            Amount(0, "EUR"),
            deadline=DEADLINE,
            extension=Validity(ExpiryPolicy.EXTEND_FROM_EXPIRY, 30 * DAY),
        ),
    ),
    (
        "wallet.transfer",
        {"wallet": "usd", "to": "w", "amount": "1.5", "request_id": "r", "note": "n"},
        Transfer("api", "usd", "w", "r", Amount(150, "USD"), note="n", deadline=DEADLINE),
    ),
    (
        "wallet.adjust",
        {"wallet": "w", "amount": "-1.5", "operator": "o", "reason": "why", "request_id": "r", "propose": True},
        Adjust("api", "w", "r", Amount(-1_500_000, "EUR"), "o", "why", proposed=True, deadline=DEADLINE),
    ),
    (
        "wallet.approve",
        {"adjustment": "a", "operator": "o", "request_id": "r"},
        Approve("api", "a", "r", "o", DEADLINE),
    ),
    (
        "wallet.decline",
        {"adjustment": "a", "operator": "o", "request_id": "r", "reason": "no"},
        Decline("api", "a", "r", "o", "no", DEADLINE),
    ),
    ("wallet.remove", {"wallet": "w", "request_id": "r", "note": "n"}, RemoveWallet("api", "w", "r", "n", DEADLINE)),
    (
        "wallet.release",
        {"wallet": "w", "request_id": "r"},
        ChangeWallet("api", "w", "r", None, "active", None, DEADLINE),
    ),
    (
        "session.authorize",
        {"wallet": "1001", "destination": "4420", "request_id": "r", "usage": 60, "caller": "1", "session_id": "s"},
        Authorize(API_1001, "r", ("api:s",), Service.VOICE, "4420", "1", 60 * SECOND, deadline=DEADLINE),
    ),
    (
        "session.authorize",
        {"wallet": "1001", "destination": "4420", "request_id": "r"},
        Authorize(API_1001, "r", ("api:r",), Service.VOICE, "4420", deadline=DEADLINE),
    ),
    (
        "session.authorize",
        {"wallet": "1001", "destination": "4420", "request_id": "r", "request_type": "pseudoprepaid"},
        Authorize(
            *(API_1001, "r", ("api:r",), Service.VOICE, "4420"),
            deadline=DEADLINE,
            request_type=RequestType.PSEUDOPREPAID,
        ),
    ),
    (
        "session.start",
        {"session": "v", "request_id": "r"},
        Start(API, "r", ("class:v", "api:v"), Service.VOICE, "", deadline=DEADLINE),
    ),
    (
        "session.update",
        {"session": "v", "usage": 30, "request_id": "r"},
        Update(API, "r", ("class:v", "api:v"), Total(30 * SECOND), 0, deadline=DEADLINE),
    ),
    (
        "session.update",
        {"session": "d", "usage": 30, "request_id": "r", "more": None},
        Update(API, "r", ("class:d", "api:d"), Total(30), None, deadline=DEADLINE, service=Service.DATA),
    ),
    (
        "session.stop",
        {"session": "v", "usage": "85.25", "request_id": "r", "cause": "16"},
        Stop(API, "r", ("class:v", "api:v"), Total(85_250_000), "16", deadline=DEADLINE),
    ),
    ("session.release", {"session": "v", "request_id": "r"}, Release(API, "r", ("class:v", "api:v"), DEADLINE)),
    ("session.disconnect", {"session": "v", "request_id": "r"}, DisconnectSession("api", "v", "r", DEADLINE)),
    ("session.get", {"session": "v"}, Inspect("api", session="v", deadline=DEADLINE)),
    (
        "event.charge",
        {"wallet": "1001", "amount": "0.10", "request_id": "r", "note": "n"},
        Charge(API_1001, "r", Amount(100_000, "EUR"), note="n", deadline=DEADLINE),
    ),
    (
        "event.charge",
        {"wallet": "1001", "destination": "4420", "usage": 2, "request_id": "r"},
        Charge(API_1001, "r", None, Service.MESSAGE, "4420", 2, deadline=DEADLINE),
    ),
    (
        "event.charge",
        {"wallet": "1001", "event_class": "VAS", "event": "RING", "count": 3, "discount": "12.5", "request_id": "r"},
        Charge(
            API_1001,
            "r",
            None,
            Service.GENERIC,
            units=3,
            deadline=DEADLINE,
            event=EventName("VAS", "RING"),
            discount=1250,
        ),
    ),
    (
        "event.reserve",
        {"wallet": "1001", "event_class": "VAS", "event": "RING", "promotional": True, "request_id": "r"},
        Authorize(
            API_1001,
            "r",
            ("api:r",),
            Service.GENERIC,
            "VAS/RING",
            ask=1,
            deadline=DEADLINE,
            event=EventName("VAS", "RING", promotional=True),
        ),
    ),
    (
        "event.refund",
        {"wallet": "1001", "amount": "0.10", "request_id": "r"},
        Refund(API_1001, "r", Amount(100_000, "EUR"), deadline=DEADLINE),
    ),
]


@pytest.mark.parametrize(("method", "params", "command"), ASKED)
def test_parameters_become_the_command(method: str, params: dict[str, Any], command: Command) -> None:
    """What each method asks the engine."""
    charging = ScriptedCharging()
    reading = ListReading((wallet("usd", "USD", 2),), (session("v"), session("d", Service.DATA)))
    answer = ask(desk(charging, reading), request(method, params))
    assert "error" not in answer
    assert charging.asked == [command]


@pytest.mark.parametrize(
    ("method", "params", "named"),
    [
        ("wallet.get", {"wallet": "1001", "wolf": 1}, "wolf"),
        ("wallet.get", {"wallet": ""}, "wallet"),
        ("wallet.get", {"wallet": "a\nb"}, "wallet"),
        ("wallet.get", {"wallet": "x" * 201}, "wallet"),
        ("wallet.get", {"wallet": "é" * 101}, "wallet"),
        ("wallet.create", {"wallet": "é" * 101, "request_id": "r"}, "wallet"),
        ("wallet.list", {"after": "x" * 201}, "after"),
        ("system.audit", {"after": "é" * 101}, "after"),
        ("record.list", {"wallet": "x" * 201}, "wallet"),
        ("session.start", {"session": "v", "wallet": "é" * 101, "request_id": "r"}, "wallet"),
        ("wallet.recharge", {"wallet": "w", "amount": 10.0, "request_id": "r"}, "amount"),
        ("wallet.recharge", {"wallet": "w", "amount": 10, "request_id": "r"}, "amount"),
        ("wallet.recharge", {"wallet": "w", "amount": "1e3", "request_id": "r"}, "amount"),
        ("wallet.recharge", {"wallet": "w", "amount": "0.0000001", "request_id": "r"}, "amount"),
        ("wallet.recharge", {"wallet": "w", "amount": "9" * 25, "request_id": "r"}, "amount"),
        ("wallet.recharge", {"wallet": "w", "amount": "1", "request_id": "r", "unit": "XXX"}, "unit"),
        ("wallet.recharge", {"wallet": "w", "amount": "1", "request_id": "r", "expiry": "soon"}, "expiry"),
        (
            "wallet.recharge",
            {"wallet": "w", "amount": "1", "request_id": "r", "start": "0001-01-01T00:00:00Z"},
            "start",
        ),
        ("wallet.change", {"wallet": "w", "request_id": "r", "state": "gone"}, "state"),
        ("rating.cost", {"subject": "1", "destination": "4", "usage": 85.5}, "usage"),
        ("rating.cost", {"subject": "1", "destination": "4", "usage": -1}, "usage"),
        ("rating.cost", {"subject": "1", "destination": "4", "usage": "-1"}, "usage"),
        ("rating.cost", {"subject": "1", "destination": "4", "usage": "0.0000001"}, "usage"),
        ("rating.cost", {"subject": "1", "destination": "4", "usage": "1.5", "tor": "data"}, "usage"),
        ("rating.cost", {"subject": "1", "destination": "4", "usage": True}, "usage"),
        ("rating.cost", {"subject": "1", "destination": "4", "usage": 10**30}, "usage"),
        ("session.update", {"session": "v", "usage": 1, "request_id": "r", "tor": "data"}, "tor"),
        ("event.charge", {"wallet": "w", "request_id": "r"}, "amount"),
        ("event.charge", {"wallet": "w", "request_id": "r", "event": "RING"}, "event"),
        ("tariff.import", {"path": "relative"}, "path"),
        ("wallet.list", {"limit": 0}, "limit"),
        ("wallet.list", {"limit": 1001}, "limit"),
    ],
)
def test_wrong_parameters_are_named_and_nothing_is_asked(method: str, params: dict[str, Any], named: str) -> None:
    """-32602 says which parameter it is; money and seconds are never read from a JSON fraction."""
    charging = ScriptedCharging()
    answer = ask(desk(charging, ListReading(sessions=(session("v"),))), request(method, params))
    assert answer["error"]["code"] == -32602
    assert named in answer["error"]["message"]
    assert charging.asked == []


def test_what_moves_money_requires_a_request_id() -> None:
    """Every method that changes something is refused without one."""
    moving = {
        name
        for name, kind in METHODS.items()
        if name.split(".")[0] in ("wallet", "session", "event")
        and name.split(".")[1]
        not in ("get", "list", "quote", "trace", "reservations", "ended", "adjustments", "import")
    }
    sample = {name: params for name, params, _ in ASKED if name in moving}
    assert set(sample) == moving
    for name, params in sample.items():
        less = {key: value for key, value in params.items() if key != "request_id"}
        error = ask(desk(ScriptedCharging()), request(name, less))["error"]
        assert (error["code"], "request_id" in error["message"]) == (-32602, True)


ANSWERS: list[tuple[str, dict[str, Any], Outcome, dict[str, Any]]] = [
    (
        "session.authorize",
        {"wallet": "1001", "destination": "4420", "request_id": "r"},
        Granted("s1", Service.VOICE, 5700 * SECOND, True, 60 * SECOND, "EUR", 6, 0, 0, (Route("c", "h", "44", 1),)),
        {
            "session": "s1",
            "granted": 5700,
            "final": True,
            "validity": 60,
            "cost": "0",
            "balance": "0",
            "credit_limit": "0",
            "unit": "EUR",
            "routes": [{"carrier": "c", "to": "44@h"}],
        },
    ),
    (
        "session.stop",
        {"session": "s1", "request_id": "r", "usage": "85.5"},
        Settled("s1", 85_500_000, "EUR", 6, 641_700, 9_358_300),
        {"session": "s1", "usage": "85.5", "cost": "0.6417", "overdrawn": "0", "balance": "9.3583", "unit": "EUR"},
    ),
    (
        "event.charge",
        {"wallet": "1001", "amount": "0.10", "request_id": "r"},
        Posted("1001", 7, "EUR", 6, -100_000, 9_900_000),
        {"wallet": "1001", "record": 7, "amount": "-0.1", "unit": "EUR", "balance": "9.9", "balance_unit": "EUR"},
    ),
    (
        "wallet.transfer",
        {"wallet": "1001", "to": "1002", "amount": "60", "unit": "second", "request_id": "r"},
        Posted("1001", 7, "second", 0, -60, 9_900_000, "EUR", 6),
        {"wallet": "1001", "record": 7, "amount": "-60", "unit": "second", "balance": "9.9", "balance_unit": "EUR"},
    ),
    (
        "rating.cost",
        {"subject": "1001", "destination": "4420", "usage": 85},
        Priced("EUR", 6, 641_700, 400_000, 85 * SECOND, "44", "RP", (CostPart(0, 60 * SECOND, "0.2/60s", "0.2"),)),
        {
            "cost": "0.6417",
            "fee": "0.4",
            "unit": "EUR",
            "usage": 85,
            "prefix": "44",
            "plan": "RP",
            "parts": [{"start": 0, "usage": 60, "price": "0.2/60s", "cost": "0.2"}],
        },
    ),
]


@pytest.mark.parametrize(("method", "params", "outcome", "result"), ANSWERS)
def test_outcomes_become_the_result(method: str, params: dict[str, Any], outcome: Outcome, result: object) -> None:
    """Amounts are decimal strings, seconds integers or decimal strings."""
    assert ask(desk(ScriptedCharging(outcome)), request(method, params, "x")) == {
        "jsonrpc": "2.0",
        "id": "x",
        "result": result,
    }


def test_a_comparison_is_a_pair_for_each_call_in_order() -> None:
    priced = [Priced("EUR", 6, cost, 0, SECOND, "44", plan, ()) for cost, plan in ((100_000, "A"), (200_000, "B"))]
    charging = ScriptedCharging(*priced, Refused(Refusal.NO_RATE), priced[1])
    records = [{"time": "2027-01-15T08:00:00Z", "destination": "44", "usage": 1}] * 2
    answer = ask(desk(charging), request("rating.compare", {"a": "A", "b": "B", "records": records}))
    a, b = {"cost": "0.1", "prefix": "44"}, {"cost": "0.2", "prefix": "44"}
    assert answer["result"] == {"unit": "EUR", "calls": [{"a": a, "b": b}, {"a": None, "b": b}]}
    asked = [PlanQuote("", "call", "*any", Service.VOICE, "44", SECOND, NOW, DEADLINE, plan) for plan in "ABAB"]
    assert charging.asked == asked


@pytest.mark.parametrize("outcome", [Refused(Refusal.OVERLOADED), Priced("USD", 2, 1, 0, SECOND, "44", "A", ())])
def test_a_comparison_is_whole_or_refused(outcome: Outcome) -> None:
    charging = ScriptedCharging(Priced("EUR", 6, 1, 0, SECOND, "44", "A", ()), outcome)
    records = [{"time": "2027-01-15T08:00:00Z", "destination": "44", "usage": 1}]
    answer = ask(desk(charging), request("rating.compare", {"a": "A", "b": "B", "records": records}))
    assert answer["error"]["code"] == -32000


@pytest.mark.parametrize("text", ["0.5", "0.5/60", "x/60s", "0.5/0s", "0.5/1.0000001s"])
def test_a_highest_rate_says_for_how_much_usage_it_is(text: str) -> None:
    asked = {"subject": "1", "destination": "4", "money": "10", "max_rate": text}
    answer = ask(desk(ScriptedCharging()), request("rating.limit", asked))
    assert (answer["error"]["code"], answer["error"]["message"][:8]) == (-32602, "max_rate")


def test_views() -> None:
    """A wallet and a session as they stand."""
    told = ask(desk(ScriptedCharging(wallet("1001"))), request("wallet.get", {"wallet": "1001"}))["result"]
    assert (told["balance"], told["held"], told["available"], told["expiry"]) == ("10", "5", "5", None)
    assert told["buckets"][0]["expiry"] == "2027-01-15T08:00:00Z"
    told = ask(desk(ScriptedCharging(session("s", Service.DATA))), request("session.get", {"session": "s"}))["result"]
    assert (told["used"], told["cost"], told["until"]) == (85_000_000, "0.6417", "2027-01-15T08:01:00Z")


@pytest.mark.parametrize("refusal", Refusal)
def test_every_refusal_has_an_error(refusal: Refusal) -> None:
    """One code for all but our own error; the name and whether to retry are in `data`."""
    charging = ScriptedCharging(Refused(refusal, "why", "s1"))
    error = ask(desk(charging), request("wallet.get", {"wallet": "1001"}))["error"]
    assert error["code"] == (-32603 if refusal is Refusal.INTERNAL_ERROR else -32000)
    assert error["data"] == {"refusal": refusal.value, "retry": refusal in RETRY_MAY_HELP, "session": "s1"}
    assert error["message"] == f"{refusal.value}: why"


def test_lists_page_with_next() -> None:
    """A full page names where to go on, the last one does not."""
    at = desk(ScriptedCharging(), ListReading((wallet("a"), wallet("b"), wallet("c")), (session("s"),)))
    first = ask(at, request("wallet.list", {"limit": 2}))["result"]
    assert ([view["wallet"] for view in first["wallets"]], first["next"]) == (["a", "b"], "b")
    last = ask(at, request("wallet.list", {"limit": 2, "after": "b"}))["result"]
    assert ([view["wallet"] for view in last["wallets"]], last["next"]) == (["c"], None)
    assert ask(at, request("session.list"))["result"]["sessions"][0]["session"] == "s"
    records = ask(at, request("record.list", {"wallet": "a", "after": 1, "limit": 1}))["result"]
    assert (records["records"][0]["sequence"], records["next"]) == (2, 2)
    audited = ask(at, request("system.audit", {"after": "1001"}))["result"]
    assert (audited["findings"][0]["wallet"], audited["next"]) == ("1002", None)


@pytest.mark.parametrize("longest", ["x" * 200, "é" * 100])
def test_a_wallet_s_name_of_200_octets_goes_everywhere(longest: str) -> None:
    """What `wallet.create` takes can be looked at, recharged and paged behind."""
    at = desk(ScriptedCharging(), ListReading((wallet(longest), wallet("é" * 99 + "ü"))))
    first = ask(at, request("wallet.list", {"limit": 1}))["result"]
    assert first["next"] == longest
    for method, params in [
        ("wallet.list", {"after": longest}),
        ("system.audit", {"after": longest}),
        ("record.list", {"wallet": longest}),
        ("wallet.get", {"wallet": longest}),
        ("wallet.create", {"wallet": longest, "request_id": "r"}),
        ("wallet.recharge", {"wallet": longest, "amount": "1", "request_id": "r"}),
        ("session.authorize", {"wallet": longest, "destination": "4", "request_id": "r"}),
        ("event.charge", {"wallet": longest, "amount": "1", "request_id": "r"}),
    ]:
        assert "result" in ask(at, request(method, params)), method


@pytest.mark.parametrize("method", ["wallet.list", "session.list", "record.list", "system.audit"])
def test_a_batch_asks_for_few_pages(method: str) -> None:
    """A batch is one turn, and calls wait for it: five pages are refused, four are not."""
    params = {"wallet": "a"} if method == "record.list" else {}
    one = request(method, params)
    at = desk(ScriptedCharging())
    assert ask(at, [one] * 5)["error"]["code"] == -32600
    answers = ask(at, [one] * 4 + [request("wallet.get", {"wallet": "a"})] * 100)
    assert sum("result" in answer for answer in answers) == 104


def test_status_and_import() -> None:
    """What main hands in is answered as it is."""
    at = desk(ScriptedCharging())
    assert ask(at, request("system.status"))["result"] == {
        "accepting": True,
        "time": "2027-01-15T08:00:00Z",
        "version": "1",
    }
    assert ask(at, request("tariff.import", {"path": "/bad"}))["result"]["problems"][0]["line"] == 3
    assert ask(at, request("tariff.import", {"path": "/good", "dry_run": True}))["result"]["loaded"] is False


@pytest.mark.parametrize("seed", range(8))
def test_any_body_gets_a_valid_answer(seed: int) -> None:
    """Random bytes, random JSON, and almost valid requests: an answer of the specification, never an exception."""
    dice = random.Random(seed)
    at = desk(ScriptedCharging())
    for _ in range(500):
        name = dice.choice([*METHODS])
        params = {field: junk(dice) for field in (*METHODS[name].__annotations__, "wallet") if dice.random() < 0.8}
        almost = json.dumps(request(name, params, junk(dice, 3))).encode()
        cut = bytearray(almost)
        cut[dice.randrange(len(cut))] = dice.randrange(256)
        for body in (dice.randbytes(dice.randrange(40)), json.dumps(junk(dice)).encode(), almost, bytes(cut)):
            answer = ask(at, body)
            for item in answer if isinstance(answer, list) else [answer] if answer else []:
                assert item["jsonrpc"] == "2.0"
                assert ("result" in item) != ("error" in item)
                assert "id" in item
