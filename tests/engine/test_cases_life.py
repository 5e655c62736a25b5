"""Requirement oracle_vws 7.5 through the whole engine: activation, sleep, the ends of buckets and wallets, removal."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from tests.engine.cases_rig import (
    LIT,
    commit,
    cost,
    dates,
    event,
    filled,
    initial,
    kinds,
    made,
    posted,
    recharge,
    rig_of,
    seconds,
    values,
    world,
)
from tests.engine.rig import Rig, refusal

from tollhouse.snapshot.accounts import BalanceType, Category
from tollhouse.snapshot.products import Batch, Product, Promotion
from tollhouse.snapshot.rules import ActivationRules, Edge, ExpiryRules, Recorded, Rules
from tollhouse.values.commands import ChangeWallet, CreateWallet, Inspect, Transfer
from tollhouse.values.instants import DAY, parse_instant
from tollhouse.values.money import Amount
from tollhouse.values.outcomes import Refused, WalletView
from tollhouse.values.recharges import ExpiryPolicy, Line, Validity
from tollhouse.values.refusals import Refusal

GIFT = BalanceType("gift", LIT, 2)
SPENT = BalanceType("spent", LIT, 3, category=Category.EXPENDITURE)
TRIAL = BalanceType("trial", LIT, 4, deletable=True)
KEPT = BalanceType("kept", LIT, 5, deletable=False)
PRODUCT = Product("p", initial=90 * DAY, promotions=(Promotion("gift", 500, 30 * DAY),))
ACTIVATED = "2026-01-31T10:00:00Z"
TYPES = (GIFT, SPENT, TRIAL, KEPT)


def rig_with(rules: Rules | None = None, product: Product = PRODUCT, at: str = ACTIVATED) -> Rig:
    """A PreUse wallet of 100 under this product."""
    rig = rig_of(world(rules, products=(product,), types=TYPES), at=at)
    made(rig, 100, product=product.name)
    return rig


def until(day: str) -> Validity:
    """An absolute date, midnight UTC."""
    return Validity(ExpiryPolicy.ABSOLUTE, date=parse_instant(f"{day}T00:00:00Z"))


def go_to(rig: Rig, at: str) -> None:
    """Time passes until then, and nothing happens."""
    rig.clock = parse_instant(at)


def swept(rig: Rig) -> None:
    """Whatever is due is done."""
    while rig.sweep():
        pass


def ended(rig: Rig) -> list[int]:
    """What the records of expiries took, each."""
    return [-sum(one.amount for one in record.postings) for record in rig.records() if record.kind == "expiry"]


@pytest.mark.parametrize("use", ["ir", "ne", "recharge"])
def test_case_60_the_first_use_dates_the_wallet_and_credits_the_promotion(use: str) -> None:
    """2026-01-31T10:00Z + 90 days = 2026-05-01T10:00Z; the gift + 30 days = 2026-03-02T10:00Z."""
    rig = rig_with()
    assert (rig.wallet().state, rig.wallet().expiry, rig.wallet().balance) == ("preuse", 0, 100)
    if use == "ir":
        assert seconds(rig.ask(initial())) == 600
    elif use == "ne":
        posted(rig.ask(event(0)))
    else:
        posted(rig.ask(recharge(rig, Line("cash", 0, Validity()), Line("cash", 1))))
    shown = rig.wallet()
    assert (shown.state, shown.expiry) == ("active", parse_instant("2026-05-01T10:00:00Z"))
    assert dates(rig) == {2: "2026-03-02T10:00:00Z", 1: ""}
    assert values(rig) == {2: 500, 1: 100 + (use == "recharge")}
    assert "activation" in kinds(rig)
    rig.restart()
    assert rig.wallet() == shown
    rig.proved()


def activated(rules: ActivationRules, expiry: str = "", *, gift: str = "", product: Product = PRODUCT) -> Rig:
    """A wallet with these dates of its own and of a bucket of the type bonus, after its first use."""
    rig = rig_of(world(products=(product,), types=TYPES), at=ACTIVATED)
    made(rig, 100, product="p")
    if expiry:
        rig.ask(ChangeWallet("api", "1001", "date", expiry=parse_instant(f"{expiry}T00:00:00Z")))
    rig.snapshot.tenant_rules["demo"] = Rules(activation=rules)
    if gift:
        dated = Line("bonus", 7, until(gift) if gift != "never" else Validity())
        posted(rig.ask(recharge(rig, dated)))
    else:
        posted(rig.ask(event(1)))
    assert rig.wallet().state == "active"
    rig.proved()
    return rig


@pytest.mark.parametrize(("overwrites", "after"), [(False, "2026-12-31T00:00:00Z"), (True, "2026-05-01T10:00:00Z")])
def test_case_61_a_wallet_that_has_a_date(overwrites: bool, after: str) -> None:
    """Its own is 2026-12-31: it keeps the later one, or gets the product's."""
    rig = activated(ActivationRules(overwrites_wallet_expiry=overwrites), "2026-12-31")
    assert rig.wallet().expiry == parse_instant(after)


@pytest.mark.parametrize(("dates_it", "after"), [(True, "2026-05-01T10:00:00Z"), (False, "")])
def test_case_62_a_wallet_that_never_expires(dates_it: bool, after: str) -> None:
    rig = activated(ActivationRules(dates_undated_wallet=dates_it))
    assert rig.wallet().expiry == (parse_instant(after) if after else 0)


@pytest.mark.parametrize(
    ("overwrites", "dates_undated", "own", "after"),
    [
        (False, False, "2026-12-31", "2026-12-31T00:00:00Z"),
        (True, False, "2026-12-31", "2026-02-10T10:00:00Z"),
        (False, True, "never", "2026-02-10T10:00:00Z"),
        (False, False, "never", ""),
    ],
)
def test_case_63_a_bucket_by_its_own_two_flags(overwrites: bool, dates_undated: bool, own: str, after: str) -> None:
    """Buckets of bonus last ten days from 2026-01-31T10:00Z. The wallet's flags stand the other way round."""
    product = replace(PRODUCT, bucket_lasts=(("bonus", 10 * DAY),), promotions=())
    rules = ActivationRules(not overwrites, not dates_undated, overwrites, dates_undated)
    rig = activated(rules, gift=own, product=product)
    assert dates(rig) == {2: after, 1: ""}


def test_case_64_a_domain_that_only_tracks() -> None:
    """The gift is of no type that tracks: activation leaves it out. The gift of a type of expenditure is given."""
    product = replace(PRODUCT, promotions=(Promotion("gift", 500), Promotion("spent", 3)))
    rig = rig_with(Rules(activation=ActivationRules(tracking_only=True)), product)
    rig.ask(event(1))
    assert [(one.balance_type, one.value) for one in rig.wallet().buckets] == [("spent", 3), ("cash", 99)]
    rig.proved()


def in_batch(batch: Batch) -> Rig:
    rig = rig_of(world(products=(PRODUCT,), batches=(batch,), types=TYPES), at=ACTIVATED)
    made(rig, 100, product="p", batch=batch.name)
    return rig


@pytest.mark.parametrize("by", ["query", "sweep", "ir"])
def test_case_65_its_batch_has_expired(by: str) -> None:
    """Whoever asks finds it expired, with its record; a query writes nothing, so there the sweep leaves the record."""
    rig = in_batch(Batch("b", "p", expiry=parse_instant("2026-02-01T00:00:00Z")))
    go_to(rig, "2026-01-31T23:59:59Z")
    assert (rig.sweep(), rig.wallet().state) == (0, "preuse")
    go_to(rig, "2026-02-01T00:00:00Z")
    if by == "query":
        assert rig.wallet().state == "terminated"
    if by == "ir":
        assert refusal(rig.ask(initial())) is Refusal.WALLET_EXPIRED
    swept(rig)
    assert (rig.wallet().state, rig.wallet().balance) == ("terminated", 0)
    assert kinds(rig) == ["open", "life", "expiry"]
    assert "cause=batch_expired" in rig.records()[1].note
    rig.proved()


def test_case_66_its_batch_is_inactive() -> None:
    """Whatever is asked is refused, and it stays as it was; as soon as the batch is active it is used."""
    rig = in_batch(Batch("b", "p", active=False))
    made(rig, 100, name="1002")
    before = rig.wallet()
    gift = Transfer("api", "1002", "1001", "t", Amount(5, LIT))
    for command in (initial(), event(1), recharge(rig, Line("cash", 5), key="r"), gift):
        assert refusal(rig.ask(command)) is Refusal.WALLET_SUSPENDED
        assert rig.wallet() == before
    assert (before.state, kinds(rig)) == ("preuse", ["open"])
    rig.snapshot.batches["demo", "b"] = Batch("b", "p")
    assert seconds(rig.ask(initial("c2"))) == 600
    assert rig.wallet().state == "active"
    rig.proved()


SLEEPS = Product("p", dormant=90 * DAY, terminated=30 * DAY)


def asleep() -> Rig:
    """Last used on 2026-01-01T00:00Z."""
    rig = rig_with(product=SLEEPS, at="2026-01-01T00:00:00Z")
    posted(rig.ask(event(1)))
    return rig


@pytest.mark.parametrize("by", ["query", "sweep"])
def test_case_67_unused_for_90_days_it_sleeps(by: str) -> None:
    rig = asleep()
    for at, state in (("2026-03-31T23:59:00Z", "active"), ("2026-04-01T00:00:00Z", "dormant")):
        go_to(rig, at)
        if by == "sweep":
            swept(rig)
        assert rig.wallet().state == state
    swept(rig)
    assert "due=2026-04-01T00:00:00Z" in rig.records()[-1].note
    go_to(rig, "2026-05-01T00:00:00Z")
    assert rig.wallet().state == "terminated"
    rig.proved()


@pytest.mark.parametrize("late", [True, False])
def test_case_68_a_use_wakes_it(late: bool) -> None:
    """In the transaction of the use, whether it was swept before or not; its 90 days begin anew with the use."""
    rig = asleep()
    go_to(rig, "2026-04-10T00:00:00Z")
    if not late:
        swept(rig)
    assert seconds(rig.ask(initial())) == 99
    assert rig.wallet().state == "active"
    assert cost(rig.ask(commit(used=9))) == 9
    assert kinds(rig) == ["open", "activation", "charge", "life", "life", "session"]
    go_to(rig, "2026-07-08T23:59:59Z")
    assert rig.wallet().state == "active"
    go_to(rig, "2026-07-09T00:00:00Z")
    assert rig.wallet().state == "dormant"
    rig.proved()


@pytest.mark.parametrize(("best", "sleeps"), [(True, "2026-04-01T00:00:00Z"), (False, "2026-01-31T00:00:00Z")])
def test_case_69_a_wallet_of_two_products_sleeps_by_the_longer_period(best: bool, sleeps: str) -> None:
    """Last used on 2026-01-01T00:00Z, under products that sleep after 30 and after 90 days: after 90 it does. Where the
    rules say so, its own product's 30 count."""
    rules = Rules(expiry=ExpiryRules(best_periods=best))
    own, other = Product("p", dormant=30 * DAY), Product("other", dormant=90 * DAY)
    rig = rig_of(world(rules, products=(own, other), types=TYPES), at="2026-01-01T00:00:00Z")
    new = CreateWallet("api", "1001", "make", LIT, 100, product="p", other_products=("other",))
    assert isinstance(made := rig.ask(new), WalletView)
    assert made.other_products == ("other",)
    posted(rig.ask(event(1)))
    go_to(rig, sleeps)
    rig.later(-1)
    swept(rig)
    assert rig.wallet().state == "active"
    rig.restart()
    go_to(rig, sleeps)
    swept(rig)
    assert rig.wallet().state == "dormant"
    assert rig.records()[-1].note.endswith(f"due={sleeps}")
    rig.proved()


def test_case_69_an_account_of_another_product_joins_and_leaves() -> None:
    """Under 30 days alone it would sleep from 2026-01-31 on; from 20 January to 10 March an account of 90 days shares
    it, so it is awake until that account leaves, and asleep from 31 January on again."""
    own, other = Product("p", dormant=30 * DAY), Product("other", dormant=90 * DAY)
    rig = rig_of(world(products=(own, other), types=TYPES), at="2026-01-01T00:00:00Z")
    made(rig, 100, product="p")
    posted(rig.ask(event(1)))
    go_to(rig, "2026-01-20T00:00:00Z")
    joined = rig.ask(ChangeWallet("api", "1001", "join", other_products=("other",), note="a second card"))
    assert isinstance(joined, WalletView)
    assert (joined.product, joined.other_products) == ("p", ("other",))
    assert rig.records()[-1].note.endswith(" other_products=other a second card")
    go_to(rig, "2026-03-10T00:00:00Z")
    swept(rig)
    rig.ask(ChangeWallet("api", "1001", "limit", credit_limit=5))
    assert (rig.wallet().state, rig.wallet().other_products) == ("active", ("other",))
    left = rig.ask(ChangeWallet("api", "1001", "leave", other_products=()))
    assert isinstance(left, WalletView)
    assert left.other_products == ()
    swept(rig)
    assert rig.wallet().state == "dormant"
    assert "due=2026-01-31T00:00:00Z" in rig.records()[-1].note
    rig.proved()


@pytest.mark.parametrize(
    ("product", "others", "why"),
    [
        ("", ("p",), "beside the wallet's own"),
        ("p", ("p",), "different ones"),
        ("p", ("q", "q"), "different ones"),
        ("p", ("q", "none"), "'none' is not configured"),
    ],
)
def test_other_products_that_cannot_be(product: str, others: tuple[str, ...], why: str) -> None:
    rig = rig_of(world(products=(Product("p"), Product("q")), types=TYPES))
    new = CreateWallet("api", "1001", "make", LIT, product=product, other_products=others)
    made(rig, product=product, name="1002")
    for refused in (rig.ask(new), rig.ask(ChangeWallet("api", "1002", "change", other_products=others))):
        assert isinstance(refused, Refused)
        assert (refused.refusal, why in refused.detail) == (Refusal.INVALID, True)
    assert kinds(rig, "1002") == ["open"]


GOES = Product("p", dormant=10 * DAY, terminated=10 * DAY, removed=10 * DAY)


def terminated(rules: Rules) -> Rig:
    """Used on 2026-04-10T15:00Z, asleep ten days later, terminated on 2026-04-30T15:00Z, to go on 2026-05-10T15:00Z."""
    rig = rig_with(rules, GOES, "2026-04-10T15:00:00Z")
    filled(rig, 30, "bonus")
    filled(rig, 7, "trial", until("2026-12-31"))
    go_to(rig, "2026-04-30T15:00:00Z")
    swept(rig)
    assert rig.wallet().state == "terminated"
    return rig


def there(rig: Rig) -> bool:
    """Whether the wallet answers."""
    return isinstance(rig.ask(Inspect("api", wallet="1001")), WalletView)


def test_case_71_the_removal_is_only_listed() -> None:
    """It is in the list, once, and still answers."""
    rig = terminated(Rules(expiry=ExpiryRules(removal_is_only_listed=True)))
    go_to(rig, "2026-05-10T15:00:00Z")
    swept(rig)
    assert [record.note for record in rig.records()][-1] == "removal listed=True due=2026-05-10T15:00:00Z"
    rig.sweep(400 * 86_400)
    assert there(rig)
    assert kinds(rig).count("life") == 3
    rig.proved()


def test_case_71_the_removal_is_done() -> None:
    """All rows are gone. Disuse forfeits nothing before: 100, 30 and 7 go with the wallet, a posting for each bucket
    in the one record of its removal."""
    rig = terminated(Rules(expiry=ExpiryRules(removal_is_only_listed=False)))
    go_to(rig, "2026-05-10T14:59:59Z")
    assert (rig.sweep(), there(rig)) == (0, True)
    go_to(rig, "2026-05-10T15:00:00Z")
    swept(rig)
    assert not there(rig)
    last = rig.records()[-1]
    assert (last.kind, sorted(one.amount for one in last.postings)) == ("removal", [-100, -30, -7])
    assert last.balance == 0
    rig.restart()
    assert not there(rig)


def test_case_81_the_removal_waits_for_midnight() -> None:
    """Due on 2026-05-10T15:00Z: present at 23:59Z, gone at the first sweep from 2026-05-11T00:00Z on."""
    rules = ExpiryRules(removal_is_only_listed=False, remove_at_midnight_zone="GMT0")
    rig = terminated(Rules(expiry=rules))
    go_to(rig, "2026-05-10T23:59:00Z")
    swept(rig)
    assert there(rig)
    go_to(rig, "2026-05-11T00:00:00Z")
    swept(rig)
    assert not there(rig)


def test_a_wallet_that_is_to_go_waits_for_its_open_session() -> None:
    """A call of a wallet that is terminated meanwhile is charged first."""
    rig = rig_with(Rules(expiry=ExpiryRules(removal_is_only_listed=False)), GOES, "2026-04-10T15:00:00Z")
    rig.ask(initial())
    rig.ask(ChangeWallet("api", "1001", "end", state="terminated"))
    go_to(rig, "2026-04-10T15:30:00Z")
    assert cost(rig.ask(commit(used=60))) == 60
    go_to(rig, "2026-04-20T15:00:00Z")
    swept(rig)
    assert not there(rig)


@pytest.mark.parametrize(("states", "left"), [("AD", 50), ("ADS", 0)])
def test_case_72_a_suspended_wallets_bucket(states: str, left: int) -> None:
    rig = rig_of(world(Rules(expiry=ExpiryRules(wallet_states=states)), types=TYPES), at=ACTIVATED)
    made(rig)
    filled(rig, 50, "bonus", until("2026-02-10"))
    rig.ask(ChangeWallet("api", "1001", "s", state="suspended"))
    go_to(rig, "2026-03-01T00:00:00Z")
    swept(rig)
    assert sum(values(rig).values()) == left
    assert ended(rig) == [50][left // 50 :]
    rig.ask(ChangeWallet("api", "1001", "a", state="active"))
    swept(rig)
    assert sum(values(rig).values()) == 0
    rig.proved()


@pytest.mark.parametrize(("rule", "records"), [(Recorded.NONZERO, [500, -5]), (Recorded.ALL, [500, 0, -5])])
def test_case_73_which_values_leave_a_record(rule: Recorded, records: list[int]) -> None:
    """500, 0 and -5 expire. Whatever moves has its record here, for a balance is proved by its records: so -5 has one
    in any case, and the rule is about what moves nothing. Only an expenditure is below zero in a bucket with a date."""
    rules = ExpiryRules(recorded=rule, negative_expenditure_expires=True)
    rig = rig_of(world(Rules(expiry=rules), types=TYPES), at=ACTIVATED)
    made(rig)
    filled(rig, 500, "bonus", until("2026-02-10"))
    filled(rig, 1, "gift", until("2026-02-11"))
    posted(rig.ask(recharge(rig, Line("gift", -1, bucket=3, adjust=True))))
    filled(rig, 1, "spent", until("2026-02-12"))
    posted(rig.ask(recharge(rig, Line("spent", -6, bucket=4, adjust=True))))
    assert values(rig) == {2: 500, 3: 0, 4: -5, 1: 0}
    go_to(rig, "2026-03-01T00:00:00Z")
    swept(rig)
    assert values(rig) == {1: 0}
    assert ended(rig) == records
    rig.proved()


@pytest.mark.parametrize("all_of_them", [False, True])
def test_case_74_buckets_of_a_wallet_that_expires(all_of_them: bool) -> None:
    """Dated past, future and never: 11, 22 and 33. All three moved, so each has its record whatever the rule says; the
    rule is about the empty main bucket, which moved nothing."""
    rules = ExpiryRules(records_buckets_of_expired_wallet=all_of_them, recorded=Recorded.ALL)
    rig = rig_of(world(Rules(expiry=rules), types=TYPES), at=ACTIVATED)
    made(rig)
    filled(rig, 11, "bonus", until("2026-02-10"))
    filled(rig, 22, "gift", until("2026-12-31"))
    filled(rig, 33, "trial")
    rig.ask(ChangeWallet("api", "1001", "e", expiry=parse_instant("2026-03-01T00:00:00Z")))
    go_to(rig, "2026-03-02T00:00:00Z")
    swept(rig)
    assert (rig.wallet().state, rig.wallet().balance) == ("terminated", 0)
    assert ended(rig) == [11, 22, 33, *([0] if all_of_them else [])]
    rig.proved()


@pytest.mark.parametrize(("expires", "left"), [(False, -40), (True, 0)])
def test_case_75_an_expenditure_below_zero(expires: bool, left: int) -> None:
    rig = rig_of(world(Rules(expiry=ExpiryRules(negative_expenditure_expires=expires)), types=TYPES), at=ACTIVATED)
    made(rig)
    filled(rig, 1, "spent", until("2026-02-10"))
    posted(rig.ask(recharge(rig, Line("spent", -41, bucket=2, adjust=True))))
    go_to(rig, "2026-03-01T00:00:00Z")
    swept(rig)
    assert sum(values(rig).values()) == left
    assert (2 in values(rig)) is not expires
    rig.proved()


@pytest.mark.parametrize(("rule", "left"), [(True, {"kept", "cash"}), (False, {"trial", "kept", "cash"})])
def test_case_76_balances_that_have_no_bucket_any_more(rule: bool, left: set[str]) -> None:
    """Of two types with a bucket that expires, one may be deleted. By default here it is (the source says false)."""
    rig = rig_of(world(Rules(expiry=ExpiryRules(delete_empty_balances=rule)), types=TYPES), at=ACTIVATED)
    made(rig)
    filled(rig, 5, "trial", until("2026-02-10"))
    filled(rig, 6, "kept", until("2026-02-10"))
    go_to(rig, "2026-03-01T00:00:00Z")
    swept(rig)
    assert {one.balance_type for one in rig.wallet().buckets} == left
    assert (rig.wallet().balance, rig.wallet().available, rig.sweep(86_400)) == (0, 0, 0)
    rig.proved()


@pytest.mark.parametrize(
    ("zone", "edge", "ends"),
    [
        ("Asia/Vladivostok", Edge.START, "2006-09-28T13:00:00Z"),
        ("", Edge.START, "2006-09-29T03:00:00Z"),
        ("Asia/Vladivostok", Edge.END, "2006-09-29T13:00:00Z"),
    ],
)
def test_cases_77_to_79_a_wallet_that_ends_at_midnight(zone: str, edge: Edge, ends: str) -> None:
    """Begun on 2006-09-05 14:00 in Vladivostok, then UTC+11, for 24 days: used a second before its end, not at it."""
    rules = ExpiryRules(expire_at_midnight_zone=zone, expire_midnight_edge=edge)
    product = Product("p", initial=24 * DAY)
    rig = rig_with(Rules(expiry=rules), product, "2006-09-05T03:00:00Z")
    posted(rig.ask(event(1)))
    go_to(rig, ends)
    rig.later(-1)
    posted(rig.ask(event(1, "last")))
    rig.later(1)
    assert refusal(rig.ask(event(1, "late"))) is Refusal.WALLET_EXPIRED
    swept(rig)
    assert rig.wallet().state == "terminated"
    rig.proved()
