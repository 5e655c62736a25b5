"""The source's own parameter names and values: what is ours, what sets nothing and why, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tollhouse.configdb.rule_names import (
    MISPRINTS,
    NAMES,
    NEVER,
    SOURCE_DEFAULTS,
    WAITING,
    NotSet,
    Ours,
    translate,
)
from tollhouse.configdb.rule_values import DEFAULTS, read_rule
from tollhouse.configdb.rule_values import NAMES as PARAMETERS

PAGE = (Path(__file__).parents[2] / "docs" / "parameters.md").read_text()


@pytest.mark.parametrize(
    ("group", "key", "text", "name", "value"),
    [
        ("reservationHandler", "maxReservationLength", "3600", "reservation.longest_seconds", "3600"),
        ("reservationHandler", "reservationLengthTolerance", "350", "reservation.tolerance_seconds", "350"),
        ("reservationHandler", "useWorstCaseBalances", "false", "reservation.worst_case_buckets", "false"),
        ("zeroLengthFreeCalls", "writeCDR", "true", "reservation.unanswered_free_is_recorded", "true"),
        (
            "reservationHandler.zeroLengthFreeCalls",
            "updateLastUseDate",
            "True",
            "reservation.unanswered_free_is_use",
            "true",
        ),
        ("CascadeNamesByAcsId", "cascade", '"NE Test Cascade"', "event.cascade", "NE Test Cascade"),
        ("namedEventHandler.PromoCascadeNamesByAcsId", "promo_cascade", '"P"', "event.promotional_cascade", "P"),
        ("namedEventHandler", "roundingRuleType", '"floor"', "event.rounding", "floor"),
        ("ccsVWARSExpiry", "expiryWalletStates", '"ADS"', "expiry.wallet_states", "ADS"),
        ("ccsVWARSExpiry", "createEdrForExpiredValue", '"all"', "expiry.recorded", "all"),
        ("common", "maxConcurrentChargingSessions", "50", "reservation.max_sessions", "50"),
        ("common", "ignoreBTs", "[ 201, 202 ]", "wallet.hidden_balance_types", "201,202"),
        ("common", "ignoreBTs", "[ ]", "wallet.hidden_balance_types", ""),
        ("notificationPlugin", "UTCOffsetHours", "+4", "wallet.utc_offset_hours", "+4"),
        ("ccsVWARSUtils", "bucketLevelCostsLimit", "0", "record.bucket_level_costs_limit", "0"),
        # R1, R2: a zone, and `false` for none
        ("BE", "expireAtMidnightTZ", '"Asia/Vladivostok"', "expiry.expire_at_midnight_zone", "Asia/Vladivostok"),
        ("BE.beVWARSExpiry", "expireAtMidnightTZ", "false", "expiry.expire_at_midnight_zone", ""),
        # R4: milliseconds stay milliseconds
        ("namedEventHandler", "reservationPeriod", "3600", "event.reservation_milliseconds", "3600"),
        # R5, R8
        ("reservationHandler", "discountRuleType", '"s*w*r"', "reservation.discount_rule", "s*w*r"),
        ("reservationHandler", "discountRuleType", '"ServiceOverride"', "reservation.discount_rule", "override"),
        # R6
        ("namedEventHandler", "roundingRuleType", '"bankers"', "event.rounding", "bankers"),
        # R12: the group is ccsVWARSExpiry
        ("ccsVWARSExpiry", "logNotRemoveWallet", "true", "expiry.removal_is_only_listed", "true"),
    ],
)
def test_what_is_ours(group: str, key: str, text: str, name: str, value: str) -> None:
    assert translate(group, key, text) == Ours(name, value)
    read_rule(name, value)


@pytest.mark.parametrize(
    ("group", "key", "text", "reason", "waits"),
    [
        ("namedEventHandler", "maxWalletLockLength", "10000", "no wallet is locked", False),
        ("common", "accountCacheAgeSeconds", "600", "always fresh", False),
        ("CCS.MFile", "timeout", "20000", "no compiled files", False),
        ("CCS.ExpiryMessages", "walletExpiryPeriod", "15", "waits for notices", True),
        ("voucherHandler", "consecutiveBadPinExpiryHours", "-1", "waits for vouchers", True),
        ("voucherHandler", "weeklyBadPinExpiryHours", "744", "waits for vouchers", True),  # R9
        ("ccsVWARSPeriodicCharge", "retryTimeoutMinutes", "10", "waits for periodic charges", True),
        ("ccsVWARSExpiry", "renewPCAtMidnightTZ", '"NZ"', "waits for periodic charges", True),
        ("ccsRewards.balanceTypes", "allowed", "[ 1 ]", "waits for promotions", True),
        ("ccsSLEEChangeDaemon.beClient", "numCursorRows", "1234", "waits for services", True),
        ("cmnPushFiles", "-M", "900", "waits for services", True),
    ],
)
def test_what_sets_nothing_says_why(group: str, key: str, text: str, reason: str, waits: bool) -> None:
    found = translate(group, key, text)
    assert isinstance(found, NotSet)
    assert reason in found.reason
    assert found.waits == waits


@pytest.mark.parametrize(
    ("group", "key", "text", "trouble"),
    [
        ("reservationHandler", "maxLength", "1", "reservationHandler.maxLength: there is no such key"),
        ("nothing", "maxReservationLength", "1", "the key belongs to reservationHandler"),
        # R12 and the like: a key in another group than its own
        ("notificationPlugin", "expiryWalletStates", "AD", "the key belongs to ccsVWARSExpiry"),
        ("beVWARS", "requireBonusRow", "true", "the key belongs to voucherHandler"),
        # R11: misprints of the source's own examples, headings and syntax lines
        ("ccsVWARSPeriodicCharge", "retryTimeoutSeconds", "10", "a misprint of the source: it is retryTimeoutMinutes"),
        ("ccsRewards", "cacheValidityPeriod", "30", "it is cacheValidityTime"),
        ("CCS.ccsPMXPlugin", "ccsBplServiceHandler", "CCS_BPL", "it is ccsBplServiceHandle"),
        ("ccsVWARSUtils", "BucketExpiryFromToday", "true", "it is canReduceBucketExpiryFromToday"),
        ("notificationPlugin", "useOldestuseOldestExpiry", "true", "it is useOldestExpiry"),
        # choices, switches and numbers
        ("namedEventHandler", "roundingRuleType", "half-even", "namedEventHandler.roundingRuleType: 'half-even'"),
        ("ccsVWARSExpiry", "expiryWalletStates", "ADX", "not some of the letters ADFPST"),
        ("ccsVWARSExpiry", "createEdrForExpiredValue", "none", "not one of nonzero, all"),
        ("reservationHandler", "discountTime", "yes", "not one of true, false"),
        ("reservationHandler", "maxReservationLength", "1h", "no whole number"),
        ("ccsVWARSPeriodicCharge", "chargeTimeGMTHours", "24", "'24' is out of range (0..23)"),
        ("ccsVWARSPeriodicCharge", "retryTimeoutMinutes", "0", "out of range (1..1440)"),
        ("ccsVWARSPeriodicCharge", "alwaysWrite52EDR", "1", "not one of true, false"),
        ("ccsSLEEChangeDaemon.beClient", "numCursorRows", "50", "out of range (100..1000000)"),  # of case 131
        ("common", "tariffPlanIdCacheAgeSeconds", "-1", "out of range (0..)"),
        ("namedEventHandler", "maxWalletLockLength", "long", "no whole number"),
        # R2: a zone, not a switch
        ("BE", "expireAtMidnightTZ", "true", "there is no time zone 'true'"),
        ("ccsVWARSExpiry", "removeAtMidnightTZ", "false", "there is no time zone 'false'"),
    ],
)
def test_what_is_refused(group: str, key: str, text: str, trouble: str) -> None:
    with pytest.raises(ValueError) as refusal:
        translate(group, key, text)
    assert trouble in str(refusal.value)


def test_case_18_another_discount_rule_is_refused() -> None:
    with pytest.raises(ValueError, match="discountRuleType: 's-r-w' is not one of"):
        translate("reservationHandler", "discountRuleType", '"s-r-w"')


def test_case_30_no_session_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match=r"common\.maxConcurrentChargingSessions: '0'"):
        translate("common", "maxConcurrentChargingSessions", "0")


@pytest.mark.parametrize(
    ("group", "key"),
    [
        ("BE", "expireAtMidnightTZ"),
        ("ccsVWARSExpiry", "removeAtMidnightTZ"),
        ("ccsVWARSExpiry", "renewPCAtMidnightTZ"),
        ("ccsVWARSPeriodicCharge", "notificationMidnightTZ"),
        ("common", "expenditureBalanceMidnightExpiryTZ"),
    ],
)
def test_case_83_a_zone_of_the_source_that_is_none_is_refused_by_its_key(group: str, key: str) -> None:
    """Ruling R3: the source's own example is a misprint of Brazil/DeNoronha. Never silently UTC."""
    with pytest.raises(ValueError, match=f"{key}: there is no time zone 'Brazil/DeNoranha'"):
        translate(group, key, '"Brazil/DeNoranha"')
    translate(group, key, '"Brazil/DeNoronha"')


def test_every_key_is_one_thing() -> None:
    assert not NAMES.keys() & NEVER.keys()
    assert not NAMES.keys() & WAITING.keys()
    assert not NEVER.keys() & WAITING.keys()
    known = NAMES.keys() | NEVER.keys() | WAITING.keys()
    assert not known & MISPRINTS.keys()
    assert all(f"{where.rpartition('.')[0]}.{right}" in known for where, right in MISPRINTS.items())
    assert set(NAMES.values()) <= set(PARAMETERS)


def rows() -> list[list[str]]:
    """Of the page's tables, cell by cell, without the code marks: the source's name, ours, unit, default, range, what.

    A vertical line in a cell would be a mistake: the number of cells tells.
    """
    lines = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| source")]
    return [[cell.strip().replace("`", "") for cell in line.strip("|").split("|")] for line in lines]


def shown(value: object) -> str:
    """A default as the page writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(value) if isinstance(value, tuple) else str(value)


def test_the_page_has_every_key_of_the_source_once_with_what_becomes_of_it() -> None:
    table = rows()
    assert {len(row) for row in table} == {6}
    sources = [row[0] for row in table if row[0]]
    assert len(sources) == len(set(sources))
    assert set(sources) == NAMES.keys() | NEVER.keys() | WAITING.keys()
    for source, ours, *_, what in table:
        assert ours == NAMES.get(source, ours if not source else ""), source
        if source in WAITING:
            assert what.startswith("Waits for"), source
        elif source in NEVER:
            assert what.startswith("No meaning"), source


def default(name: str) -> str:
    """As the page writes it: nothing, and what could not be set, is `not set`."""
    group, _, field = name.partition(".")
    text = shown(getattr(getattr(DEFAULTS, group), field))
    try:
        read_rule(name, text)
    except ValueError:
        return "not set"
    return text or "not set"


def test_the_page_has_every_parameter_of_ours_with_its_default() -> None:
    assert {row[1]: row[3] for row in rows() if row[1]} == {name: default(name) for name in PARAMETERS}


def test_a_default_of_the_source_that_is_not_ours_is_told() -> None:
    """Requirement 1.2: a grant of 3600 s, a tolerance of 350 s, worst-case balances, rating details suppressed."""
    what = {row[1]: row[5] for row in rows() if row[1]}
    for name, value in SOURCE_DEFAULTS.items():
        read_rule(name, value)
        assert value != default(name), name
        assert f"The source's default: {value}." in what[name], name
    told = {name for name, text in what.items() if "The source's default" in text}
    assert told == SOURCE_DEFAULTS.keys()


def test_the_page_has_no_misprint_of_the_source() -> None:
    table = " ".join(row[0] for row in rows())
    for where in MISPRINTS:
        assert not re.search(rf"\b{re.escape(where)}\b", table), where
