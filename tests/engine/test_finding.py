"""Which session a report belongs to: Class, the protocol's id, the call's id, at last who calls whom."""

from __future__ import annotations

import pytest
from tests.engine.rig import EUR, authorize, granted, refusal, rig_with, settled, start, stop

from tollhouse.values.commands import Caller, Stop, Total
from tollhouse.values.instants import SECOND
from tollhouse.values.outcomes import Refused
from tollhouse.values.refusals import Refusal

WINDOW = "window:1001|1|4420"
MINUTE = 60 * SECOND


@pytest.mark.parametrize("given", ["class:{}", "radius:A", "call:X", WINDOW])
def test_each_name_leads_to_the_authorisation(given: str) -> None:
    rig = rig_with()
    session = granted(rig.ask(authorize(keys=("radius:A", "call:X", WINDOW), ask=MINUTE))).session
    begun = granted(rig.ask(start(keys=(given.format(session), "radius:new"))))
    assert begun.session == session
    assert settled(rig.ask(stop(seconds=20, keys=("radius:new",)))).session == session
    assert (rig.wallet().balance, rig.wallet().held) == (9_400_000, 0)


def test_the_best_name_wins() -> None:
    rig = rig_with()
    one = granted(rig.ask(authorize("one", keys=("radius:A", "call:X"), ask=MINUTE))).session
    two = granted(rig.ask(authorize("two", keys=("radius:B", "call:Y"), ask=MINUTE))).session
    assert granted(rig.ask(start(keys=(f"class:{two}", "call:X")))).session == two
    assert granted(rig.ask(start(key="s2", keys=("radius:A", "call:Y")))).session == one


def test_calls_known_only_by_who_calls_whom_are_taken_first_come_first_served() -> None:
    rig = rig_with()
    first = granted(rig.ask(authorize("a", keys=("call:1", WINDOW), ask=MINUTE))).session
    second = granted(rig.ask(authorize("b", keys=("call:2", WINDOW), ask=MINUTE))).session
    assert granted(rig.ask(start(key="s1", keys=("radius:A", WINDOW)))).session == first
    assert granted(rig.ask(start(key="s2", keys=("radius:B", WINDOW)))).session == second
    third = granted(rig.ask(start(key="s3", keys=("radius:C", WINDOW)))).session
    assert rig.tally.counts["engine_joins_by_window", ""] == 2
    assert third not in (first, second)


def test_who_calls_whom_leads_only_to_what_has_not_begun() -> None:
    rig = rig_with()
    running = granted(rig.ask(authorize(keys=(WINDOW,), ask=MINUTE))).session
    rig.ask(start(keys=("radius:A", WINDOW)))
    again = granted(rig.ask(authorize("again", keys=(WINDOW,), ask=MINUTE))).session
    assert again != running
    assert settled(rig.ask(stop(seconds=20, keys=("radius:Z", WINDOW)))).session == again
    assert rig.session(running).state == "started"


def test_an_authorisation_asked_again_by_who_calls_whom_is_the_same_reservation() -> None:
    rig = rig_with()
    first = rig.ask(authorize("a", keys=(WINDOW,)))
    assert rig.ask(authorize("b", keys=(WINDOW,))) == first
    assert rig.wallet().held == 10 * EUR


def test_a_name_that_is_used_again_is_another_call_ten_minutes_later() -> None:
    """A NAS without authorisation that restarted its counter; each Start and Stop comes twice."""
    rig = rig_with()
    sessions = []
    for _ in range(2):
        sessions.append(granted(rig.ask(start())).session)
        assert granted(rig.ask(start())).session == sessions[-1]
        rig.later(20)
        assert settled(rig.ask(stop(seconds=20))).session == sessions[-1]
        assert settled(rig.ask(stop(seconds=20))).session == sessions[-1]
        rig.later(601)
    assert len(set(sessions)) == 2
    assert (rig.wallet().balance, rig.wallet().held) == (10 * EUR - 2 * 600_000, 0)


def test_a_start_within_ten_minutes_of_the_end_is_late_news_of_it() -> None:
    rig = rig_with()
    session = granted(rig.ask(start())).session
    rig.ask(stop(seconds=20))
    rig.later(599)
    assert granted(rig.ask(start(key="late"))).session == session
    assert (rig.wallet().balance, rig.wallet().held) == (9_400_000, 0)


def test_another_clients_names_lead_nowhere() -> None:
    rig = rig_with()
    session = granted(rig.ask(authorize(ask=MINUTE))).session
    other = settled(rig.ask(stop(seconds=20, keys=(f"class:{session}", "c1"), client="other")))
    assert other.session != session
    assert rig.session(session).state == "authorised"


def test_the_api_may_end_any_session_by_its_id() -> None:
    rig = rig_with()
    session = granted(rig.ask(authorize())).session
    rig.ask(start())
    ended = rig.ask(Stop(Caller("api"), "r1", (f"class:{session}", f"api:{session}"), Total(85 * SECOND)))
    assert (settled(ended).session, settled(ended).cost) == (session, 641_700)


def test_names_that_share_their_first_200_octets_are_two_names() -> None:
    rig = rig_with()
    one, two = "radius:" + "x" * 250 + "1", "radius:" + "x" * 250 + "2"
    first = granted(rig.ask(authorize("a", keys=(one,), ask=MINUTE))).session
    second = granted(rig.ask(authorize("b", keys=(two,), ask=MINUTE))).session
    assert first != second
    assert granted(rig.ask(start(keys=(two,)))).session == second


def test_all_in_one_turn() -> None:
    """What was decided a moment ago in the same turn is found like what is on disk."""
    rig = rig_with()
    outcomes = [rig.submit(command) for command in (authorize(), start(), stop(seconds=85), stop(seconds=85))]
    rig.turn()
    assert settled(outcomes[2][0]).cost == 641_700
    assert outcomes[3] == outcomes[2]
    assert len({granted(outcomes[0][0]).session, granted(outcomes[1][0]).session, settled(outcomes[2][0]).session}) == 1
    rig.proved()


def test_a_name_that_comes_with_another_number_before_the_call_began_is_another_call() -> None:
    """Forked INVITEs share a Call-ID, a calling card's second number its session id: requirement radius 2.1.7 has
    the number among what makes two authorisations one. 60 s cost 0.4 + 0.2 to 44, 60 x 0.01 to 331."""
    rig = rig_with()
    first = granted(rig.ask(authorize("a", keys=("call:X",), ask=MINUTE)))
    second = granted(rig.ask(authorize("b", keys=("call:X",), called="331", ask=MINUTE)))
    assert second.session != first.session
    assert rig.wallet().held == 600_000 + 600_000
    assert settled(rig.ask(stop(seconds=100, keys=(f"class:{second.session}",)))).cost == 1_000_000
    assert granted(rig.ask(authorize("c", keys=("call:X",), ask=MINUTE))).session == first.session


def test_a_name_that_comes_with_another_payer_is_not_answered_with_the_first_ones_grant() -> None:
    rig = rig_with()
    granted(rig.ask(authorize("a", keys=("call:X",), ask=MINUTE)))
    assert rig.ask(authorize("b", keys=("call:X",), name="nobody", ask=MINUTE)) == Refused(
        Refusal.UNKNOWN_ACCOUNT, "no account is recognised by what the request says"
    )
    assert rig.wallet().held == 600_000


def test_a_number_without_a_price_is_refused_though_its_name_was_granted_another() -> None:
    rig = rig_with()
    granted(rig.ask(authorize("a", keys=("call:X",), ask=MINUTE)))
    outcome = rig.ask(authorize("b", keys=("call:X",), called="9991", ask=MINUTE))
    assert refusal(outcome) is Refusal.NO_RATE
