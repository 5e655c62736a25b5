"""What notices say of instants, while what is stored stays as it is."""

from __future__ import annotations

import pytest

from tollhouse.records.display import days_to_go, told_bucket, told_time
from tollhouse.snapshot.rules import WalletRules
from tollhouse.values.instants import DAY, HOUR, format_instant, parse_instant
from tollhouse.wallet.state import Bucket

NOW = parse_instant("2026-05-10T15:00:00Z")
UP = WalletRules(expiry_days_round_up=True)
DOWN = WalletRules()


@pytest.mark.parametrize(
    ("hours", "up", "down"),
    [
        pytest.param(78, 3, 3, id="case 4: 3.25 d"),
        pytest.param(90, 4, 3, id="case 4: 3.75 d"),
        pytest.param(84, 4, 3, id="3.5 d"),
        pytest.param(72, 3, 3, id="3 d"),
        pytest.param(11, 0, 0, id="the last hours"),
        pytest.param(-30, 0, 0, id="past"),
    ],
)
def test_case_4_days_to_go(hours: int, up: int, down: int) -> None:
    expiry = NOW + hours * HOUR
    assert (days_to_go(expiry, NOW, UP), days_to_go(expiry, NOW, DOWN)) == (up, down)


def test_case_4_is_exact_to_the_microsecond() -> None:
    assert [days_to_go(NOW + 3 * DAY + 12 * HOUR + more, NOW, UP) for more in (-1, 0)] == [3, 4]
    assert [days_to_go(NOW + 3 * DAY + more, NOW, DOWN) for more in (-1, 0)] == [2, 3]


@pytest.mark.parametrize(
    ("hours", "told"),
    [(4, "2026-04-01 02:00"), (0, "2026-03-31 22:00"), (-5, "2026-03-31 17:00")],
)
def test_case_5_times_are_told_at_the_providers_offset(hours: int, told: str) -> None:
    """22:00 UTC at +4 is 02:00 of the next day, of the next month; the bucket's instant is as before."""
    bucket = Bucket(2, "bonus", 500, expiry=parse_instant("2026-03-31T22:00:00Z"))
    assert told_time(bucket.expiry, WalletRules(utc_offset_hours=hours)) == told
    assert format_instant(bucket.expiry) == "2026-03-31T22:00:00Z"


def dated(number: int, day: str) -> Bucket:
    return Bucket(number, "bonus", 10, expiry=parse_instant(day) if day else 0)


JANUARY, SEPTEMBER, NEVER = dated(2, "2016-01-01"), dated(3, "2016-09-01"), dated(1, "")


@pytest.mark.parametrize(("latest", "named"), [(True, SEPTEMBER), (False, JANUARY)])
def test_case_6_which_bucket_a_notice_names(latest: bool, named: Bucket) -> None:
    """The source calls the latest of them the oldest; it is its default."""
    rules = WalletRules(notices_name_latest_expiry=latest)
    assert told_bucket([JANUARY, SEPTEMBER], rules) == told_bucket([SEPTEMBER, JANUARY], rules) == named
    assert told_bucket([NEVER, JANUARY, SEPTEMBER], rules) == named
    assert told_bucket([JANUARY, SEPTEMBER], WalletRules()) == SEPTEMBER


def test_case_6_what_never_expires_is_not_named() -> None:
    assert told_bucket([NEVER], WalletRules()) is None
    assert told_bucket([], WalletRules()) is None


def test_case_6_of_buckets_that_expire_together_the_first_made() -> None:
    both = [dated(9, "2016-01-01"), dated(4, "2016-01-01")]
    for latest in (True, False):
        named = told_bucket(both, WalletRules(notices_name_latest_expiry=latest))
        assert named is not None
        assert named.id == 4
