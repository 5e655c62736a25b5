"""A provider's rules of charging, in groups: each field has its unit in its name and the default of its source.

Source: requirement oracle_vws 1.2 and 2; `docs/parameters.md` names the source's own key of each. A provider is a
tenant: where it sets nothing, the defaults hold.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import Final

import msgspec

DISCOUNT_RULES: Final = (
    *("s*w*r", "s*r*w", "s+r+w", "s+r*w", "s*r+w", "s+w*r", "s*w+r", "r+w*s", "r*w+s", "override"),
)
"""How the discounts of the request (s), the rating (r) and the wallet (w) become one, left to right (5.5)."""


class RoundingRule(enum.StrEnum):
    """How a cost becomes whole steps of a balance type (cases 1-3)."""

    BANKERS = "bankers"
    """Half up, away from zero: what the source calls so (ruling R6)."""
    CEILING = "ceiling"
    FLOOR = "floor"


class Edge(enum.StrEnum):
    """Which midnight of its date something ends at (ruling R1)."""

    START = "start"
    END = "end"


class Recorded(enum.StrEnum):
    """Which values leave a record when they expire (case 73)."""

    NONZERO = "nonzero"
    """Those above zero."""
    ALL = "all"


class ReservationRules(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """How funds are held for a session (5)."""

    longest_seconds: int = 0
    """The longest grant of time; 0: as the settings say (`max_grant`; the source says 3600)."""
    tolerance_seconds: int = -1
    """A report may come so long after the grant's end; nothing is reserved or paid for it. -1: as the settings say (the
    source says 350)."""
    greedy_below_seconds: int = 60
    """Wallets that afford less than this serve one session at a time."""
    skip_zero_balances: bool = True
    """A balance of which nothing can be reserved is passed over; else the search ends there."""
    worst_case_buckets: bool = False
    """At the opening, buckets that may expire before the longest call's end are left out. The source says true; here
    what a session holds stays its own when the bucket expires, so nothing is lost without it."""
    max_sessions: int = 0
    """Overrides every wallet's own limit of sessions at a time; 0: it does not."""
    discount_rule: str = "s*w*r"
    discount_time: bool = False
    """A discount makes time balances last longer, too."""
    discount_data: bool = True
    discount_time_always_debited: bool = False
    """A cross-balance time balance is debited even where no wallet discount applied."""
    unanswered_free_is_use: bool = True
    """A free call of no length touches the wallet's last use."""
    unanswered_free_is_recorded: bool = True
    log_refusals: bool = False


class EventRules(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """How named events are charged."""

    cascade: str = "EventCascade"
    promotional_cascade: str = "EventPromoCascade"
    reservation_milliseconds: int = 0
    """How long an event that was asked for waits for its confirmation; 0: as long as the settings let a call ring
    (`setup_window`; the source says 3600)."""
    reservation_tolerance_seconds: int = 0
    activates_preuse: bool = True
    rounding: RoundingRule = RoundingRule.BANKERS


class ActivationRules(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What becomes of dates when a wallet is used for the first time."""

    overwrites_wallet_expiry: bool = False
    """Else the later date stays."""
    dates_undated_wallet: bool = True
    overwrites_bucket_expiry: bool = False
    dates_undated_bucket: bool = True
    tracking_only: bool = False
    """Only balance types of the categories tracker and expenditure are touched (case 64)."""


class ExpiryRules(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The ends of buckets and wallets. Zones are IANA names, empty: at the very instant."""

    recorded: Recorded = Recorded.NONZERO
    delete_empty_balances: bool = True
    """A balance goes with its last bucket, where its type may. The source says false."""
    negative_expenditure_expires: bool = False
    names_balances: bool = False
    wallet_states: str = "AD"
    """In which states of the wallet its buckets expire, of P A D F S T."""
    records_buckets_of_expired_wallet: bool = False
    """A wallet's expiry leaves a record of every bucket; else of those whose own date is past."""
    removal_is_only_listed: bool = True
    """A terminated wallet's removal is listed for an operator; else it is done."""
    remove_at_midnight_zone: str = ""
    expire_at_midnight_zone: str = ""
    expire_midnight_edge: Edge = Edge.START
    expenditure_midnight_zone: str = ""
    best_periods: bool = True
    """A wallet of several products lives by the longest of their periods."""


class RechargeRules(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What a recharge does to dates and states (5.6)."""

    replace_leaves_expiry_record: bool = False
    undated_buckets_are_made: bool = True
    record_per_balance: bool = False
    activates_preuse: bool = True
    revives_terminated: bool = False
    today_dates_undated_bucket: bool = False
    today_shortens_bucket: bool = False
    today_concerns_all_buckets: bool = False


class WalletRules(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What wallets are made with and shown as."""

    makes_empty_buckets: bool = True
    clears_empty_buckets: bool = False
    deletes_cleared_buckets: bool = True
    """At once; else they are left to expiry. Matters only where empty buckets are cleared."""
    reservations_per_page: int = 5
    hidden_balance_types: tuple[str, ...] = ()
    expiry_days_round_up: bool = False
    """3.75 days to go are shown as 4; else 3. Never a ceiling (ruling R7)."""
    notices_name_latest_expiry: bool = True
    """Of several buckets a notice names the one that lasts longest (the source's useOldestExpiry)."""
    utc_offset_hours: int = 0


class RecordRules(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What event records say (6)."""

    mid_session_commits: bool = False
    """Each commit of a running session is a record of its own in what is exported; else only the last one."""
    bucket_level_costs: bool = False
    bucket_level_costs_limit: int = 0
    """0: no cap."""
    suppress_rating_details: bool = False
    display_spend_ratio: bool = False
    costs_by_display_ratio: bool = False
    call_duration_in_time_expenditure: bool = False


class AdjustRules(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Corrections by hand."""

    adjustment_needs_approval_above: str = ""
    """A larger one, either way, waits for a second operator: a decimal number >= 0 in the balance type's own unit;
    empty: none does."""


class SessionRules(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """When a session ends that nothing is heard of, and what it costs (4.3, cases 41 and 42; requirement cgrates 5).

    Where something is not set the settings say it. Of single clients it is said by their names, `client=value`: a
    gateway's, or a Diameter Origin-Host; that comes before the tenant's own.
    """

    setup_seconds: int = 0
    """An authorisation that no start follows ends after this and gives all back; 0: not set."""
    validity_seconds: int = 0
    """How long a grant of anything but time is good for; the session is silent when that is over; 0: not set."""
    on_silence: str = ""
    """reported, granted or nothing; empty: not set."""
    on_overrun: str = ""
    """debt or cap; empty: not set."""
    on_silence_of_clients: tuple[str, ...] = ()
    tolerance_seconds_of_clients: tuple[str, ...] = ()
    """As `reservation.tolerance_seconds`."""


class Rules(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """All of a provider's."""

    reservation: ReservationRules = ReservationRules()
    event: EventRules = EventRules()
    activation: ActivationRules = ActivationRules()
    expiry: ExpiryRules = ExpiryRules()
    recharge: RechargeRules = RechargeRules()
    wallet: WalletRules = WalletRules()
    record: RecordRules = RecordRules()
    adjust: AdjustRules = AdjustRules()
    session: SessionRules = SessionRules()


def of_client(pairs: Iterable[str], client: str) -> str:
    """What `client=value` says of this one; empty: nothing does."""
    values = (value for name, _, value in (pair.rpartition("=") for pair in pairs) if name == client)
    return next(values, "")
