"""Case 43: which refused requests of sessions are logged, through the engine."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from tests.engine.cases_rig import initial, made, rig_of, subsequent, world
from tests.engine.rig import Rig, refusal

from tollhouse.engine.refused import LINES, QUIET
from tollhouse.snapshot.rules import ReservationRules, Rules
from tollhouse.values.commands import ChangeWallet, Charge, Pap
from tollhouse.values.money import Amount
from tollhouse.values.refusals import Refusal

LOGGED = Rules(reservation=ReservationRules(log_refusals=True))


def refused_by_all_means(rig: Rig) -> list[Refusal]:
    """Too many sessions, too little money, a wallet that may not be charged; no rate, no session, no account."""
    made(rig, 100, sessions=1)
    rig.ask(initial("first", ask=100))
    quiet = [rig.ask(initial("second"))]
    made(rig, 0, name="1002")
    quiet.append(rig.ask(initial("poor", name="1002")))
    rig.ask(ChangeWallet("api", "1002", "stop", state="suspended"))
    quiet.append(rig.ask(initial("barred", name="1002")))
    told = [rig.ask(replace(initial("nowhere"), called="99")), rig.ask(subsequent("never", 1))]
    stranger = replace(initial("x").caller, name="nobody", proof=Pap(b"a-secret-word"))
    told.append(rig.ask(replace(initial("x"), caller=stranger)))
    return [refusal(one) for one in (*quiet, *told)]


ALL = [
    *(Refusal.SESSION_LIMIT, Refusal.NO_FUNDS, Refusal.WALLET_SUSPENDED),
    *(Refusal.NO_RATE, Refusal.UNKNOWN_SESSION, Refusal.UNKNOWN_ACCOUNT),
]


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.name == "tollhouse.refused"]


def test_case_43_refusals_are_logged_but_for_those_of_money_sessions_and_state(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert refused_by_all_means(rig_of(world(LOGGED))) == ALL
    assert set(ALL[:3]) <= QUIET
    told = lines(caplog)
    assert [line.split()[1] for line in told] == [f"reason={one}" for one in ALL[3:]]
    assert told[0].startswith("session_refused reason=no_rate request=authorize client=nas key=ir:nowhere wallet=1001 ")
    assert "secret" not in caplog.text


def test_case_43_false_none_is(caplog: pytest.LogCaptureFixture) -> None:
    assert refused_by_all_means(rig_of(world())) == ALL
    assert lines(caplog) == []


def test_case_43_the_rules_are_those_of_the_wallet_s_provider(caplog: pytest.LogCaptureFixture) -> None:
    snapshot = world()
    snapshot.tenant_rules["other"] = LOGGED
    rig = rig_of(snapshot)
    made(rig, 100)
    assert refusal(rig.ask(replace(initial("c1"), called="99"))) is Refusal.NO_RATE
    assert lines(caplog) == []
    lost = subsequent("never", 1)
    rig.ask(replace(lost, caller=replace(lost.caller, tenant="other")))
    assert len(lines(caplog)) == 1


def test_what_is_no_session_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    rig = rig_of(world(LOGGED))
    made(rig, 100)
    assert refusal(rig.ask(Charge(initial().caller, "ne", Amount(5, "GBP")))) is Refusal.UNIT_MISMATCH
    assert lines(caplog) == []


def test_a_flood_is_bounded_and_its_size_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """50 in one second: 20 lines; the next second's first refusal says that 30 were left out."""
    rig = rig_of(world(LOGGED))
    for number in range(50):
        rig.ask(subsequent(f"never-{number}", 1))
    assert (LINES, len(lines(caplog))) == (20, 20)
    rig.later(1)
    rig.ask(subsequent("again", 1))
    assert lines(caplog)[20] == "session_refused left_out=30"
    assert lines(caplog)[21].startswith("session_refused reason=unknown_session request=update ")
    assert len(lines(caplog)) == 22


def test_a_line_stays_one_line(caplog: pytest.LogCaptureFixture) -> None:
    rig = rig_of(world(LOGGED))
    rig.ask(replace(subsequent("a", 1), key="x\nreason=forged \x1b[2J é"))
    assert "key=x\\nreason=forged \\x1b[2J \\xe9" in lines(caplog)[0]
