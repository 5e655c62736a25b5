"""A client that lost its sessions: each is ended as `on_silence` says, once."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from tests.engine.rig import EUR, NAS, authorize, granted, rig_with, settled, start, stop, update

from tollhouse.engine.book import WALLET
from tollhouse.engine.policy import OnSilence, Policy
from tollhouse.values.commands import CloseClient, CreateWallet
from tollhouse.values.instants import SECOND
from tollhouse.values.outcomes import Done

MINUTE = 60 * SECOND


@pytest.mark.parametrize(
    ("on_silence", "taken"),
    [
        (OnSilence.REPORTED, 600_000),  # 30 s were reported
        (OnSilence.GRANTED, 700_000),  # 120 s: 0.6 + 60 x 0.1/60
        (OnSilence.NOTHING, 0),
    ],
)
def test_begun_ones_cost_what_silence_costs_the_others_nothing(on_silence: OnSilence, taken: int) -> None:
    rig = rig_with(policy=Policy(on_silence=on_silence))
    rig.ask(authorize("c1", ask=2 * MINUTE))
    rig.ask(start("c1"))
    rig.ask(update("c1", 30))
    rig.ask(authorize("c2", ask=MINUTE))
    other = granted(rig.ask(authorize("c3", client="other", ask=MINUTE))).session
    assert rig.ask(CloseClient(NAS, "on", "accounting-on")) == Done(2)
    assert (rig.wallet().balance, rig.wallet().held) == (10 * EUR - taken, 600_000)
    assert rig.session(other).state == "authorised"
    rig.proved()


def test_said_again_it_ends_nothing_that_began_since() -> None:
    rig = rig_with()
    rig.ask(authorize("c1", ask=MINUTE))
    closing = CloseClient(NAS, "on:boot-1", "accounting-on", at=rig.clock)
    assert rig.ask(closing) == Done(1)
    session = granted(rig.ask(authorize("c2", ask=MINUTE))).session
    rig.restart()
    assert rig.ask(replace(closing, at=rig.clock + SECOND)) == Done(1)
    assert rig.session(session).state == "authorised"
    assert rig.ask(CloseClient(NAS, "on:boot-2", "accounting-on")) == Done(1)
    assert rig.session(session).state == "closed"


def test_one_machine_of_a_client_takes_only_its_own_along() -> None:
    rig = rig_with()
    sessions = {}
    for machine in ("gw-1", "gw-2"):
        asked = authorize(machine, ask=MINUTE)
        asked = replace(asked, caller=replace(asked.caller, machine=machine))
        sessions[machine] = granted(rig.ask(asked)).session
    assert rig.ask(CloseClient(NAS, "on", "accounting-on", machine="gw-1")) == Done(1)
    assert [rig.session(sessions[machine]).state for machine in ("gw-1", "gw-2")] == ["closed", "authorised"]
    assert rig.ask(CloseClient(NAS, "off", "accounting-off")) == Done(1)


def test_the_machine_that_reports_the_start_is_the_one_that_has_the_call() -> None:
    rig = rig_with()
    session = granted(rig.ask(authorize(ask=MINUTE))).session
    begun = start()
    rig.ask(replace(begun, caller=replace(begun.caller, machine="gw-1")))
    assert rig.ask(CloseClient(NAS, "on", "accounting-on", machine="gw-2")) == Done(0)
    assert rig.ask(CloseClient(NAS, "on2", "accounting-on", machine="gw-1")) == Done(1)
    assert rig.session(session).state == "closed"


def test_a_stop_that_comes_after_all_posts_the_difference() -> None:
    rig = rig_with()
    rig.ask(authorize(ask=2 * MINUTE))
    rig.ask(start())
    rig.ask(CloseClient(NAS, "on", "accounting-on"))
    assert settled(rig.ask(stop(seconds=85))).cost == 641_700
    rig.proved()


def test_many_end_a_slice_a_turn_and_the_answer_comes_with_the_last() -> None:
    """300 sessions are three slices of 128 at most; others are served between them, and a call begun then stays."""
    rig = rig_with(opening=1000 * EUR)
    for call in range(300):
        rig.submit(authorize(f"c{call}", ask=MINUTE))
    rig.turn()
    done = rig.submit(CloseClient(NAS, "on", "accounting-on"))
    rig.soon.pop(0)()
    fresh = rig.submit(authorize("fresh", ask=MINUTE))
    rig.soon.pop(0)()
    assert (done, rig.engine.book.open_sessions()) == ([], 300 - 2 * 128 + 1)
    session = granted(fresh[0]).session
    rig.turn()
    assert done == [Done(300)]
    assert rig.session(session).state == "authorised"
    assert rig.wallet().held == 600_000
    rig.proved()


def test_cut_short_by_a_crash_it_is_ended_by_the_repeat() -> None:
    rig = rig_with(opening=1000 * EUR)
    for call in range(200):
        rig.submit(authorize(f"c{call}", ask=MINUTE))
    rig.turn()
    done = rig.submit(CloseClient(NAS, "on", "accounting-on"))
    rig.soon.pop(0)()
    rig.restart()
    assert done == []
    assert rig.ask(CloseClient(NAS, "on", "accounting-on")) == Done(200 - 128)
    assert rig.wallet().held == 0
    rig.proved()


def test_a_clean_stop_ends_what_was_begun() -> None:
    rig = rig_with(opening=1000 * EUR)
    for call in range(200):
        rig.submit(authorize(f"c{call}", ask=MINUTE))
    rig.turn()
    done = rig.submit(CloseClient(NAS, "on", "accounting-on"))
    rig.engine.finish()
    assert done == [Done(200)]


def test_one_damaged_wallet_keeps_the_others_in_no_session() -> None:
    rig = rig_with()
    rig.ask(CreateWallet("api", "1002", "make-1002", "EUR", 10 * EUR))
    rig.ask(authorize("c1", ask=MINUTE))
    rig.ask(authorize("c2", name="1002", ask=MINUTE))
    entry = rig.store.entries[WALLET, b"1001"]
    rig.store.entries[WALLET, b"1001"] = replace(entry, image=b"\x01")
    rig.restart()
    assert rig.ask(CloseClient(NAS, "on", "accounting-on")) == Done(1)
    assert rig.wallet("1002").held == 0
