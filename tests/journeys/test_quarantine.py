"""A bug in one command costs one wallet its service, and nobody anything else."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from functools import partial
from pathlib import Path

import pytest
from tests.journeys.calls_clients import ApiClient, DiameterSwitch, RadiusSwitch
from tests.journeys.calls_metrics import metric, until
from tests.journeys.calls_transcript import played
from tests.processes import Process, running_demo

LAUNCHER = Path(__file__).with_name("quarantine_launcher.py")
BOTH = """
>> JSON-RPC session.authorize wallet=1002 destination=33123456 usage=300 session_id=before request_id=a
<< session=* granted=300 final=false validity=0 cost=0 balance=97 credit_limit=100 unit=EUR
wallet 1001: balance 10, held 0, available 10
"""
BROKEN = {
    "RADIUS": """
>> RADIUS Access-Request User-Name=1001 User-Password=secret Called-Station-Id=33123456 Acct-Session-Id=q1
<< Access-Reject Reply-Message='try again' h323-return-code=8
""",
    "Diameter": """
>> Diameter CCR-I Session=q1 Number=0 E164=1001 Called=33123456 Requested=300
<< CCA Result-Code=5012 Error-Message=internal_error
""",
    "SIP": """
>> SIP INVITE From=1001 To=33123456 Call-ID=q1
<< 500 Server Internal Error, Reason: Q.850;cause=41;text="internal error"
""",
    "JSON-RPC": """
>> JSON-RPC session.authorize wallet=1001 destination=33123456 usage=300 session_id=q1 request_id=b
<< error -32603 internal_error
""",
}
QUARANTINED = """
# The wallet is closed to everybody until an operator has looked at it; nothing was taken and nothing is held.
wallet 1001: balance 10, held 0, available 10
>> RADIUS Access-Request User-Name=1001 User-Password=secret Called-Station-Id=33123456 Acct-Session-Id=q2
<< Access-Reject Reply-Message='try again' h323-return-code=8
>> Diameter CCR-I Session=q2 Number=0 E164=1001 Called=33123456 Requested=300
<< CCA Result-Code=5012 Error-Message=wallet_quarantined
>> SIP INVITE From=1001 To=33123456 Call-ID=q2
<< 480 Temporarily Unavailable, Reason: Q.850;cause=41;text="wallet quarantined"
>> JSON-RPC session.authorize wallet=1001 destination=33123456 request_id=c
<< error -32000 wallet_quarantined
# Everybody else is served on: 300 s x 0.01 = 3, of the 3 that were held.
>> JSON-RPC session.stop session=before usage=300 request_id=d
<< session=* usage=300 cost=3 overdrawn=0 balance=97 unit=EUR
>> RADIUS Access-Request User-Name=1003 User-Password=secret Called-Station-Id=33123456 Acct-Session-Id=q3
<< Access-Accept Session-Timeout=50 h323-credit-time=50 Class=* h323-return-code=0 h323-credit-amount=0.5 \
h323-currency=EUR
"""
RELEASED = """
>> JSON-RPC session.authorize wallet=1001 destination=33123456 usage=300 session_id=q1 request_id=b
<< session=* granted=300 final=false validity=0 cost=0 balance=7 credit_limit=0 unit=EUR
>> JSON-RPC session.stop session=q1 usage=100 request_id=e
<< session=* usage=100 cost=1 overdrawn=0 balance=9 unit=EUR
wallet 1001: balance 9, held 0, available 9
"""


@pytest.fixture
def bug(tmp_path: Path) -> Path:
    """The file that names the wallet whose commands break."""
    return tmp_path / "bug"


@pytest.fixture
def demo(tmp_path: Path, bug: Path) -> Iterator[Process]:
    with launched(tmp_path, bug) as process:
        yield process


def launched(directory: Path, bug: Path) -> AbstractContextManager[Process]:
    """The demo, with the bug in it."""
    return running_demo(directory, env={"BUG_FILE": str(bug)}, program=(sys.executable, str(LAUNCHER)))


@pytest.mark.parametrize("protocol", BROKEN)
def test_an_opening_that_breaks(demo: Process, bug: Path, protocol: str) -> None:
    assert played(demo, BOTH) == BOTH
    bug.write_text("1001")
    assert played(demo, BROKEN[protocol]) == BROKEN[protocol]
    bug.unlink()
    assert played(demo, QUARANTINED) == QUARANTINED
    assert demo.rpc("wallet.get", wallet="1001")["state"] == "quarantined"
    assert (metric(demo, "engine_bugs_total"), metric(demo, "engine_quarantines_total")) == (1, 1)
    assert "wallet '1001' is quarantined: Authorize" in demo.err.read_text()
    assert "ZeroDivisionError: a bug, planted" in demo.err.read_text()

    assert demo.rpc("wallet.release", wallet="1001", request_id="mended")["state"] == "active"
    assert played(demo, RELEASED) == RELEASED, "the internal error was not kept under the request's name"
    assert [one["note"] for one in demo.rpc("record.list", wallet="1001")["records"] if one["kind"] == "change"] == [
        "quarantined",
        "state=active credit_limit=0 expiry=0",
    ]
    assert demo.rpc("system.audit")["findings"] == []


def test_others_in_the_same_batch_are_served(demo: Process, bug: Path) -> None:
    """Thirty calls at once of three wallets; one breaks its every command, the others notice nothing."""
    bug.write_text("1001")
    api = ApiClient(demo.http)
    calls = [(name, number) for number in range(10) for name in ("1001", "1002", "1003")]
    sent = [
        api.send("session.authorize", wallet=name, destination="33123456", usage="5", request_id=f"{name}-{number}")
        for name, number in calls
    ]
    answers = [(name, api.answer(one)) for (name, _), one in zip(calls, sent, strict=True)]
    served = [name for name, answer in answers if "result" in answer]
    # 5 s x 0.01 = 0.05 each: ten fit into 0.50 as well.
    assert sorted(served) == ["1002"] * 10 + ["1003"] * 10
    refused = [answer["error"]["data"]["refusal"] for name, answer in answers if name == "1001"]
    assert sorted(refused) == ["internal_error"] + ["wallet_quarantined"] * 9
    assert (metric(demo, "engine_bugs_total"), metric(demo, "engine_quarantines_total")) == (1, 1)
    assert demo.health() == 200


def test_a_stop_that_breaks_is_charged_once_after_the_release(demo: Process, bug: Path) -> None:
    """What was used stays due: the switch, which hears nothing, goes on sending its Stop."""
    call = {"User-Name": "1001", "Called-Station-Id": "33123456", "Acct-Session-Id": "s1"}
    stop = call | {"Acct-Status-Type": "Stop", "Acct-Session-Time": 100}
    with (
        closing(RadiusSwitch(demo.radius_auth, demo.radius_accounting)) as radius,
        closing(DiameterSwitch(demo.diameter)) as diameter,
    ):
        assert radius.access(call)["Session-Timeout"] == [1000]
        radius.accounting(call | {"Acct-Status-Type": "Start"})
        bug.write_text("1001")
        for refusal in ("internal_error", "wallet_quarantined"):
            radius.send_accounting(stop)
            until(partial(metric, demo, "radius_silent_total", refusal))
            assert radius.heard_nothing(), "what is not settled is not acknowledged"
        bug.unlink()
        wallet = demo.rpc("wallet.get", wallet="1001")
        assert (wallet["balance"], wallet["held"], wallet["state"]) == ("10", "10", "quarantined")
        assert diameter.ask(1, 0, "other", "1002", "33123456", asks=60).result_code == 2001

        demo.rpc("wallet.release", wallet="1001", request_id="mended")
        radius.accounting(stop)
        radius.accounting(stop | {"Acct-Delay-Time": 3})
    wallet = demo.rpc("wallet.get", wallet="1001")
    # 100 s x 0.01 = 1.
    assert (wallet["balance"], wallet["held"], wallet["state"]) == ("9", "0", "active")
    assert demo.rpc("system.audit")["findings"] == []


def test_a_switch_that_goes_down_ends_all_its_calls_but_those_of_the_broken_wallet(demo: Process, bug: Path) -> None:
    """Accounting-Off is one command on many wallets: it breaks once, is sent again, and leaves out the broken one."""
    off = {"Acct-Status-Type": "Accounting-Off", "Acct-Session-Id": "boot-1"}
    with closing(RadiusSwitch(demo.radius_auth, demo.radius_accounting)) as radius:
        for name in ("1001", "1002", "1003"):
            call = {"User-Name": name, "Called-Station-Id": "33123456", "Acct-Session-Id": f"off {name}"}
            radius.access(call)
            radius.accounting(call | {"Acct-Status-Type": "Start"})
        bug.write_text("1001")
        radius.send_accounting(off)
        until(partial(metric, demo, "radius_silent_total", "internal_error"))
        assert radius.heard_nothing()
        radius.accounting(off)
    held = {name: demo.rpc("wallet.get", wallet=name)["held"] for name in ("1001", "1002", "1003")}
    assert held == {"1001": "10", "1002": "0", "1003": "0"}
    assert (metric(demo, "engine_bugs_total"), metric(demo, "engine_quarantines_total")) == (1, 1)
    bug.unlink()
    assert demo.rpc("wallet.release", wallet="1001", request_id="mended")["held"] == "10", "its call waits for its Stop"
    assert demo.rpc("system.audit")["findings"] == []


@pytest.mark.parametrize("cleanly", [True, False])
def test_a_quarantine_outlives_the_process(tmp_path: Path, bug: Path, cleanly: bool) -> None:
    """It is part of the wallet's image: neither a stop nor a kill opens the wallet; an operator does."""
    bug.write_text("1001")
    with launched(tmp_path, bug) as first:
        assert played(first, BROKEN["JSON-RPC"]) == BROKEN["JSON-RPC"]
        if cleanly:
            assert first.terminate() == 0
    bug.unlink()
    with launched(tmp_path, bug) as second:
        assert second.rpc("wallet.get", wallet="1001")["state"] == "quarantined"
        assert ApiClient(second.http).ask(
            "session.authorize", wallet="1001", destination="33123456", request_id="again"
        )["error"]["data"] == {"refusal": "wallet_quarantined", "retry": True}
        second.rpc("wallet.release", wallet="1001", request_id="mended")
        assert played(second, RELEASED) == RELEASED
        assert second.rpc("system.audit")["findings"] == []
