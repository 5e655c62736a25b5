"""Two calls at once on one wallet never spend the same money: three protocols, one wallet, nobody waits for anybody."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
from tests.journeys.calls_transcript import played
from tests.journeys.concurrency_crowd import Crowd, Send
from tests.processes import Process, running_demo

CALLS = 60
OPENING = Decimal(300)
"""Each RADIUS call to 331.. asks for 7200 s at 0.01, 72.00, the others for 1 to 900 s: 300 pay for few of sixty."""


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Process]:
    with running_demo(tmp_path) as process:
        yield process


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_many_calls_at_once_on_one_wallet(demo: Process, seed: int) -> None:
    dice = random.Random(seed)
    demo.rpc("wallet.recharge", wallet="1001", amount=str(OPENING - 10), request_id="fill")
    with closing(Crowd(demo, "1001", dice)) as crowd:
        all_at_once([crowd.authorise(call) for call in range(CALLS)], crowd, dice)
        granted = dict(sorted(crowd.granted.items()))
        # At 0.01 a second what is held is the price of all that was granted, and never more than there is.
        price = Decimal(sum(granted.values())) / 100
        assert demo.rpc("wallet.get", wallet="1001")["held"] == plain(price)
        assert price == OPENING, "sixty such calls want more than 300: the last one granted gets the rest"
        assert crowd.refused == Counter(no_funds=CALLS - len(granted))

        all_at_once([send for call in granted for send in crowd.begin(call)], crowd, dice)
        used = {call: dice.randint(0, grant) for call, grant in granted.items()}
        all_at_once([crowd.settle(call, seconds) for call, seconds in used.items()], crowd, dice)
        assert sum(crowd.refused.values()) == CALLS - len(granted), "nothing that was granted is refused later"
    closing_balance = OPENING - Decimal(sum(used.values())) / 100
    wallet = demo.rpc("wallet.get", wallet="1001")
    assert (wallet["balance"], wallet["held"]) == (plain(closing_balance), "0")
    records = demo.rpc("record.list", wallet="1001", limit=1000)["records"]
    charged = sum((Decimal(one["amount"]) for one in records if one["kind"] == "session"), Decimal(0))
    assert charged == closing_balance - OPENING
    sessions = [one["session"]["session"] for one in records if one["kind"] == "session"]
    assert len(sessions) == len(set(sessions)) == len(granted), "each call that was granted has one record"
    assert demo.rpc("system.status")["open_sessions"] == 0
    assert demo.rpc("system.audit")["findings"] == []


@pytest.mark.parametrize("seed", [4, 5])
def test_thirty_calls_on_credit_for_one_with_a_top_up_and_a_transfer_between(demo: Process, seed: int) -> None:
    """10.00 at 0.01 a second are 1000 s. What is held is never more than there is, whatever comes and goes; and what
    the calls use beyond their grants is all that the wallet may owe afterwards."""
    dice = random.Random(seed)
    with closing(Crowd(demo, "1001", dice)) as crowd:
        first, second = [crowd.authorise(call) for call in range(15)], [crowd.authorise(call) for call in range(15, 30)]
        all_at_once(first, crowd, dice)
        demo.rpc("wallet.recharge", wallet="1001", amount="5", request_id="mid-call")
        all_at_once(second, crowd, dice)
        demo.rpc("wallet.recharge", wallet="1001", amount="3", request_id="more")
        moved = demo.rpc("wallet.transfer", wallet="1001", to="1002", amount="2", request_id="over")
        assert (moved["amount"], demo.rpc("wallet.get", wallet="1001")["balance"]) == ("-2", "16")
        assert Decimal(demo.rpc("wallet.get", wallet="1001")["held"]) <= 15

        all_at_once([send for call in sorted(crowd.granted) for send in crowd.begin(call)], crowd, dice)
        used = {call: grant + dice.randint(0, 400) for call, grant in sorted(crowd.granted.items())}
        over = Decimal(sum(used[call] - grant for call, grant in crowd.granted.items())) / 100
        for call, seconds in used.items():
            crowd.settle(call, seconds)()
        crowd.hear()
    balance = Decimal(demo.rpc("wallet.get", wallet="1001")["balance"])
    assert balance == 16 - Decimal(sum(used.values())) / 100
    assert max(-balance, Decimal(0)) <= over
    assert demo.rpc("wallet.get", wallet="1002")["balance"] == "2"
    assert demo.rpc("system.status")["open_sessions"] == 0
    assert demo.rpc("system.audit")["findings"] == []


def all_at_once(requests: list[Send], crowd: Crowd, dice: random.Random) -> None:
    """Send everything in a random order with looks at the wallet in between; then hear all answers."""
    dice.shuffle(requests)
    for place, send in enumerate(requests):
        send()
        if place % 5 == 0:
            crowd.look()
    for seen in crowd.hear():
        assert Decimal(seen["balance"]) >= 0
        assert Decimal(seen["held"]) <= Decimal(seen["balance"])
        assert Decimal(seen["balance"]) == Decimal(seen["held"]) + Decimal(seen["available"])


def plain(amount: Decimal) -> str:
    """As the API writes it: no zeros at the end."""
    return f"{amount:f}".rstrip("0").rstrip(".") if amount % 1 else f"{amount:.0f}"


WAITING = """# One call holds everything: 10.00 / 0.01 = 1000 s.
>> RADIUS Access-Request User-Name=1001 User-Password=secret Called-Station-Id=33123456 Acct-Session-Id=w1
<< Access-Accept Session-Timeout=1000 h323-credit-time=1000 Class=* h323-return-code=0 h323-credit-amount=10.0 \
h323-currency=EUR
wallet 1001: balance 10, held 10, available 0
# Whoever else calls is told that there is no money, by each protocol in its own words.
>> RADIUS Access-Request User-Name=1001 User-Password=secret Called-Station-Id=33123457 Acct-Session-Id=w2
<< Access-Reject Reply-Message='no funds' h323-return-code=4
>> Diameter CCR-I Session=w3 Number=0 E164=1001 Called=33123456 Requested=
<< CCA Result-Code=4012 MSCC-Result-Code=4012 Error-Message=no_funds
>> SIP INVITE From=1001 To=33123458 Call-ID=w4
<< 402 Payment Required, Reason: Q.850;cause=21;text="no funds"
>> JSON-RPC session.authorize wallet=1001 destination=33123456 usage=10 request_id=w5
<< error -32000 no_funds
# Nobody answered the first call (Acct-Status-Type 15): all goes back, and the next one is served.
>> RADIUS Accounting-Request Acct-Status-Type=15 User-Name=1001 Called-Station-Id=33123456 Acct-Session-Id=w1 Class=*
<< Accounting-Response
wallet 1001: balance 10, held 0, available 10
>> Diameter CCR-I Session=w6 Number=0 E164=1001 Called=33123456 Requested=400
<< CCA Result-Code=2001 MSCC-Result-Code=2001 CC-Time=400
# The same question as before under the same name gets another answer: a refused opening does not stick.
>> JSON-RPC session.authorize wallet=1001 destination=33123456 usage=10 request_id=w5
<< session=* granted=10 final=false validity=0 cost=0 balance=5.9 credit_limit=0 unit=EUR
wallet 1001: balance 10, held 4.1, available 5.9"""


def test_a_call_waits_for_the_money_that_another_one_holds(demo: Process) -> None:
    assert played(demo, WAITING) == WAITING
