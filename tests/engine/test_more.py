"""A call that has begun asks for more; one that has not asks the same thing again."""

from __future__ import annotations

from tests.engine.rig import EUR, authorize, granted, refusal, rig_with, settled, start, stop, update

from tollhouse.values.commands import Recharge, Wish
from tollhouse.values.instants import SECOND
from tollhouse.values.money import Amount
from tollhouse.values.refusals import Refusal

MINUTE = 60 * SECOND


def test_not_begun_it_is_the_same_reservation_under_any_key() -> None:
    rig = rig_with()
    first = rig.ask(authorize(ask=MINUTE))
    assert rig.ask(authorize(key="other", ask=MINUTE)) == first
    assert rig.wallet().held == 600_000


def test_begun_it_asks_for_more_than_has_run() -> None:
    """A minute granted, half of it gone; a minute more from now reaches 90 s: 0.6 + 30 x 0.1/60 = 0.65 is held."""
    rig = rig_with()
    session = granted(rig.ask(authorize(ask=MINUTE))).session
    rig.ask(start())
    rig.later(30)
    more = granted(rig.ask(authorize(key="other", ask=MINUTE)))
    assert (more.session, more.granted, more.final) == (session, MINUTE, False)
    assert (rig.session(session).granted, rig.wallet().held) == (90 * SECOND, 650_000)


def test_money_that_has_run_out_already_is_not_granted_again() -> None:
    """10 last 5700 s. After 5000 s without a report, 700 s are left, not 5700."""
    rig = rig_with()
    rig.ask(authorize())
    rig.ask(start())
    rig.later(5000)
    more = granted(rig.ask(authorize(key="other")))
    assert (more.granted, more.final) == (700 * SECOND, True)
    rig.later(700)
    assert refusal(rig.ask(authorize(key="third"))) is Refusal.INSUFFICIENT_FUNDS
    assert rig.wallet().held == 10 * EUR
    assert settled(rig.ask(stop(seconds=5700))).overdrawn == 0


def test_money_that_came_meanwhile_lengthens_the_call() -> None:
    rig = rig_with(opening=600_000)
    assert granted(rig.ask(authorize())).granted == MINUTE
    rig.ask(start())
    rig.ask(Recharge("api", "1001", "r", Amount(EUR, "EUR")))
    assert granted(rig.ask(update(seconds=60, more=0))).granted == 600 * SECOND  # 1 = 600 x 0.1/60


def test_an_update_that_gets_no_more_keeps_what_was_charged_and_holds_nothing() -> None:
    rig = rig_with(opening=600_000)
    rig.ask(authorize())
    rig.ask(start())
    assert refusal(rig.ask(update(seconds=60, more=0))) is Refusal.NO_FUNDS
    assert (rig.wallet().balance, rig.wallet().held) == (0, 0)
    assert settled(rig.ask(stop(seconds=60))).cost == 600_000
    rig.proved()


def test_a_redirected_call_that_is_then_authorised_holds_once() -> None:
    rig = rig_with()
    first = granted(rig.ask(authorize(wish=Wish.SHORTEST)))
    again = granted(rig.ask(authorize(key="radius")))
    assert (again.session, again.granted, rig.wallet().held) == (first.session, 5700 * SECOND, 10 * EUR)


def test_two_calls_at_once_never_spend_the_same_money() -> None:
    rig = rig_with()
    grants = [granted(rig.ask(authorize(f"c{call}", ask=1500 * SECOND))) for call in range(4)]
    # 0.6 + 1440 x 0.1/60 = 3 each: three of them, and for the last euro 0.6 + 240 x 0.1/60 = 1
    assert [grant.granted // SECOND for grant in grants] == [1500, 1500, 1500, 300]
    assert [grant.final for grant in grants] == [False, False, False, True]
    assert refusal(rig.ask(authorize("c4"))) is Refusal.NO_FUNDS
    for call, grant in enumerate(grants):
        rig.ask(start(f"c{call}"))
        assert settled(rig.ask(stop(f"c{call}", grant.granted // SECOND))).overdrawn == 0
    assert (rig.wallet().balance, rig.wallet().held) == (0, 0)
    rig.proved()


def test_the_validity_of_a_begun_calls_grant_is_its_length_from_now() -> None:
    rig = rig_with()
    assert granted(rig.ask(authorize("a", ask=MINUTE))).validity == 0
    assert granted(rig.ask(authorize("b", ask=MINUTE, begin=True))).validity == MINUTE
    rig.later(20)
    assert granted(rig.ask(update("b", 20, more=MINUTE))).validity == MINUTE
    rig.later(30)
    assert granted(rig.ask(update("b", 40))).validity == 30 * SECOND  # the grant reaches to 80 s, 50 s have run
