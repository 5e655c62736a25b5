"""The source's own parameters into a tenant's: all of a file or nothing, with every ruling that was needed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.configdb.support import TENANT, compiled, dump, open_tenant, plain_sql, sell

from tollhouse.configdb.database import ConfigDatabase
from tollhouse.configdb.parameters import LARGEST, WHO, Left, ParameterReport, Taken, Wrong, import_parameters
from tollhouse.configdb.rows import TenantRow
from tollhouse.configdb.rule_names import SOURCE_DEFAULTS

FILE = """\
# of an engine that is to be replaced
BE = {
    amPrimary = true
    expireAtMidnightTZ = "Asia/Vladivostok"
}
CCS = {
    oracleUserAndPassword = "user/geheim"
    reservationHandler = {
        maxReservationLength = 3600
        reservationLengthTolerance = 30
        useWorstCaseBalances = false
        discountRuleType = "ServiceOverride"
        zeroLengthFreeCalls = {
            updateLastUseDate = False
        }
    }
    namedEventHandler = {
        CascadeNamesByAcsId = [
            { acsCustomerId = 12 cascade = "calls" }
            { acsCustomerId = 32 cascade = "Cascade2" }
        ]
        reservationPeriod = 3600
        roundingRuleType = "bankers"
        eventCacheAgeSeconds = 600
    }
    voucherHandler = { weeklyBadPinExpiryHours = 744 }
    common.ignoreBTs = [ bonus, minutes ]
    common.ccsBalanceExpiryRoundUp = true
}
"""
EXAMPLE = "R11: what the source has in its example and not as its default; what stands here holds"


@pytest.fixture
def database(tmp_path: Path) -> ConfigDatabase:
    """Has a cascade `calls` and, of its own, `reservation.longest_seconds` 1800 and a zone of midnights."""
    made = open_tenant(tmp_path)
    with made.change("test") as change:
        sell(change)
    return made


def load(database: ConfigDatabase, text: str = FILE, **wish: object) -> ParameterReport:
    path = database.path.parent / "eserv.config"
    path.write_text(text)
    return import_parameters(database, path, **wish)  # type: ignore[arg-type]


def held(database: ConfigDatabase) -> dict[str, str]:
    rows = plain_sql(database, f"SELECT name, value FROM parameters WHERE tenant = '{TENANT}'")
    return {str(name): str(value) for name, value in rows}


def texts(report: ParameterReport) -> list[tuple[int, str]]:
    return [(one.line, one.text) for one in report.problems]


def test_a_file_is_set_as_its_names_mean_and_the_rulings_are_told(database: ConfigDatabase) -> None:
    report = load(database, customer="12")
    assert (report.tenant, report.problems, report.dry_run) == (TENANT, (), False)
    rows = {one.name: (one.line, one.source, one.value, one.before, one.note) for one in report.taken}
    assert rows == {
        "expiry.expire_at_midnight_zone": (
            *(4, "BE.expireAtMidnightTZ", "Asia/Vladivostok", "Asia/Vladivostok"),
            "R1: the midnight with which the day of the expiry begins; `expiry.expire_midnight_edge` has the other one",
        ),
        "reservation.longest_seconds": (9, "CCS.reservationHandler.maxReservationLength", "3600", "1800", ""),
        "reservation.tolerance_seconds": (
            *(10, "CCS.reservationHandler.reservationLengthTolerance", "30", None, EXAMPLE),
        ),
        "reservation.worst_case_buckets": (
            *(11, "CCS.reservationHandler.useWorstCaseBalances", "false", None, EXAMPLE),
        ),
        "reservation.discount_rule": (
            *(12, "CCS.reservationHandler.discountRuleType", "override", None),
            "R8: the request's discount alone, where it has one",
        ),
        "reservation.unanswered_free_is_use": (
            *(14, "CCS.reservationHandler.zeroLengthFreeCalls.updateLastUseDate", "false", None, ""),
        ),
        "event.cascade": (19, "CCS.namedEventHandler.CascadeNamesByAcsId.cascade", "calls", None, ""),
        "event.reservation_milliseconds": (
            *(22, "CCS.namedEventHandler.reservationPeriod", "3600", None),
            "R4: milliseconds, though its tolerance is in seconds",
        ),
        "event.rounding": (
            *(23, "CCS.namedEventHandler.roundingRuleType", "bankers", None),
            "R6: half up, away from zero, not half to even",
        ),
        "wallet.hidden_balance_types": (27, "CCS.common.ignoreBTs", "bonus,minutes", None, ""),
        "wallet.expiry_days_round_up": (
            *(28, "CCS.common.ccsBalanceExpiryRoundUp", "true", None),
            "R7: to the nearest day, not up to the next one",
        ),
        "expiry.delete_empty_balances": (*(0, "", "false", None, "the source's default, which the file leaves out"),),
        "record.suppress_rating_details": (*(0, "", "true", None, "the source's default, which the file leaves out"),),
    }
    assert held(database) == {name: value for name, (_, _, value, _, _) in rows.items()}
    assert report.changed == 12


def test_what_sets_nothing_is_told_with_its_reason(database: ConfigDatabase) -> None:
    report = load(database, customer="12")
    assert [(one.line, one.source.rpartition(".")[2], one.note, one.waits) for one in report.left] == [
        (3, "amPrimary", "one process decides: it has no interfaces, peers or pairs to name or to wait for", False),
        (7, "oracleUserAndPassword", "there is no Oracle database", False),
        *(
            (
                *(line, "acsCustomerId"),
                *("whose it is: the tenant of which the cascade beside it becomes a parameter", False),
            )
            for line in (19, 20)
        ),
        (20, "cascade", "customer 32's, and the tenant is customer 12", False),
        (24, "eventCacheAgeSeconds", "what is compiled is always fresh: no cache has an age", False),
        (26, "weeklyBadPinExpiryHours", "waits for vouchers; R9: as long as the monthly one; kept", True),
    ]
    assert "geheim" not in repr(report)


def test_case_57_each_customer_has_its_own_cascade(database: ConfigDatabase) -> None:
    """{12: Cascade1, 32: Cascade2}; a customer that no entry names keeps EventCascade, the default."""
    with database.change("test") as change:
        change.add_tenant(TenantRow("12", "EUR", "UTC"))
        change.add_tenant(TenantRow("99", "EUR", "UTC"))
        change.set_cascade("12", "Cascade1", ["cash"])
        change.set_cascade(TENANT, "Cascade2", ["cash"])
    text = """namedEventHandler.CascadeNamesByAcsId = [
        { acsCustomerId = 12 cascade = "Cascade1" } { cascade = "Cascade2" acsCustomerId = 32 } ]"""
    for wish, expected in (
        ({"tenant": "12"}, "Cascade1"),
        ({"tenant": TENANT, "customer": "32"}, "Cascade2"),
        ({"tenant": "99"}, None),
    ):
        report = load(database, text, **wish)
        assert report.problems == ()
        assert {one.name: one.value for one in report.taken}.get("event.cascade") == expected


def test_every_problem_at_once_and_nothing_is_set(database: ConfigDatabase) -> None:
    before = dump(database)
    report = load(
        database,
        "reservationHandler = {\n"
        "  discountTime = yes\n"  # 2
        "  maxLength = 5\n"  # 3
        "  maxReservationLength = 60\n"  # 4
        "}\n"
        'BE.expireAtMidnightTZ = "Brazil/DeNoranha"\n'  # 6
        "ccsVWARSPeriodicCharge = { retryTimeoutSeconds = 10 chargeTimeGMTHours = 24 }\n"  # 7
        "notificationPlugin.expiryWalletStates = AD\n"  # 8
        'namedEventHandler.CascadeNamesByAcsId = [ { cascade = "nobody" } ]\n'  # 9
        "common.ignoreBTs = [ cash, 201 ]\n"  # 10
        "common.maxConcurrentChargingSessions = 0\n"  # 11
        "reservationHandler.maxReservationLength = 61\n"  # 12
        'oraclePassword = "geheim"\n'  # 13
        "greedy 60\n",  # 14
    )
    assert texts(report) == [
        (2, "reservationHandler.discountTime: 'yes' is not one of true, false"),
        (3, "reservationHandler.maxLength: there is no such key"),
        (6, "BE.expireAtMidnightTZ: there is no time zone 'Brazil/DeNoranha'"),
        (7, "ccsVWARSPeriodicCharge.retryTimeoutSeconds: a misprint of the source: it is retryTimeoutMinutes"),
        (7, "ccsVWARSPeriodicCharge.chargeTimeGMTHours: '24' is out of range (0..23)"),
        (8, "notificationPlugin.expiryWalletStates: the key belongs to ccsVWARSExpiry"),
        (9, f"namedEventHandler.CascadeNamesByAcsId.cascade: {TENANT} has no cascade 'nobody'"),
        (10, "common.ignoreBTs: there is no balance type '201'"),
        (11, "common.maxConcurrentChargingSessions: '0' is no whole number between 1 and 1000000"),
        (12, "reservationHandler.maxReservationLength: line 4 says '60' of the same"),
        (13, "oraclePassword: the key belongs to ExpiryMessages"),
        (14, "a name is not followed by ="),
    ]
    assert [(one.name, one.value) for one in report.problems[:3]] == [
        ("reservationHandler.discountTime", "yes"),
        ("reservationHandler.maxLength", "(not shown)"),
        ("BE.expireAtMidnightTZ", "Brazil/DeNoranha"),
    ]
    assert "geheim" not in repr(report)
    assert "hunter" not in repr(load(database, "CCS.oracleUserAndPassword = user,hunter2\nCCS.dbPass = hunter2\n"))
    assert dump(database) == before


def test_a_dry_run_sets_nothing_and_tells_the_same(database: ConfigDatabase) -> None:
    before = dump(database)
    look = load(database, customer="12", dry_run=True)
    assert dump(database) == before
    done = load(database, customer="12")
    assert (look.taken, look.left, look.changed) == (done.taken, done.left, done.changed)


def test_again_changes_nothing_and_leaves_no_trace(database: ConfigDatabase) -> None:
    load(database, customer="12")
    before = dump(database)
    report = load(database, customer="12")
    assert (report.changed, dump(database)) == (0, before)


def test_the_audit_says_who_and_from_what_to_what(database: ConfigDatabase) -> None:
    revision = database.revision()
    load(database, "reservationHandler.maxReservationLength = 60")
    rows = plain_sql(
        database,
        "SELECT who, table_name, before ->> 'value', after ->> 'name', after ->> 'value' FROM audit"
        f" WHERE revision > {revision} ORDER BY revision LIMIT 1",
    )
    assert rows == [(WHO, "parameters", "1800", "reservation.longest_seconds", "60")]


def test_a_part_of_a_file_leaves_what_the_tenant_has(database: ConfigDatabase) -> None:
    """The source's defaults are for what neither says."""
    load(database, customer="12")
    before = held(database)
    report = load(database, "reservationHandler.greedyReservationLengthLimit = 30")
    assert [one.name for one in report.taken] == ["reservation.greedy_below_seconds"]
    assert held(database) == before | {"reservation.greedy_below_seconds": "30"}


def test_an_empty_file_is_the_source_s_defaults(database: ConfigDatabase) -> None:
    plain_sql(database, "DELETE FROM parameters")
    report = load(database, "")
    assert {one.name: one.value for one in report.taken} == dict(SOURCE_DEFAULTS) == held(database)


def test_one_value_in_two_places_is_one_parameter(database: ConfigDatabase) -> None:
    """BE and beVWARSExpiry have the same zone; where they differ, one of them would be lost."""
    same = 'BE = { expireAtMidnightTZ = "NZ" beVWARSExpiry = { expireAtMidnightTZ = "NZ" } }'
    (report,) = [one for one in load(database, same).taken if one.line]
    assert (report.name, report.value) == ("expiry.expire_at_midnight_zone", "NZ")
    other = 'BE = { expireAtMidnightTZ = "NZ" beVWARSExpiry = { expireAtMidnightTZ = false } }'
    assert texts(load(database, other)) == [
        (1, "BE.beVWARSExpiry.expireAtMidnightTZ: line 1 says 'NZ' of the same"),
    ]


def test_r2_false_is_no_zone_and_is_told(database: ConfigDatabase) -> None:
    (taken,) = [one for one in load(database, "BE.expireAtMidnightTZ = false").taken if one.line]
    assert taken == Taken(
        *(1, "BE.expireAtMidnightTZ", "expiry.expire_at_midnight_zone", "", "Asia/Vladivostok"),
        "R2: `false` means none, for it is a zone",
    )


def test_groups_that_are_one_key_here_are_left_whole(database: ConfigDatabase) -> None:
    report = load(
        database,
        "ccsSLEEChangeDaemon.beClient = { billingEngines = [\n"
        '  { id = 1, primary = { ip="a", port=1500 }, secondary = { ip="b", port=1500 } } ] }\n'
        'ccsRewards = { cmnPushFiles = [ "-d", "/x" ] balanceTypes = [ { id = 1 allowed = [ 1 ] } ] }\n'
        'beVWARS.plugins = [ "a.so" "b.so" ]\n',
    )
    assert report.problems == ()
    assert [(one.line, one.source.rpartition("ccsSLEEChangeDaemon.")[2], one.waits) for one in report.left] == [
        (2, "beClient.billingEngines.id", False),
        (2, "beClient.billingEngines.primary", False),
        (2, "beClient.billingEngines.secondary", False),
        (3, "ccsRewards.cmnPushFiles", True),
        (3, "ccsRewards.balanceTypes.id", True),
        (3, "ccsRewards.balanceTypes.allowed", True),
        (4, "beVWARS.plugins", True),
    ]
    assert isinstance(report.left[0], Left)


def test_files_that_are_none(database: ConfigDatabase, tmp_path: Path) -> None:
    path = tmp_path / "eserv.config"
    assert import_parameters(database, path).problems == (
        Wrong("eserv.config", 0, "", str(path), "the file cannot be read: No such file or directory"),
    )
    path.write_bytes(b"\xff\xfe")
    assert texts(import_parameters(database, path)) == [(0, "the file is no text in UTF-8")]
    path.write_bytes(b"#" * (LARGEST + 1))
    assert texts(import_parameters(database, path)) == [(0, "the file has more than 1048576 octets")]


def test_whose_it_is(database: ConfigDatabase) -> None:
    assert texts(load(database, tenant="nobody")) == [(0, f"there is no such tenant, it is one of {TENANT}")]
    with database.change("test") as change:
        change.add_tenant(TenantRow("two", "EUR", "UTC"))
    assert texts(load(database)) == [(0, f"there is no such tenant, it is one of {TENANT}, two")]
    report = load(database, "reservationHandler.maxReservationLength = 60", tenant="two")
    assert (report.tenant, held(database)["reservation.longest_seconds"]) == ("two", "1800")


def test_what_was_set_is_in_force(database: ConfigDatabase, tmp_path: Path) -> None:
    with compiled(database, tmp_path) as made:
        load(database, customer="12")
        assert made.check()
        rules = made.reader.rules(TENANT)
        assert (rules.reservation.longest_seconds, rules.reservation.tolerance_seconds) == (3600, 30)
        assert (rules.event.cascade, rules.event.reservation_milliseconds) == ("calls", 3600)
        assert rules.wallet.hidden_balance_types == ("bonus", "minutes")


def test_the_example_of_the_page_is_such_a_file(database: ConfigDatabase) -> None:
    with database.change("test") as change:
        change.set_cascade(TENANT, "Cascade1", ["cash"])
    page = (Path(__file__).parents[2] / "docs" / "parameters.md").read_text()
    (block,) = re.findall(r"(?s)both may go together:\n\n(.*?)\n\n", page)
    report = load(database, block, customer="12")
    assert report.problems == ()
    assert [(one.name, one.value) for one in report.taken if one.line] == [
        ("reservation.longest_seconds", "1800"),
        ("reservation.discount_rule", "s*w*r"),
        ("reservation.unanswered_free_is_recorded", "false"),
        ("event.cascade", "Cascade1"),
        ("wallet.hidden_balance_types", "bonus,minutes"),
    ]
