"""The states of a wallet's life: every way from one to the other, to the microsecond; lateness changes nothing."""

from __future__ import annotations

from random import Random

import msgspec
import pytest

from tollhouse.snapshot.accounts import BalanceType, Category
from tollhouse.snapshot.products import Batch, Product, Promotion
from tollhouse.snapshot.rules import ActivationRules, Edge, EventRules, ExpiryRules, Rules
from tollhouse.values.instants import DAY, HOUR, Instant, format_instant, parse_instant
from tollhouse.wallet.changes import Cause, Change, Conditions, Dated, Ended, Moved, Promoted, Step
from tollhouse.wallet.life import OPERATORS_MOVES, Bar, activated, barred, caught_up, moved, next_due, used
from tollhouse.wallet.state import (
    ACTIVE,
    DORMANT,
    FROZEN,
    LETTERS,
    PREUSE,
    QUARANTINED,
    SUSPENDED,
    TERMINATED,
    Bucket,
    Posting,
    Wallet,
)

BEGAN = parse_instant("2026-01-01T00:00:00Z")
NOW = parse_instant("2026-01-31T10:00:00Z")
KINDS = {
    "cash": BalanceType("cash", "EUR", 10),
    "bonus": BalanceType("bonus", "EUR", 1),
    "gift": BalanceType("gift", "EUR", 2),
    "minutes": BalanceType("minutes", "second", 0, "voice", 1_000_000),
    "dollars": BalanceType("dollars", "USD", 4),
    "fraud": BalanceType("fraud", "EUR", 5, category=Category.TRACKER),
    "expense": BalanceType("expense", "EUR", 6, category=Category.EXPENDITURE),
}
PRODUCT = Product("p", initial=90 * DAY, promotions=(Promotion("gift", 500, 30 * DAY),))


def wallet(state: str, *others: Bucket, main: int = 0, expiry: Instant = 0, entered: Instant = BEGAN) -> Wallet:
    buckets = (*others, Bucket(1, "cash", main, order=10))
    return Wallet("w", "t", "EUR", 6, 0, buckets, state, expiry, next_bucket=7, entered=entered)


def conditions(*products: Product, batch: Batch | None = None, rules: Rules | None = None) -> Conditions:
    return Conditions(products, Rules() if rules is None else rules, KINDS.get, batch)


def ways(step: Step) -> list[tuple[str, str, Cause, str]]:
    """From which state to which, why and when."""
    return [(one.old, one.new, one.cause, format_instant(one.at)) for one in step.changes if isinstance(one, Moved)]


def dates(after: Wallet) -> dict[int, str]:
    """Bucket -> its date, empty: never."""
    return {one.id: format_instant(one.expiry) if one.expiry else "" for one in after.buckets}


def test_case_55_the_first_use_activates_or_is_refused() -> None:
    """activates_preuse: active, then charged. Else refused, and still PreUse."""
    before = wallet(PREUSE)
    assert EventRules().activates_preuse
    assert barred(before, None, activates=True) is None
    step = activated(before, PRODUCT, conditions(PRODUCT), Cause.USE, NOW)
    assert (step.wallet.state, barred(step.wallet, None, activates=False)) == (ACTIVE, None)
    assert barred(before, None, activates=False) is Bar.PREUSE


def test_case_60_activation_dates_the_wallet_and_credits_the_promotion() -> None:
    """Activated 2026-01-31T10:00Z for 90 days; a promotion of 500 for 30 days."""
    step = activated(wallet(PREUSE), PRODUCT, conditions(PRODUCT), Cause.USE, NOW)
    expiry, gift_ends = parse_instant("2026-05-01T10:00:00Z"), parse_instant("2026-03-02T10:00:00Z")
    assert step.wallet.expiry == expiry
    assert step.postings == (Posting(7, 500, "issue"),)
    assert step.wallet.buckets[0] == Bucket(7, "gift", 500, expiry=gift_ends, order=2)
    assert step.changes == (
        Moved(NOW, PREUSE, ACTIVE, Cause.USE, 0, expiry),
        Promoted(NOW, 7, "gift", 500, gift_ends),
    )
    after = step.wallet
    assert (after.entered, after.activated, after.used, after.next_bucket) == (NOW, NOW, NOW, 8)


@pytest.mark.parametrize(
    ("before", "rules", "after"),
    [
        ("2026-12-31T00:00:00Z", ActivationRules(overwrites_wallet_expiry=False), "2026-12-31T00:00:00Z"),
        ("2026-12-31T00:00:00Z", ActivationRules(overwrites_wallet_expiry=True), "2026-05-01T10:00:00Z"),
        ("2026-03-01T00:00:00Z", ActivationRules(overwrites_wallet_expiry=False), "2026-05-01T10:00:00Z"),
    ],
)
def test_case_61_a_dated_wallet_keeps_the_later_date_unless_it_is_overwritten(
    before: str, rules: ActivationRules, after: str
) -> None:
    under = conditions(PRODUCT, rules=Rules(activation=rules))
    step = activated(wallet(PREUSE, expiry=parse_instant(before)), PRODUCT, under, Cause.USE, NOW)
    assert format_instant(step.wallet.expiry) == after


@pytest.mark.parametrize(("dates_it", "expiry"), [(True, parse_instant("2026-05-01T10:00:00Z")), (False, 0)])
def test_case_62_a_wallet_that_never_expires(dates_it: bool, expiry: Instant) -> None:
    rules = Rules(activation=ActivationRules(dates_undated_wallet=dates_it, overwrites_wallet_expiry=True))
    step = activated(wallet(PREUSE), PRODUCT, conditions(PRODUCT, rules=rules), Cause.USE, NOW)
    assert step.wallet.expiry == expiry


@pytest.mark.parametrize(
    ("overwrites", "dates_undated", "dated", "undated"),
    [
        (False, True, "2026-12-31T00:00:00Z", "2026-02-10T10:00:00Z"),
        (True, True, "2026-02-10T10:00:00Z", "2026-02-10T10:00:00Z"),
        (False, False, "2026-12-31T00:00:00Z", ""),
        (True, False, "2026-02-10T10:00:00Z", ""),
    ],
)
def test_case_63_the_same_for_buckets(overwrites: bool, dates_undated: bool, dated: str, undated: str) -> None:
    """`bonus` and `cash` last ten days; the wallet's own flags stand the other way round, and the main bucket is never
    dated. What ends first pays first."""
    product = msgspec.structs.replace(PRODUCT, bucket_lasts=(("bonus", 10 * DAY), ("cash", 10 * DAY)), promotions=())
    flags = ActivationRules(not overwrites, not dates_undated, overwrites, dates_undated)
    under = conditions(product, rules=Rules(activation=flags))
    buckets = (
        Bucket(2, "bonus", 5, expiry=parse_instant("2026-12-31T00:00:00Z"), order=1),
        Bucket(3, "bonus", 6, order=1),
        Bucket(4, "gift", 7, order=2),
    )
    step = activated(wallet(PREUSE, *buckets, expiry=NOW), product, under, Cause.USE, NOW)
    assert dates(step.wallet) == {2: dated, 3: undated, 4: "", 1: ""}
    pays_first = 3 if (overwrites, dates_undated) == (False, True) else 2
    assert step.wallet.buckets[0].id == pays_first
    changed = [one.bucket for one in step.changes if isinstance(one, Dated)]
    assert changed == [*([2] if overwrites else []), *([3] if dates_undated else [])]
    assert step.postings == ()


def test_case_64_where_only_tracking_is_done_only_its_balances_change() -> None:
    product = Product(
        "p",
        promotions=(Promotion("gift", 500), Promotion("fraud", 3), Promotion("unheard-of", 1)),
        bucket_lasts=(("bonus", DAY), ("expense", DAY)),
    )
    before = wallet(PREUSE, Bucket(2, "bonus", 5, order=1), Bucket(3, "expense", 6, order=6))
    under = conditions(product, rules=Rules(activation=ActivationRules(tracking_only=True)))
    step = activated(before, product, under, Cause.USE, NOW)
    assert dates(step.wallet) == {2: "", 7: "", 3: "2026-02-01T10:00:00Z", 1: ""}
    assert step.postings == (Posting(7, 3, "issue"),)
    assert step.wallet.state == ACTIVE


def test_a_promotion_goes_where_its_like_is_and_nowhere_when_its_money_is_another() -> None:
    """500 of cash for ever go to the main bucket; units get a bucket that counts them; dollars are no euros."""
    gifts = (Promotion("cash", 500), Promotion("minutes", 60, DAY), Promotion("dollars", 5), Promotion("gone", 5))
    product = Product("p", promotions=gifts)
    step = activated(wallet(PREUSE, main=20), product, conditions(product), Cause.RECHARGE, NOW)
    assert step.postings == (Posting(1, 500, "issue"), Posting(7, 60, "issue"))
    minutes = Bucket(7, "minutes", 60, 0, 0, NOW + DAY, 0, 0, "second", "voice", 1_000_000)
    assert step.wallet.buckets == (minutes, Bucket(1, "cash", 520, order=10))
    assert [(one.balance_type, one.bucket) for one in step.changes if isinstance(one, Promoted)] == [
        ("cash", 1),
        ("minutes", 7),
        ("dollars", 0),
        ("gone", 0),
    ]


@pytest.mark.parametrize(("edge", "expiry"), [(Edge.START, "2026-05-01T00:00:00Z"), (Edge.END, "2026-05-02T00:00:00Z")])
def test_what_activation_dates_ends_at_midnight(edge: Edge, expiry: str) -> None:
    rules = Rules(expiry=ExpiryRules(expire_at_midnight_zone="UTC", expire_midnight_edge=edge))
    step = activated(wallet(PREUSE), PRODUCT, conditions(PRODUCT, rules=rules), Cause.USE, NOW)
    assert format_instant(step.wallet.expiry) == expiry
    day = {Edge.START: "2026-03-02T00:00:00Z", Edge.END: "2026-03-03T00:00:00Z"}[edge]
    assert dates(step.wallet)[7] == day


def test_only_what_was_not_used_is_activated() -> None:
    for state in (*LETTERS, QUARANTINED):
        before = wallet(state)
        after = activated(before, PRODUCT, conditions(PRODUCT), Cause.OPERATOR, NOW).wallet
        assert (after == before) is (state != PREUSE)


@pytest.mark.parametrize("active", [True, False])
def test_case_65_a_batch_that_expired_ends_what_was_not_used(active: bool) -> None:
    """Its date is its first instant after the end, and it leaves a record; whether it is active does not matter."""
    batch = Batch("b", "p", active, expiry=NOW)
    before = wallet(PREUSE, Bucket(2, "bonus", 5), main=10)
    under = conditions(PRODUCT, batch=batch)
    assert (caught_up(before, under, NOW - 1), next_due(before, under)) == (Step(before), NOW)
    step = caught_up(before, under, NOW + DAY)
    assert ways(step) == [(PREUSE, TERMINATED, Cause.BATCH, format_instant(NOW))]
    assert step.postings == (Posting(2, -5, "expiry"), Posting(1, -10, "expiry"))
    assert barred(step.wallet, batch, activates=True) is Bar.TERMINATED
    used_before = wallet(ACTIVE)
    assert caught_up(used_before, under, NOW + DAY) == Step(used_before)


def test_case_66_an_inactive_batch_bars_everything_and_nothing_changes() -> None:
    """Neither is what was not used for too long ended, nor a bucket, as long as the batch is inactive."""
    product = Product("p", preuse=5 * DAY)
    rules = Rules(expiry=ExpiryRules(wallet_states="PAD"))
    before = wallet(PREUSE, Bucket(2, "bonus", 5, expiry=BEGAN + DAY))
    under = conditions(product, batch=Batch("b", "p", active=False), rules=rules)
    assert (caught_up(before, under, NOW), next_due(before, under)) == (Step(before), 0)
    for activates in (True, False):
        assert barred(before, under.batch, activates) is Bar.BATCH_INACTIVE
    assert barred(wallet(ACTIVE), under.batch, activates=True) is None
    again = conditions(product, batch=Batch("b", "p"), rules=rules)
    step = caught_up(before, again, NOW)
    assert ways(step) == [(PREUSE, TERMINATED, Cause.DISUSE, "2026-01-06T00:00:00Z")]
    assert next(one.at for one in step.changes if isinstance(one, Ended)) == BEGAN + DAY


def test_what_was_never_used_ends() -> None:
    under = conditions(Product("p", preuse=5 * DAY))
    before = wallet(PREUSE, main=10)
    assert caught_up(before, under, BEGAN + 5 * DAY - 1) == Step(before)
    step = caught_up(before, under, BEGAN + 5 * DAY)
    assert ways(step) == [(PREUSE, TERMINATED, Cause.DISUSE, "2026-01-06T00:00:00Z")]
    assert step.wallet.balance() == 0


def test_case_67_dormant_after_ninety_days_without_use() -> None:
    under = conditions(Product("p", dormant=90 * DAY))
    before = msgspec.structs.replace(wallet(ACTIVE, entered=BEGAN - 300 * DAY), used=BEGAN)
    for still in ("2026-03-31T23:59:00Z", "2026-03-31T23:59:59.999999Z"):
        assert caught_up(before, under, parse_instant(still)) == Step(before)
    step = caught_up(before, under, parse_instant("2026-04-01T00:00:00Z"))
    assert ways(step) == [(ACTIVE, DORMANT, Cause.DISUSE, "2026-04-01T00:00:00Z")]
    assert format_instant(next_due(before, under)) == "2026-04-01T00:00:00Z"


def test_case_68_use_wakes_and_counts_as_the_last_one() -> None:
    step = used(wallet(DORMANT), NOW)
    assert ways(step) == [(DORMANT, ACTIVE, Cause.USE, format_instant(NOW))]
    assert (step.wallet.state, step.wallet.used, step.wallet.entered) == (ACTIVE, NOW, NOW)
    again = used(step.wallet, NOW + HOUR)
    assert (again.changes, again.wallet.used, again.wallet.entered) == ((), NOW + HOUR, NOW)
    assert used(again.wallet, NOW).wallet.used == NOW + HOUR  # a report that comes late moves nothing back
    for state in (FROZEN, SUSPENDED, TERMINATED, QUARANTINED):
        assert used(wallet(state), NOW).wallet.state == state


@pytest.mark.parametrize(("best", "days"), [(True, 90), (False, 30)])
def test_case_69_a_shared_wallet_lives_by_the_longest_periods(best: bool, days: int) -> None:
    rules = Rules(expiry=ExpiryRules(best_periods=best))
    under = conditions(Product("own", dormant=30 * DAY), Product("other", dormant=90 * DAY), rules=rules)
    assert next_due(wallet(ACTIVE), under) == BEGAN + days * DAY


@pytest.mark.parametrize(
    ("state", "own", "days"),
    [
        (PREUSE, Product("own", preuse=3 * DAY), 5),
        (DORMANT, Product("own", terminated=50 * DAY), 60),
        (TERMINATED, Product("own", removed=9 * DAY), 9),
    ],
)
def test_case_69_each_period_is_the_longest_of_its_kind(state: str, own: Product, days: int) -> None:
    other = Product("other", preuse=5 * DAY, dormant=5 * DAY, terminated=60 * DAY, removed=7 * DAY)
    assert next_due(wallet(state), conditions(own, other)) == BEGAN + days * DAY


def test_case_69_never_is_longer_than_any_period() -> None:
    assert next_due(wallet(ACTIVE), conditions(Product("own", dormant=DAY), Product("other"))) == 0
    assert next_due(wallet(ACTIVE), conditions()) == 0


def test_a_long_silence_takes_every_step_each_at_its_time() -> None:
    """Used last on 1 January; dormant after 10 days, terminated after 20 more; the date of 1 March comes too late to
    matter; listed after 30 more days. The bucket of 15 January ended in between."""
    product = Product("p", dormant=10 * DAY, terminated=20 * DAY, removed=30 * DAY)
    under = conditions(product)
    bucket = Bucket(2, "bonus", 5, expiry=parse_instant("2026-01-15T00:00:00Z"))
    step = caught_up(wallet(ACTIVE, bucket, expiry=parse_instant("2026-03-01T00:00:00Z")), under, BEGAN + 900 * DAY)
    assert ways(step) == [
        (ACTIVE, DORMANT, Cause.DISUSE, "2026-01-11T00:00:00Z"),
        (DORMANT, TERMINATED, Cause.DISUSE, "2026-01-31T00:00:00Z"),
    ]
    assert [(type(one).__name__, format_instant(one.at)[:10]) for one in step.changes] == [
        ("Moved", "2026-01-11"),
        ("Ended", "2026-01-15"),
        ("Moved", "2026-01-31"),
        ("Removed", "2026-03-02"),
    ]
    assert next_due(step.wallet, under) == 0


@pytest.mark.parametrize("state", [ACTIVE, DORMANT])
def test_a_wallet_ends_at_its_date_to_the_microsecond(state: str) -> None:
    midnight = parse_instant("2026-05-11T00:00:00Z")
    before = wallet(state, main=10, expiry=midnight)
    assert caught_up(before, conditions(), parse_instant("2026-05-10T23:59:59.999999Z")) == Step(before)
    step = caught_up(before, conditions(), midnight)
    assert ways(step) == [(state, TERMINATED, Cause.WALLET, "2026-05-11T00:00:00Z")]
    assert step.postings == (Posting(1, -10, "expiry"),)


def test_at_one_instant_the_wallet_ends_before_its_buckets_and_before_it_sleeps() -> None:
    rules = Rules(expiry=ExpiryRules(records_buckets_of_expired_wallet=False))
    under = conditions(Product("p", dormant=NOW - BEGAN), rules=rules)
    step = caught_up(wallet(ACTIVE, Bucket(2, "bonus", 5, expiry=NOW), expiry=NOW), under, NOW)
    assert ways(step) == [(ACTIVE, TERMINATED, Cause.WALLET, format_instant(NOW))]
    assert [(one.cause, one.recorded) for one in step.changes if isinstance(one, Ended)] == [
        (Cause.WALLET, True),  # its own date has come, too
        (Cause.WALLET, False),
    ]


@pytest.mark.parametrize("state", [FROZEN, SUSPENDED])
def test_what_an_operator_stopped_stays_and_its_dates_wait_for_him(state: str) -> None:
    """Neither disuse nor its date ends it; when it is resumed, what is past ends then."""
    under = conditions(Product("p", dormant=DAY, terminated=DAY, removed=DAY))
    stopped = wallet(state, Bucket(2, "bonus", 5, expiry=BEGAN + DAY), expiry=BEGAN + 2 * DAY)
    assert (caught_up(stopped, under, NOW), next_due(stopped, under)) == (Step(stopped), 0)
    resumed = moved(stopped, ACTIVE, Cause.OPERATOR, NOW)
    assert resumed is not None
    assert ways(resumed) == [(state, ACTIVE, Cause.OPERATOR, format_instant(NOW))]
    assert next_due(resumed.wallet, under) == NOW
    assert ways(caught_up(resumed.wallet, under, NOW + 1)) == [(ACTIVE, TERMINATED, Cause.WALLET, format_instant(NOW))]


def test_a_resumed_wallet_has_a_whole_period_before_it_sleeps() -> None:
    resumed = moved(wallet(SUSPENDED), ACTIVE, Cause.OPERATOR, NOW)
    assert resumed is not None
    assert next_due(resumed.wallet, conditions(Product("p", dormant=DAY))) == NOW + DAY


ALLOWED = {
    (PREUSE, TERMINATED),
    (ACTIVE, FROZEN),
    (ACTIVE, SUSPENDED),
    (ACTIVE, TERMINATED),
    (DORMANT, ACTIVE),
    (DORMANT, FROZEN),
    (DORMANT, SUSPENDED),
    (DORMANT, TERMINATED),
    (FROZEN, ACTIVE),
    (FROZEN, TERMINATED),
    (SUSPENDED, ACTIVE),
    (SUSPENDED, FROZEN),
    (SUSPENDED, TERMINATED),
}


@pytest.mark.parametrize("old", [*LETTERS, QUARANTINED])
@pytest.mark.parametrize("new", [*LETTERS, QUARANTINED])
def test_where_an_operator_may_take_a_wallet(old: str, new: str) -> None:
    before = wallet(old, main=10)
    step = moved(before, new, Cause.OPERATOR, NOW)
    if old == new != QUARANTINED:
        assert step == Step(before)
    elif (old, new) in ALLOWED:
        assert step is not None
        assert ways(step) == [(old, new, Cause.OPERATOR, format_instant(NOW))]
        assert (step.wallet.entered, step.wallet.used, step.wallet.balance()) == (NOW, 0, 10)
    else:
        assert step is None
    assert new in OPERATORS_MOVES or step is None or old == new


@pytest.mark.parametrize(
    ("state", "bar"),
    [
        (PREUSE, None),
        (ACTIVE, None),
        (DORMANT, None),
        (FROZEN, Bar.FROZEN),
        (SUSPENDED, Bar.SUSPENDED),
        (TERMINATED, Bar.TERMINATED),
        (QUARANTINED, Bar.QUARANTINED),
    ],
)
def test_what_bars_a_use(state: str, bar: Bar | None) -> None:
    assert barred(wallet(state), Batch("b", "p"), activates=True) is bar
    assert barred(wallet(state), None, activates=True) is bar


def test_a_quarantined_wallet_stands_still() -> None:
    before = wallet(QUARANTINED, Bucket(2, "bonus", 5, expiry=BEGAN), expiry=BEGAN)
    under = conditions(Product("p", dormant=1, terminated=1, removed=1))
    assert (caught_up(before, under, NOW), next_due(before, under)) == (Step(before), 0)


def test_a_wallet_of_an_older_release_does_not_sleep() -> None:
    """Nothing is known of when it came or was used."""
    under = conditions(Product("p", dormant=DAY, terminated=DAY, removed=DAY))
    assert next_due(wallet(ACTIVE, entered=0), under) == 0


def random_case(dice: Random) -> tuple[Wallet, Conditions]:
    """A wallet with random dates within 100 days, and something that it lives under."""

    def some() -> int:
        return dice.choice((0, dice.randrange(1, 100)))

    buckets = []
    for number in range(2, 2 + dice.randrange(5)):
        value = dice.randrange(-5, 20)
        held = dice.choice((0, dice.randrange(value + 1))) if value > 0 else 0
        name = dice.choice(("bonus", "gift", "expense", "cash"))
        buckets.append(Bucket(number, name, value, held, expiry=BEGAN + some() * DAY if dice.random() < 0.7 else 0))
    start = wallet(dice.choice(list(LETTERS)), *buckets, main=dice.randrange(-5, 9))
    start = msgspec.structs.replace(start, expiry=BEGAN + some() * DAY if dice.random() < 0.6 else 0)
    products = [
        Product(str(number), preuse=some() * DAY, dormant=some() * DAY, terminated=some() * DAY, removed=some() * DAY)
        for number in range(dice.randrange(3))
    ]
    batch = dice.choice((None, Batch("b", "p", dice.random() < 0.5, dice.choice((0, BEGAN + some() * DAY)))))
    states = "".join(letter for letter in "PADFST" if dice.random() < 0.5)
    zone = dice.choice(("", "Asia/Tokyo"))
    rules = ExpiryRules(
        delete_empty_balances=dice.random() < 0.5,
        negative_expenditure_expires=dice.random() < 0.5,
        wallet_states=states,
        removal_is_only_listed=dice.random() < 0.5,
        remove_at_midnight_zone=zone,
    )
    return start, conditions(*products, batch=batch, rules=Rules(expiry=rules))


@pytest.mark.parametrize("seed", range(300))
def test_lateness_changes_nothing_and_no_money_is_made(seed: int) -> None:
    """Caught up once at the end or many times before, the wallet, its changes and its postings are the same; what is
    held stays; postings say what every bucket lost; nothing happens before it is due, and something then."""
    dice = Random(seed)
    before, under = random_case(dice)
    end = BEGAN + 400 * DAY
    late = caught_up(before, under, end)
    after = before
    postings: tuple[Posting, ...] = ()
    changes: tuple[Change, ...] = ()
    for now in [*sorted(BEGAN + dice.randrange(400) * DAY for _ in range(dice.randrange(1, 9))), end]:
        due = next_due(after, under)
        step = caught_up(after, under, now)
        assert (step == Step(after)) is (due == 0 or now < due)
        if due:
            assert caught_up(after, under, due - 1) == Step(after)
            assert caught_up(after, under, due) != Step(after)
        after, postings, changes = step.wallet, (*postings, *step.postings), (*changes, *step.changes)
    assert (after, postings, changes) == (late.wallet, late.postings, late.changes)
    assert [one.at for one in changes] == sorted(one.at for one in changes)
    left = {one.id: one for one in after.buckets}
    for bucket in before.buckets:
        gone = sum(one.amount for one in postings if one.bucket == bucket.id)
        then = left.get(bucket.id, Bucket(bucket.id, bucket.balance_type, 0))
        assert (bucket.value + gone, bucket.held) == (then.value, then.held)
    assert all(one.counter == "expiry" for one in postings)
    assert next_due(after, under) == 0 or late.removable
