"""The source's own parameter names and values to ours, or to the reason why there is nothing to set.

Source: requirement oracle_vws 1.2, with the rulings R1 to R13 of its section 2. `docs/parameters.md` is the same table
for people. A group is named as in the source's file, a group in a group by its own name or by the whole way
(`CCS.MFile`, `reservationHandler.zeroLengthFreeCalls`); a list of groups likewise, entry by entry.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, TypeAlias

import msgspec

from tollhouse.configdb.rule_values import read_rule, type_of, zone

Check: TypeAlias = Callable[[str], object]


class Ours(msgspec.Struct, frozen=True, gc=False):
    """A parameter of a tenant, and its value as text."""

    name: str
    value: str


class NotSet(msgspec.Struct, frozen=True, gc=False):
    """Nothing is to be set. `waits`: it will mean something with a later part; else it never does here."""

    reason: str
    waits: bool


def translate(group: str, key: str, text: str) -> Ours | NotSet:
    """What the source's `key = text` in this group is here. ValueError with a text for people: an unknown key (with
    the right name where it is one of the source's own misprints, ruling R11), a bad zone, number or choice.
    """
    own = group.rpartition(".")[2]
    where = f"{own}.{key}"
    value = unquoted(text)
    if where in NAMES:
        name = NAMES[where]
        return Ours(name, _checked(where, _value(name, value), partial(read_rule, name)))
    reason = WAITING.get(where, NEVER.get(where))
    if reason is None:
        raise ValueError(f"{group}.{key}: {_unknown(own, key)}".lstrip("."))
    _checked(where, value, CHECKS.get(where, str))
    return NotSet(reason, where in WAITING)


def _checked(where: str, value: str, check: Check) -> str:
    try:
        check(value)
    except ValueError as trouble:
        raise ValueError(f"{where}: {trouble}") from None
    return value


def has_keys(name: str) -> bool:
    """Whether the source has a group, or a list of groups, of this name."""
    return name in _GROUPS


def is_key(group: str, key: str) -> bool:
    """Whether the source has this key in a group of this name."""
    where = f"{group}.{key}"
    return where in NAMES or where in WAITING or where in NEVER


def unquoted(text: str) -> str:
    """A value without the quotation marks around it."""
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


def _value(name: str, text: str) -> str:
    """The value as ours is written."""
    if name == "wallet.hidden_balance_types":
        return ",".join(re.findall(r'[^\s,\[\]"]+', text))
    if name == "expiry.expire_at_midnight_zone" and text == "false":
        return ""
    if name == "reservation.discount_rule":
        return _OVERRIDE[1] if text == _OVERRIDE[0] else text
    return text.lower() if type_of(name) is bool else text


def _unknown(group: str, key: str) -> str:
    """That the key is none, and what it should be."""
    if right := MISPRINTS.get(f"{group}.{key}"):
        return f"a misprint of the source: it is {right}"
    known = sorted(where.rpartition(".")[0] for where in (*NAMES, *WAITING, *NEVER) if where.rpartition(".")[2] == key)
    return f"the key belongs to {' or '.join(known)}" if known else "there is no such key"


def _whole(low: int | None, high: int | None, text: str) -> None:
    """A whole number in this range; None: no bound."""
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        raise ValueError(f"{text[:40]!r} is no whole number")
    if (low is not None and int(text) < low) or (high is not None and int(text) > high):
        raise ValueError(f"{text!r} is out of range ({'' if low is None else low}..{'' if high is None else high})")


def _switch(text: str) -> None:
    if text.lower() not in ("true", "false"):
        raise ValueError(f"{text[:40]!r} is not one of true, false")


_OVERRIDE: Final = ("ServiceOverride", "override")
_OURS: Final = {
    "reservationHandler": """
        maxReservationLength reservation.longest_seconds
        reservationLengthTolerance reservation.tolerance_seconds
        greedyReservationLengthLimit reservation.greedy_below_seconds
        skipZeroBalances reservation.skip_zero_balances
        useWorstCaseBalances reservation.worst_case_buckets
        discountRuleType reservation.discount_rule
        discountTime reservation.discount_time
        discountData reservation.discount_data
        alwaysContributeToXBTDTimeBalance reservation.discount_time_always_debited
        syslogErrors reservation.log_refusals
        createEDRForMidSessionCommit record.mid_session_commits
        suppressEDRRatingDetails record.suppress_rating_details
        addDisplaySpendRatio record.display_spend_ratio
        showCostsEDRScaledByDisplaySpendRatio record.costs_by_display_ratio""",
    "zeroLengthFreeCalls": """
        updateLastUseDate reservation.unanswered_free_is_use
        writeCDR reservation.unanswered_free_is_recorded""",
    "namedEventHandler": """
        reservationPeriod event.reservation_milliseconds
        reservationPeriodTolerance event.reservation_tolerance_seconds
        activatePreuseAccount event.activates_preuse
        roundingRuleType event.rounding""",
    "CascadeNamesByAcsId": "cascade event.cascade",
    "PromoCascadeNamesByAcsId": "promo_cascade event.promotional_cascade",
    "ccsVWARSActivation": """
        alwaysOverwriteWalletExpiry activation.overwrites_wallet_expiry
        alwaysOverwriteNonExpiringWalletExpiry activation.dates_undated_wallet
        alwaysOverwriteBucketExpiry activation.overwrites_bucket_expiry
        alwaysOverwriteNonExpiringBucketExpiry activation.dates_undated_bucket""",
    "ccsVWARSExpiry": """
        createEdrForExpiredValue expiry.recorded
        deleteEmptyBalances expiry.delete_empty_balances
        expireNegativeExpenditureBuckets expiry.negative_expenditure_expires
        includeExpiredBalanceNames expiry.names_balances
        expiryWalletStates expiry.wallet_states
        produceCDRForWalletExpiredBucket expiry.records_buckets_of_expired_wallet
        logNotRemoveWallet expiry.removal_is_only_listed
        removeAtMidnightTZ expiry.remove_at_midnight_zone""",
    "BE": "expireAtMidnightTZ expiry.expire_at_midnight_zone",
    "beVWARSExpiry": "expireAtMidnightTZ expiry.expire_at_midnight_zone",
    "ccsVWARSUtils": """
        createAdditionalExpiryEdr recharge.replace_leaves_expiry_record
        createNonExpiringBuckets recharge.undated_buckets_are_made
        perBalanceEDRs recharge.record_per_balance
        rechargePreUseAccounts recharge.activates_preuse
        rechargeTerminatedAccounts recharge.revives_terminated
        setNonExpiringBucketExpiryFromToday recharge.today_dates_undated_bucket
        canReduceBucketExpiryFromToday recharge.today_shortens_bucket
        earliestBucketExpiryPolicyFromToday recharge.today_concerns_all_buckets
        useCallDurationInTimeExpenditure record.call_duration_in_time_expenditure
        addBucketLevelCostsInEdr record.bucket_level_costs
        bucketLevelCostsLimit record.bucket_level_costs_limit""",
    "walletUpdateHandler": """
        createEmptyBuckets wallet.makes_empty_buckets
        deleteEmptyBuckets wallet.deletes_cleared_buckets
        maxReservationsPerSLEEMessage wallet.reservations_per_page""",
    "beServer": "clearEmptyBuckets wallet.clears_empty_buckets",
    "common": """
        maxConcurrentChargingSessions reservation.max_sessions
        ccsBalanceExpiryRoundUp wallet.expiry_days_round_up
        expenditureBalanceMidnightExpiryTZ expiry.expenditure_midnight_zone
        ignoreBTs wallet.hidden_balance_types""",
    "notificationPlugin": """
        useOldestExpiry wallet.notices_name_latest_expiry
        UTCOffsetHours wallet.utc_offset_hours""",
}
NAMES: Final[Mapping[str, str]] = {
    f"{group}.{line.split()[0]}": line.split()[1]
    for group, lines in _OURS.items()
    for line in lines.strip().splitlines()
}
"""`group.key` of the source to our parameter."""


def _keys(text: str) -> list[str]:
    """Each line: a group, then its keys."""
    lines = [line.split() for line in text.strip().splitlines()]
    return [f"{group}.{key}" for group, *own in lines for key in own]


def _all(reason: str, text: str) -> dict[str, str]:
    return dict.fromkeys(_keys(text), reason)


_FRESH: Final = "what is compiled is always fresh: no cache has an age"

SOURCE_DEFAULTS: Final[Mapping[str, str]] = {
    "reservation.longest_seconds": "3600",
    "reservation.tolerance_seconds": "350",
    "reservation.worst_case_buckets": "true",
    "event.reservation_milliseconds": "3600",
    "expiry.delete_empty_balances": "false",
    "record.suppress_rating_details": "true",
}
"""Where the source's default is not ours: what a tenant that comes from there has of what its file leaves out. By the
source's text, not by its examples (ruling R11: those say a tolerance of 30 and useWorstCaseBalances false).
"""

NEVER: Final[Mapping[str, str]] = {
    **_all(
        _FRESH,
        """
        ccsActivationCharge periodicChargeCacheValidityPeriod
        badPinPlugin cacheFlushPeriod cacheValidityTime
        notificationPlugin cacheFlushPeriod cacheValidityTime
        ccsPromotionalDestinationSMS ThresholdCacheValidityPeriod
        ccsRewards cacheFlushPeriod cacheValidityTime
        ccsPMXPlugin cacheValidityTime
        ccsVWARSActivation accountBatchCacheValidityPeriod
        ccsVWARSExpiry accountBatchCacheValidityPeriod
        ccsVWARSPeriodicCharge cacheTimeoutSeconds
        namedEventHandler eventCacheAgeSeconds
        common accountCacheAgeSeconds accountTypeBestPeriodsCacheAgeSeconds balanceTypeCascadeCacheAgeSeconds
        common balanceTypeCascadeIdCacheAgeSeconds detailedCascadeCacheAgeSeconds balanceTypeIdCacheAgeSeconds
        common balanceTypeUnitCacheAgeSeconds balanceUnitTypeCacheAgeSeconds ccsAcctReferenceCacheAgeSeconds
        common creditCardCacheAgeSeconds creditCardCacheRepIntervalSeconds defaultBalanceTypeCacheAgeSeconds
        common domainsCacheAgeSeconds lowCreditDapDisableCacheAgeSeconds productTypeIdCacheAgeSeconds
        common profileDetailsSubtagsCacheAgeSeconds systemCurrencyBalanceUnitCacheAgeSeconds
        common tariffPlanIdCacheAgeSeconds walletTypeCacheAgeSeconds ccsBonusTypeAgeSeconds ccsBonusValuesAgeSeconds
        common ccsWlcAgeSeconds systemCurrencyIdAgeSeconds acsCustIdAgeSeconds ccsRewardTranslationAgeSeconds
        common ccsWalletNameTranslationAgeSeconds ccsLanguageDetailsAgeSeconds ccsBalanceTypeTranslationAgeSeconds
        """,
    ),
    **_all(
        "one writer decides one command after the other: no wallet is locked", "namedEventHandler maxWalletLockLength"
    ),
    **_all(
        "one process decides: it has no interfaces, peers or pairs to name or to wait for",
        """
        notificationPlugin xmlInterfaceName
        common xmlInterfaceName rateLimitIFSendErrors
        voucherHandler replicationInterface
        beClient clientName heartbeatPeriod connectionRetryTime messageTimeoutSeconds reportPeriodSeconds
        beClient plugins billingEngines
        plugins config library function
        billingEngines id primary secondary
        BE amPrimary serverId beLocationPlugin
        beVWARS handlers
        ccsSLEEChangeDaemon beClient -r
        """,
    ),
    **_all("what waits for a decision is bounded by the engine's own queue", "beClient maxOutstandingMessages"),
    **_all(
        "tariffs are compiled when they change, all problems at once: there are no compiled files",
        """
        MFile path numberOfErrors timeout
        ccsMFileCompiler -r -l -a -i -d
        """,
    ),
    **_all(
        "a tariff has destinations, which a price is explained by, and no geographical sets",
        "reservationHandler addGeoSetID",
    ),
    **_all("an error inside is always logged", "amountHandler syslogErrors"),
    **_all(
        "a group: what is in it is said key by key",
        """
        namedEventHandler CascadeNamesByAcsId PromoCascadeNamesByAcsId
        reservationHandler zeroLengthFreeCalls
        """,
    ),
    **_all(
        "whose it is: the tenant of which the cascade beside it becomes a parameter",
        """
        CascadeNamesByAcsId acsCustomerId
        PromoCascadeNamesByAcsId acsCustomerId
        """,
    ),
    **_all(
        "there is no Oracle database",
        """
        CCS oracleUserAndPassword
        ExpiryMessages oracleUsername oraclePassword
        ccsRewards oracleUserPass
        """,
    ),
}
"""What means nothing here, and why."""

WAITING: Final[Mapping[str, str]] = {
    **_all(
        "waits for notices",
        """
        ExpiryMessages walletExpiryPeriod balanceExpiryPeriod balanceTypes generatorFilename generatorFiledir
        ExpiryMessages inputDirectory
        ccsVWARSUtils raiseAlarmForMissingTemplates
        dcaResPlugin dapOperationSet sendNotifications
        """,
    ),
    **_all(
        "waits for promotions",
        """
        ccsPromotionalDestinationSMS balanceTypes
        ccsRewards balanceTypes fileIdleTime filePrefix fileSuffix maxLinesInFile writeDirectoryName readDirectoryName
        balanceTypes ServiceProviderID TypeID id allowed expenditure notification
        ccsPMXPlugin ccsBplServiceHandle dapInterfaceName rechargeControlPlan rechargeOperationName
        """,
    ),
    **_all(
        "waits for periodic charges",
        """
        ccsVWARSPeriodicCharge adjustPcVtrBucketExpiry alwaysWrite52EDR chargeTimeGMTHours keepGraceExpiryInFuture
        ccsVWARSPeriodicCharge notificationMidnightTZ noNotifsInvalidWallet retryTimeoutMinutes
        ccsVWARSPeriodicCharge subscribeExtendsPCExpiryDate useNonGMTTimezoneOfTriggeringSource
        ccsVWARSExpiry renewPCAtMidnightTZ
        """,
    ),
    **_all(
        "waits for vouchers",
        """
        voucherHandler badPinExpiryHours dailyBadPinExpiryHours weeklyBadPinExpiryHours monthlyBadPinExpiryHours
        voucherHandler consecutiveBadPinExpiryHours clearConsecutivePin createRechargeCDRInactiveAccount
        voucherHandler requireBonusRow updateLastUseVoucherRecharge vomsInstalled
        common accountNumberLength authCB10ValidateSeed
        """,
    ),
    **_all(
        "waits for services that run by themselves, and their files",
        """
        beClient throttle numCursorRows pollPeriod serviceTriggerTimeout
        ccsVWARSExpiry expiredDirectory expiredPrefix expiredSuffix expiredMaxAge
        ccsVWARSExpiry removedDirectory removedPrefix removedSuffix removedMaxAge
        ExpiryMessages cmnPushFiles
        ccsRewards cmnPushFiles
        ccsVWARSExpiry cmnPushFiles
        cmnPushFiles -d -r -h -p -P -S -F -f -o -a -C -R -M -s -t -T -x
        """,
    ),
    **_all("waits for plug-ins", "beVWARS plugins"),
}
"""What will mean something with a later part."""

_GROUPS: Final = frozenset(where.rpartition(".")[0] for where in (*NAMES, *WAITING, *NEVER))

MISPRINTS: Final[Mapping[str, str]] = {
    "ccsVWARSPeriodicCharge.retryTimeoutSeconds": "retryTimeoutMinutes",
    "ccsVWARSPeriodicCharge.alwaysWrte52EDR": "alwaysWrite52EDR",
    "ccsRewards.cacheValidityPeriod": "cacheValidityTime",
    "ccsRewards.filesuffix": "fileSuffix",
    "ccsPMXPlugin.ccsBplServiceHandler": "ccsBplServiceHandle",
    "ccsVWARSUtils.BucketExpiryFromToday": "canReduceBucketExpiryFromToday",
    "notificationPlugin.useOldestuseOldestExpiry": "useOldestExpiry",
    "common.lowCreditDapDisableCacheAgeSecondss": "lowCreditDapDisableCacheAgeSeconds",
    "CascadeNamesByAcsId.acsCustomerID": "acsCustomerId",
    "PromoCascadeNamesByAcsId.acsCustomerID": "acsCustomerId",
}
"""Names that stand in the source's own examples and headings, and the right ones (ruling R11)."""

_ZONES: Final = ("ccsVWARSExpiry.renewPCAtMidnightTZ", "ccsVWARSPeriodicCharge.notificationMidnightTZ")
_SWITCHES: Final = _keys(
    """
    ccsVWARSPeriodicCharge adjustPcVtrBucketExpiry alwaysWrite52EDR keepGraceExpiryInFuture noNotifsInvalidWallet
    ccsVWARSPeriodicCharge subscribeExtendsPCExpiryDate useNonGMTTimezoneOfTriggeringSource
    voucherHandler clearConsecutivePin createRechargeCDRInactiveAccount requireBonusRow
    voucherHandler updateLastUseVoucherRecharge vomsInstalled
    common authCB10ValidateSeed
    ccsVWARSUtils raiseAlarmForMissingTemplates
    dcaResPlugin sendNotifications
    reservationHandler addGeoSetID
    amountHandler syslogErrors
    BE amPrimary
    """
)
_NUMBERS: Final[Mapping[str, tuple[int | None, int | None]]] = {
    "ccsVWARSPeriodicCharge.cacheTimeoutSeconds": (1, 3600),
    "ccsVWARSPeriodicCharge.chargeTimeGMTHours": (0, 23),
    "ccsVWARSPeriodicCharge.retryTimeoutMinutes": (1, 1440),
    "beClient.numCursorRows": (100, 1_000_000),
    "beClient.messageTimeoutSeconds": (0, 604_800),
    "beClient.throttle": (0, None),
    "voucherHandler.badPinExpiryHours": (None, None),
    "voucherHandler.dailyBadPinExpiryHours": (None, None),
    "voucherHandler.weeklyBadPinExpiryHours": (None, None),
    "voucherHandler.monthlyBadPinExpiryHours": (None, None),
    "voucherHandler.consecutiveBadPinExpiryHours": (None, None),
    "ExpiryMessages.walletExpiryPeriod": (0, None),
    "ExpiryMessages.balanceExpiryPeriod": (0, None),
    "namedEventHandler.maxWalletLockLength": (0, None),
    "common.accountNumberLength": (0, None),
}
CHECKS: Final[Mapping[str, Check]] = {
    **dict.fromkeys(_ZONES, zone),
    **dict.fromkeys(_SWITCHES, _switch),
    **{where: partial(_whole, 0, None) for where, reason in NEVER.items() if reason == _FRESH},
    **{where: partial(_whole, low, high) for where, (low, high) in _NUMBERS.items()},
}
"""What a value must be though it sets nothing."""
