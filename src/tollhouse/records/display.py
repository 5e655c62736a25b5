"""How subscribers are told of instants: days to go, local time, which bucket's end. What is stored never changes by it.

Source: requirement oracle_vws 1.2 and ruling R7, cases 4-6.
"""

from __future__ import annotations

from collections.abc import Iterable

from tollhouse.rating.rounding import rounded
from tollhouse.snapshot.rules import RoundingRule, WalletRules
from tollhouse.values.instants import DAY, HOUR, Instant, to_datetime
from tollhouse.wallet.state import Bucket


def days_to_go(expiry: Instant, now: Instant, rules: WalletRules) -> int:
    """Whole days until the expiry: the nearest number, half a day up, or only the whole ones; 0 once it is past."""
    rule = RoundingRule.BANKERS if rules.expiry_days_round_up else RoundingRule.FLOOR
    return rounded((max(expiry - now, 0), DAY), rule)


def told_time(instant: Instant, rules: WalletRules) -> str:
    """The instant as a notice tells it, at the provider's UTC offset: `2026-04-01 02:00`."""
    return f"{to_datetime(instant + rules.utc_offset_hours * HOUR):%Y-%m-%d %H:%M}"


def told_bucket(buckets: Iterable[Bucket], rules: WalletRules) -> Bucket | None:
    """The bucket whose expiry a notice names: of those that ever expire, the last or the first to do so, of several
    the one with the lowest id. None: none ever expires."""
    dated = sorted((bucket for bucket in buckets if bucket.expiry), key=lambda bucket: bucket.id)
    pick = max if rules.notices_name_latest_expiry else min
    return pick(dated, key=lambda bucket: bucket.expiry, default=None)
