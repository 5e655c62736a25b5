"""Faults that the model of living wallets found, by hand: what a late word, a group or a late sweep must not change."""

from __future__ import annotations

from tests.engine.rig import EUR, NAS, Rig, granted, settled, stop
from tests.engine.test_discounts import call as cheap_call
from tests.engine.test_discounts import of_type, put, rig_of
from tests.snapshot_dict import demo_snapshot

from tollhouse.engine.policy import OnSilence, Policy
from tollhouse.snapshot.accounts import BalanceType, Category
from tollhouse.values.commands import (
    Authorize,
    Caller,
    CreateWallet,
    Delta,
    Recharge,
    Service,
    Transfer,
    Update,
)
from tollhouse.values.instants import SECOND
from tollhouse.values.money import Amount
from tollhouse.values.outcomes import Posted
from tollhouse.values.uses import Use


def test_the_greedy_share_of_a_member_counts_its_group_once() -> None:
    """Two sessions at a time; the group has 20 EUR, a cent a second: 2000 s, so 600 are one session's part of it."""
    snapshot = demo_snapshot()
    snapshot.balance_types["shared"] = BalanceType("shared", "EUR", 5)
    rig = Rig(snapshot=snapshot)
    family = Use(groups=("family",))
    for name, limit, cents in (("1001", 2, 1), ("1002", 0, 1999)):
        rig.ask(CreateWallet("api", name, f"make-{name}", "EUR", max_sessions=limit))
        rig.ask(Recharge("api", name, f"share-{name}", Amount(cents * 10_000, "EUR"), "shared", use=family))
    asked = Authorize(Caller(NAS, name="1001"), "a", ("c1",), Service.VOICE, "33123", ask=600 * SECOND, begin=True)
    assert granted(rig.ask(asked)).granted == 600 * SECOND


def tracked(on_silence: OnSilence) -> Rig:
    rig = rig_of()
    rig.snapshot.balance_types["talked"] = BalanceType("talked", "S", 31, "voice", SECOND, Category.TRACKER)
    rig = Rig(snapshot=rig.snapshot, policy=Policy(on_silence=on_silence))
    rig.ask(CreateWallet("api", "1001", "make", "EUR", 10 * EUR, balance_types=("talked",)))
    return rig


def test_a_tracker_counts_what_a_late_stop_says() -> None:
    """60 s are granted, 20 reported, then silence: `granted` charges 60. The Stop says 30: 30 were talked."""
    for on_silence in OnSilence:
        rig = tracked(on_silence)
        granted(cheap_call(rig, 60))
        rig.ask(Update(Caller(NAS, name="1001"), "u", ("c1",), Delta(20 * SECOND), called="4420"))
        rig.sweep(4000)
        assert settled(rig.ask(stop("c1", 30))).usage == 30 * SECOND
        assert of_type(rig, "talked") == 30, on_silence


def test_usage_that_is_paid_at_the_end_has_the_wallet_s_discount() -> None:
    """60 s are granted at full price; then the wallet gets 20 % off (club); another 60 s are used. They cost 0.80."""
    rig = rig_of()
    granted(cheap_call(rig, 60))
    rig.ask(Update(Caller(NAS, name="1001"), "u", ("c1",), Delta(60 * SECOND), called="4420"))
    put(rig, "club", 1, "EUR")
    assert settled(rig.ask(stop("c1", 120))).cost == EUR + 800_000


def test_a_transfer_is_not_refused_for_what_a_silent_session_holds() -> None:
    """A late sweep changes no result: 1001's 10 EUR are held by a session that never began, past its set-up window."""
    rig = rig_of()
    rig.ask(CreateWallet("api", "1002", "make2", "EUR"))
    caller = Caller(NAS, name="1001")
    granted(rig.ask(Authorize(caller, "a", ("c1",), Service.VOICE, "4420", ask=600 * SECOND)))
    rig.later(61)
    sent = rig.ask(Transfer("api", "1001", "1002", "t", Amount(10 * EUR, "EUR")))
    assert isinstance(sent, Posted)
