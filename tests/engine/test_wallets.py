"""Wallets: made, topped up, changed; which bucket pays first; money that expires, on time or late."""

from __future__ import annotations

import pytest
from tests.engine.rig import BEGIN, EUR, Rig, authorize, granted, refusal, rig_with, settled, start, stop

from tollhouse.values.commands import Caller, ChangeWallet, Charge, Command, CreateWallet, Recharge, Refund
from tollhouse.values.instants import DAY, SECOND
from tollhouse.values.money import Amount, Unit
from tollhouse.values.outcomes import Posted, Refused, WalletView
from tollhouse.values.refusals import Refusal

API = Caller("api", wallet="1001")


def recharge(
    rig: Rig,
    euros: int,
    kind: str = "cash",
    *,
    start: int = 0,
    expiry: int = 0,
    weight: int = 0,
    reset: bool = False,
) -> Posted:
    """Money in, under a key of its own."""
    key = f"recharge-{rig.store.batches}"
    amount = Amount(euros * EUR, "EUR")
    outcome = rig.ask(Recharge("api", "1001", key, amount, kind, start, expiry, weight, reset))
    assert isinstance(outcome, Posted), outcome
    return outcome


def values(rig: Rig) -> list[tuple[str, int]]:
    """(balance type, value) of each bucket in the order in which they pay."""
    return [(bucket.balance_type, bucket.value) for bucket in rig.wallet().buckets]


def charge(rig: Rig, amount: int) -> None:
    """Take an amount at once."""
    outcome = rig.ask(Charge(API, f"charge-{rig.store.batches}", Amount(amount, "EUR")))
    assert isinstance(outcome, Posted), outcome


def test_a_new_wallet() -> None:
    rig = rig_with(opening=0)
    made = rig.ask(CreateWallet("api", "1004", "k", "EUR", 5 * EUR, 3 * EUR))
    assert isinstance(made, WalletView)
    assert (made.balance, made.available, made.credit_limit, made.records) == (5 * EUR, 8 * EUR, 3 * EUR, 1)
    assert (made.tenant, made.state, made.unit, made.decimals) == ("demo", "active", "EUR", 6)


@pytest.mark.parametrize("opening", [0, 5 * EUR])
def test_no_wallet_is_made_before_the_balance_type_cash_is_configured(opening: int) -> None:
    """Its own money is cash: made before, it would have no place in the cascade. A recharge says the same."""
    rig = Rig()
    cash = rig.snapshot.balance_types.pop("cash")
    early = rig.ask(CreateWallet("api", "1004", "k", "EUR", opening))
    assert early == Refused(Refusal.INVALID, "balance type 'cash' is not configured")
    assert early == rig.ask(Recharge("api", "1004", "r", Amount(EUR, "EUR")))
    rig.snapshot.balance_types["cash"] = cash
    assert isinstance(rig.ask(CreateWallet("api", "1004", "k", "EUR", opening)), WalletView)


def test_opening_money_is_in_the_unit_of_cash() -> None:
    """As a recharge is; a wallet in another unit begins empty."""
    rig = Rig()
    rig.snapshot.units["USD"] = Unit("USD", 2)
    assert refusal(rig.ask(CreateWallet("api", "1004", "k", "USD", 500))) is Refusal.UNIT_MISMATCH
    assert isinstance(rig.ask(CreateWallet("api", "1004", "k", "USD")), WalletView)
    assert refusal(rig.ask(Recharge("api", "1004", "r", Amount(500, "USD")))) is Refusal.UNIT_MISMATCH


def test_buckets_pay_by_cascade_then_weight_then_expiry_and_those_that_never_expire_last() -> None:
    """Bonus is before cash in the cascade of the demo."""
    rig = rig_with(opening=EUR)
    recharge(rig, 2, "cash", expiry=BEGIN + 9 * DAY)
    recharge(rig, 3, "bonus")
    recharge(rig, 4, "bonus", expiry=BEGIN + 8 * DAY)
    recharge(rig, 5, "bonus", expiry=BEGIN + 7 * DAY)
    recharge(rig, 6, "bonus", expiry=BEGIN + 9 * DAY, weight=10)
    assert [value // EUR for _, value in values(rig)] == [6, 5, 4, 3, 2, 1]
    charge(rig, 12 * EUR)
    assert [value // EUR for _, value in values(rig)] == [0, 0, 3, 3, 2, 1]
    rig.proved()


def test_the_same_kind_start_expiry_and_weight_is_the_same_bucket() -> None:
    rig = rig_with(opening=EUR)
    for _ in range(2):
        recharge(rig, 2, "cash")
        recharge(rig, 3, "bonus", expiry=BEGIN + DAY)
    assert values(rig) == [("bonus", 6 * EUR), ("cash", 5 * EUR)]


def test_a_bucket_pays_from_its_start_until_its_expiry() -> None:
    rig = rig_with(opening=0)
    recharge(rig, 2, "bonus", start=BEGIN + 100 * SECOND, expiry=BEGIN + 200 * SECOND)
    assert refusal(rig.ask(authorize())) is Refusal.NO_FUNDS
    rig.later(99)
    assert rig.wallet().available == 0
    rig.later(1)
    assert rig.wallet().available == 2 * EUR
    rig.later(99)
    assert rig.wallet().available == 2 * EUR
    rig.later(1)
    assert (rig.wallet().available, rig.wallet().balance) == (0, 0)


def test_a_cascade_pays_a_call_and_the_record_says_from_where() -> None:
    """As oracle 46: 0.6 is needed; bonus gives its 0.5, cash the rest."""
    rig = rig_with(opening=EUR)
    rig.ask(Recharge("api", "1001", "r", Amount(500_000, "EUR"), "bonus"))
    rig.ask(authorize(ask=60 * SECOND))
    rig.ask(start())
    rig.ask(stop(seconds=60))
    assert values(rig) == [("bonus", 0), ("cash", 900_000)]
    assert [(posting.bucket, posting.amount) for posting in rig.records()[-1].postings] == [
        (2, -500_000),
        (1, -100_000),
    ]
    rig.proved()


def test_a_reset_takes_what_is_free_of_the_balance_type_and_nothing_else() -> None:
    rig = rig_with(opening=10 * EUR)
    recharge(rig, 3, "bonus")
    assert recharge(rig, 5, "cash", reset=True).balance == 8 * EUR
    assert values(rig) == [("bonus", 3 * EUR), ("cash", 5 * EUR)]
    counters = {posting.counter: posting.amount for posting in rig.records()[-1].postings}
    assert counters == {"expiry": -10 * EUR, "issue": 5 * EUR}
    rig.proved()


def test_a_reset_leaves_what_a_call_holds() -> None:
    rig = rig_with(opening=10 * EUR)
    rig.ask(authorize(ask=60 * SECOND))
    recharge(rig, 5, "cash", reset=True)
    assert (rig.wallet().balance, rig.wallet().held) == (5_600_000, 600_000)
    rig.ask(start())
    assert settled(rig.ask(stop(seconds=60))).overdrawn == 0
    assert rig.wallet().balance == 5 * EUR
    rig.proved()


ACTS: list[Command] = [
    Charge(API, "k", Amount(EUR, "EUR")),
    Refund(API, "k", Amount(EUR, "EUR")),
    Recharge("api", "1001", "k", Amount(EUR, "EUR")),
    Recharge("api", "1001", "k", Amount(EUR, "EUR"), "bonus", reset=True),
    authorize(ask=60 * SECOND),
    stop(seconds=85),
    Charge(API, "k", Amount(7 * EUR, "EUR")),
]


@pytest.mark.parametrize("act", ACTS)
def test_money_that_expired_is_gone_whether_or_not_it_was_swept(act: Command) -> None:
    """The same answer, and the same wallet in the end."""
    ends = []
    for swept in (True, False):
        rig = rig_with(opening=5 * EUR)
        recharge(rig, 3, "bonus", expiry=BEGIN + DAY)
        rig.later(86_400)
        if swept:
            assert rig.sweep() == 1
        outcome = rig.ask(act)
        shown = (outcome.balance, outcome.amount) if isinstance(outcome, Posted) else type(outcome)
        rig.sweep()
        view = rig.wallet()
        ends.append((shown, view.balance, view.held, view.available, [bucket.value for bucket in view.buckets]))
        rig.proved()
    assert ends[0] == ends[1]


def test_a_call_keeps_what_it_held_of_money_that_expires() -> None:
    rig = rig_with(opening=0)
    recharge(rig, 2, "bonus", expiry=BEGIN + 30 * SECOND)
    rig.ask(authorize(ask=60 * SECOND))
    rig.ask(start())
    assert rig.sweep(30) == 1
    assert (rig.wallet().balance, rig.wallet().held) == (600_000, 600_000)
    ended = settled(rig.ask(stop(seconds=60)))
    assert (ended.cost, ended.overdrawn) == (600_000, 0)
    rig.sweep()
    assert [bucket.balance_type for bucket in rig.wallet().buckets] == ["cash"]
    rig.proved()


def test_what_a_call_gives_back_of_expired_money_expires_then() -> None:
    rig = rig_with(opening=0)
    recharge(rig, 2, "bonus", expiry=BEGIN + 30 * SECOND)
    rig.ask(authorize())
    rig.ask(start())
    rig.sweep(30)
    assert rig.wallet().balance == 2 * EUR
    assert settled(rig.ask(stop(seconds=60))).cost == 600_000
    assert rig.wallet().balance == 0
    assert [record.kind for record in rig.records()] == ["open", "recharge", "session", "expiry"]
    rig.proved()


def test_a_wallet_past_its_expiry_begins_nothing_and_has_forfeited_what_is_free() -> None:
    """A call that runs keeps what it holds: 0.6 for 60 s of the tutorial's tariff."""
    rig = rig_with()
    rig.ask(ChangeWallet("api", "1001", "k", expiry=BEGIN + DAY))
    rig.later(86_399)
    granted(rig.ask(authorize(ask=60 * SECOND)))
    rig.later(1)
    assert refusal(rig.ask(authorize("c2"))) is Refusal.WALLET_EXPIRED
    rig.sweep()
    assert (rig.wallet().state, rig.wallet().balance, rig.wallet().held) == ("terminated", 600_000, 600_000)
    refused = rig.ask(Recharge("api", "1001", "late", Amount(EUR, "EUR")))
    assert refusal(refused) is Refusal.WALLET_EXPIRED
    assert [(record.kind, record.balance) for record in rig.records()][2:] == [("life", 10 * EUR), ("expiry", 600_000)]
    rig.proved()


@pytest.mark.parametrize(("limit", "free"), [(0, 0), (2 * EUR, 2 * EUR)])
def test_a_credit_limit_lengthens_what_may_be_held(limit: int, free: int) -> None:
    rig = rig_with(opening=0)
    rig.ask(ChangeWallet("api", "1001", "k", credit_limit=limit))
    assert rig.wallet().available == free


def test_a_lower_credit_limit_takes_nothing_from_a_call_that_runs() -> None:
    rig = rig_with(opening=0, credit=10 * EUR)
    rig.ask(authorize())
    rig.ask(start())
    rig.ask(ChangeWallet("api", "1001", "k", credit_limit=0))
    assert rig.wallet().available == 0
    ended = settled(rig.ask(stop(seconds=5700)))
    assert (ended.cost, ended.overdrawn, rig.wallet().balance) == (10 * EUR, 0, -10 * EUR)
    rig.proved()


def test_a_charge_takes_all_or_nothing() -> None:
    """As oracle 142: what cannot be paid whole is not paid in part."""
    rig = rig_with(opening=EUR)
    assert refusal(rig.ask(Charge(API, "k", Amount(EUR + 1, "EUR")))) is Refusal.INSUFFICIENT_FUNDS
    assert rig.wallet().balance == EUR
    charge(rig, EUR)
    assert refusal(rig.ask(Charge(API, "k2", Amount(1, "EUR")))) is Refusal.NO_FUNDS
    free = rig.ask(Charge(API, "k3", Amount(0, "EUR")))
    assert isinstance(free, Posted)
    assert free.balance == 0


def test_a_charge_sees_what_calls_hold() -> None:
    """Oracle 31: 10, a call holds 6; a charge of 3 is accepted, one of 5 was not."""
    rig = rig_with()
    rig.ask(authorize(ask=3300 * SECOND))  # 0.6 + 3240 x 0.1/60 = 6
    assert refusal(rig.ask(Charge(API, "five", Amount(5 * EUR, "EUR")))) is Refusal.INSUFFICIENT_FUNDS
    charge(rig, 3 * EUR)
    assert rig.wallet().available == EUR
