"""Which "no" is said where several are true: the list of values/refusals.py in its order."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from tests.engine.rig import EUR, Rig, authorize, granted, refusal, rig_with, start, update
from tests.snapshot_dict import DictSnapshot, demo_snapshot

from tollhouse.values.commands import (
    Authorize,
    Caller,
    ChangeWallet,
    Charge,
    CreateWallet,
    Pap,
    Quote,
    Recharge,
    Refund,
    Service,
)
from tollhouse.values.instants import HOUR, LAST, SECOND
from tollhouse.values.money import Amount
from tollhouse.values.refusals import NEVER_STORED, RETRY_MAY_HELP, Refusal

API = Caller("api", wallet="1001")


def without(what: str, snapshot: DictSnapshot) -> None:
    """Take one thing that an authorisation needs away from the configuration."""
    account = snapshot.accounts["1001"]
    if what == "account":
        del snapshot.accounts["1001"]
    elif what == "enabled":
        snapshot.accounts["1001"] = replace(account, enabled=False)
    elif what == "wallet":
        snapshot.accounts["1001"] = replace(account, wallet="nobody")
    elif what == "rate":
        snapshot.profiles.clear()
    elif what == "route":
        snapshot.carrier_rates.clear()
    elif what == "unit":
        profile = snapshot.profiles["demo", "call", Service.VOICE, "*any"]
        snapshot.profiles["demo", "call", Service.VOICE, "*any"] = replace(profile, unit="USD")


LADDER = [
    ("account", Refusal.UNKNOWN_ACCOUNT),
    ("password", Refusal.BAD_PASSWORD),
    ("enabled", Refusal.ACCOUNT_DISABLED),
    ("wallet", Refusal.UNKNOWN_WALLET),
    ("suspended", Refusal.WALLET_SUSPENDED),
    ("expired", Refusal.WALLET_EXPIRED),
    ("rate", Refusal.NO_RATE),
    ("route", Refusal.NO_ROUTE),
    ("unit", Refusal.UNIT_MISMATCH),
    ("money", Refusal.NO_FUNDS),
]


@pytest.mark.parametrize("rung", range(len(LADDER)))
def test_of_all_that_is_wrong_the_first_is_answered(rung: int) -> None:
    """All from this rung down is wrong at once."""
    wrong = [name for name, _ in LADDER[rung:]]
    snapshot = demo_snapshot()
    for what in reversed(wrong):
        without(what, snapshot)
    rig = rig_with(opening=0 if "money" in wrong else 10 * EUR, snapshot=snapshot)
    if "suspended" in wrong:
        rig.ask(ChangeWallet("api", "1001", "suspend", state="suspended"))
    if "expired" in wrong:
        rig.ask(ChangeWallet("api", "1001", "expire", expiry=rig.clock))
    password = b"wrong" if "password" in wrong else b"secret"
    asked = Authorize(Caller("nas", name="1001", proof=Pap(password)), "a", ("c1",), Service.VOICE, "4420", routes=True)
    assert refusal(rig.ask(asked)) is LADDER[rung][1]


def test_the_list_is_in_this_order() -> None:
    order = list(Refusal)
    ladder = [kind for _, kind in LADDER]
    assert sorted(ladder, key=order.index) == ladder


@pytest.mark.parametrize(
    ("opening", "credit", "kind"),
    [
        (0, 0, Refusal.NO_FUNDS),
        (599_999, 0, Refusal.INSUFFICIENT_FUNDS),
        (0, 599_999, Refusal.INSUFFICIENT_FUNDS),
    ],
)
def test_which_lack_of_money(opening: int, credit: int, kind: Refusal) -> None:
    rig = rig_with(opening=opening, credit=credit)
    assert refusal(rig.ask(authorize())) is kind
    assert rig.wallet().held == 0


def test_the_smallest_money_that_pays_a_call_is_granted() -> None:
    grant = granted(rig_with(opening=600_000).ask(authorize()))
    assert (grant.granted, grant.final) == (60 * SECOND, True)


def test_a_used_up_credit_limit() -> None:
    rig = rig_with(opening=0, credit=600_000)
    grant = granted(rig.ask(authorize()))
    assert (grant.granted, grant.credit_limit, grant.funds, grant.balance) == (60 * SECOND, 600_000, 600_000, 0)
    assert refusal(rig.ask(authorize("c2"))) is Refusal.CREDIT_LIMIT


def test_a_suspended_wallet_settles_what_runs() -> None:
    rig = rig_with()
    rig.ask(authorize())
    rig.ask(ChangeWallet("api", "1001", "suspend", state="suspended"))
    rig.ask(start())
    granted(rig.ask(update(seconds=30)))
    assert rig.wallet().balance == 9_400_000
    rig.ask(ChangeWallet("api", "1001", "resume", state="active"))
    granted(rig.ask(authorize("c2", ask=0)))


@pytest.mark.parametrize(
    "command",
    [
        Charge(API, "k", Amount(-1, "EUR")),
        Charge(Caller("api", wallet="nobody"), "k", Amount(-1, "EUR")),
        Charge(API, "k", called="1", units=0),
        Refund(API, "k", Amount(-1, "EUR")),
        Recharge("api", "1001", "k", Amount(0, "EUR")),
        Recharge("api", "nobody", "k", Amount(0, "EUR")),
        Recharge("api", "1001", "k", Amount(1, "EUR"), "unheard-of"),
        Recharge("api", "1001", "k", Amount(1, "EUR"), expiry=1),
        Recharge("api", "1001", "k", Amount(1, "EUR"), expiry=1 << 63),
        Recharge("api", "1001", "k", Amount(1, "EUR"), start=LAST, expiry=LAST - HOUR),
        CreateWallet("api", "", "k", "EUR"),
        CreateWallet("api", "x" * 201, "k", "EUR"),
        CreateWallet("api", "a\0b", "k", "EUR"),
        CreateWallet("api", "1001", "k", "EUR", opening=-1),
        CreateWallet("api", "1001", "k", "EUR", credit_limit=-1),
        CreateWallet("api", "1004", "k", "GBP"),
        ChangeWallet("api", "1001", "k", credit_limit=-1),
        ChangeWallet("api", "1001", "k", state="quarantined"),
        ChangeWallet("api", "1001", "k", expiry=-1),
        Quote("demo", "call", "1001", Service.VOICE, "4420", -1),
        Quote("demo", "call", "1001", Service.VOICE, "4420", 1, LAST + 1),
        replace(authorize(), ask=-1),
        replace(update(), more=-1),
        update(seconds=-1),
    ],
)
def test_what_makes_no_sense_is_invalid_and_moves_nothing(command: Charge) -> None:
    rig = rig_with()
    before = rig.wallet()
    assert refusal(rig.ask(command)) is Refusal.INVALID
    assert rig.wallet() == before
    assert rig.tally.counts.get(("engine_bugs", ""), 0) == 0


def test_other_names_and_units() -> None:
    rig = rig_with()
    assert refusal(rig.ask(CreateWallet("api", "1001", "k", "EUR"))) is Refusal.WALLET_EXISTS
    assert refusal(rig.ask(Charge(API, "k", Amount(1, "USD")))) is Refusal.UNIT_MISMATCH
    assert refusal(rig.ask(Recharge("api", "1001", "k", Amount(1, "USD")))) is Refusal.UNIT_MISMATCH
    assert refusal(rig.ask(Recharge("api", "nobody", "k", Amount(1, "EUR")))) is Refusal.UNKNOWN_WALLET
    assert refusal(rig.ask(ChangeWallet("api", "nobody", "k"))) is Refusal.UNKNOWN_WALLET


def test_a_session_is_not_taken_over_by_another_wallet() -> None:
    rig = rig_with()
    rig.ask(CreateWallet("api", "1002", "make-1002", "EUR", 5 * EUR))
    rig.ask(authorize(begin=True, ask=60 * SECOND))
    assert refusal(rig.ask(authorize(key="other", name="1002"))) is Refusal.CONFLICT
    assert rig.wallet("1002").held == 0


def test_refusals_of_the_moment_may_be_asked_again_and_are_never_kept() -> None:
    assert RETRY_MAY_HELP == NEVER_STORED
    rig: Rig = rig_with()
    rig.engine.admission.draining = True
    assert refusal(rig.ask(authorize())) is Refusal.SHUTTING_DOWN
    rig.engine.admission.draining = False
    granted(rig.ask(authorize()))
