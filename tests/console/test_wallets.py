"""wallet.* on a real engine: every field of a recharge, transfers, removals, and wallets as an operator sees them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.console.desks import audit, import_tariff, request
from tests.engine.rig import BEGIN, Rig, authorize, rig_with, start, stop
from tests.snapshot_dict import DictSnapshot, demo_snapshot

from tollhouse.console.desk import Desk
from tollhouse.console.jsonrpc import handle
from tollhouse.main.reading import StoreReading
from tollhouse.snapshot.accounts import BalanceType, Category, MaximumPolicy
from tollhouse.snapshot.products import Batch, Product
from tollhouse.snapshot.rules import ExpiryRules, RechargeRules, Rules, WalletRules
from tollhouse.values.instants import DAY, HOUR, SECOND, format_instant
from tollhouse.values.money import Unit
from tollhouse.values.uses import Timing, Use


def shop() -> DictSnapshot:
    """The demo's tenant with units beside money: whole and tenths of seconds, octets; a product and a batch."""
    snapshot = demo_snapshot()
    for name, decimals in (("second", 0), ("tick", 1), ("octet", 0)):
        snapshot.units[name] = Unit(name, decimals)
    for kind in (
        BalanceType("free", "second", 0, "voice", SECOND),
        BalanceType("fine", "tick", 0, "voice", SECOND // 10),
        BalanceType("traffic", "octet", 0, "data", 1, maximum=1000, maximum_policy=MaximumPolicy.CAP),
        BalanceType("spent", "EUR", 99, category=Category.EXPENDITURE),
    ):
        snapshot.balance_types[kind.name] = kind
    snapshot.products["demo", "basic"] = Product("basic", initial=30 * DAY)
    snapshot.batches["demo", "spring"] = Batch("spring", "basic")
    return snapshot


class Shop:
    """An API on a real engine; `rules` of the demo's tenant. Wallet 1001 has 10 euros."""

    def __init__(self, rules: Rules | None = None) -> None:
        snapshot = shop()
        if rules is not None:
            snapshot.tenant_rules["demo"] = rules
        self.rig: Rig = rig_with(snapshot=snapshot)
        self.desk = Desk(
            charging=self.rig.engine,
            reading=StoreReading(self.rig.store, lambda: self.rig.clock, snapshot),
            audit=audit,
            decimals=lambda name: unit.decimals if (unit := snapshot.units.get(name)) else None,
            status=dict,
            import_tariff=import_tariff,
            balance_type=snapshot.balance_types.get,
        )

    def ask(self, method: str, **params: object) -> Any:
        """The whole answer; requests that move something have an id of their own where none is given."""
        reads = method in ("wallet.get", "wallet.list", "session.get", "record.list", "wallet.trace", "record.export")
        key = {} if reads else {"request_id": f"r{self.rig.store.batches}"}
        answers: list[bytes | None] = []
        handle(msgspec.json.encode(request(method, {**key, **params})), self.desk, answers.append)
        self.rig.turn()
        return msgspec.json.decode(answers[0] or b"")

    def do(self, method: str, **params: object) -> Any:
        answer = self.ask(method, **params)
        assert "result" in answer, answer
        return answer["result"]

    def refused(self, method: str, **params: object) -> str:
        """The refusal, or the code of the error."""
        error = self.ask(method, **params)["error"]
        return str(error.get("data", {}).get("refusal", error["code"]))

    def bucket(self, balance_type: str, wallet: str = "1001") -> Any:
        """The first bucket of the balance type."""
        buckets = self.do("wallet.get", wallet=wallet)["buckets"]
        return next(one for one in buckets if one["balance_type"] == balance_type)


def test_amounts_are_in_the_balance_type_s_own_unit() -> None:
    """300 seconds are 300 steps, 1.5 of tenths of a second 15; the wallet's money stays 10."""
    at = Shop()
    done = at.do("wallet.recharge", wallet="1001", balance_type="free", amount="300")
    assert (done["amount"], done["unit"], done["balance"], done["balance_unit"]) == ("300", "second", "10", "EUR")
    at.do("wallet.recharge", wallet="1001", balance_type="fine", amount="1.5")
    assert [bucket.value for bucket in at.rig.wallet().buckets if bucket.balance_type == "fine"] == [15]
    free, fine = at.bucket("free"), at.bucket("fine")
    assert (free["value"], free["unit"], free["service"]) == ("300", "second", "voice")
    assert (fine["value"], fine["unit"], fine["service"]) == ("1.5", "tick", "voice")
    assert at.do("wallet.get", wallet="1001")["balance"] == "10"
    assert at.refused("wallet.recharge", wallet="1001", balance_type="free", amount="1.5") == "-32602"
    assert at.refused("wallet.recharge", wallet="1001", balance_type="free", amount="1", unit="EUR") == "unit_mismatch"
    at.rig.proved()


def test_a_recharge_of_several_lines_says_what_each_did() -> None:
    """Traffic has a maximum of 1000 and caps: of 1500 it takes 1000."""
    at = Shop()
    done = at.do(
        "wallet.recharge",
        wallet="1001",
        amount="2.5",
        lines=[
            {"balance_type": "free", "amount": "60", "policy": "from_today", "period": "12h"},
            {"balance_type": "traffic", "amount": "1500"},
            {"balance_type": "cash", "amount": "0.5"},
        ],
    )
    assert (done["amount"], done["balance"]) == ("3", "13")
    told = [(one["balance_type"], one["unit"], one["credited"], one["skipped"], one["why"]) for one in done["lines"]]
    assert told == [
        ("cash", "EUR", "2.5", "0", ""),
        ("free", "second", "60", "0", ""),
        ("traffic", "octet", "1000", "500", "capped"),
        ("cash", "EUR", "0.5", "0", ""),
    ]
    assert done["lines"][1]["expiry"] == format_instant(BEGIN + 12 * HOUR)
    at.rig.proved()


def test_case_142_a_line_that_fails_leaves_none_done() -> None:
    at = Shop()
    lines = [{"balance_type": "cash", "amount": "1"}, {"balance_type": "free", "amount": "5", "bucket": 99}]
    error = at.ask("wallet.recharge", wallet="1001", lines=lines)["error"]
    assert (error["data"]["refusal"], "line 2" in error["message"]) == ("invalid", True)
    assert at.do("wallet.get", wallet="1001")["balance"] == "10"


EVERYTHING = {
    "destinations": ["DST_UK", "!DST_331"],
    "categories": ["call"],
    "timings": [{"months": [7, 6], "month_days": [1], "week_days": [7, 6, 7], "time": "08:30"}],
    "subject": "*zero1m",
    "factors": {"data": 1048576, "voice": "0.5"},
    "blocker": True,
    "groups": ["family"],
}
AS_SHOWN = EVERYTHING | {
    "timings": [{"months": [6, 7], "month_days": [1], "week_days": [6, 7], "time": "08:30:00"}],
}


def test_a_bucket_has_every_restriction_that_it_is_given() -> None:
    at = Shop()
    fields = {"start": "2026-11-19T00:00:00Z", "expiry": "2026-12-19T00:00:00Z", "weight": 10}
    for amount in ("1", "2"):
        at.do("wallet.recharge", wallet="1001", balance_type="bonus", amount=amount, use=EVERYTHING, **fields)
    bonus = at.bucket("bonus")
    assert (bonus["value"], bonus["weight"], bonus["start"], bonus["expiry"]) == ("3", 10, *list(fields.values())[:2])
    assert bonus["use"] == AS_SHOWN
    stored = next(bucket.use for bucket in at.rig.wallet().buckets if bucket.balance_type == "bonus")
    assert stored == Use(
        ("DST_UK", "!DST_331"),
        ("call",),
        (Timing((), (6, 7), (1,), (6, 7), 8 * 3600 + 30 * 60),),
        "*zero1m",
        (("data", 1048576), ("voice", 500_000)),
        True,
        False,
        ("family",),
    )
    again = at.do("wallet.recharge", wallet="1001", balance_type="bonus", amount="1", use=bonus["use"], **fields)
    assert again["lines"][0]["balance"] == "4"
    at.do("wallet.recharge", wallet="1001", balance_type="cash", amount="1", use={})
    assert at.bucket("cash")["value"] == "11"


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"use": {"destination": ["DST"]}}, "destination"),
        ({"use": {"timings": [{"week_days": [8]}]}}, "week_days"),
        ({"use": {"timings": [{"time": "24:00"}]}}, "time"),
        ({"use": {"factors": {"voice": 0}}}, "factors.voice"),
        ({"use": {"factors": {"fax": 1}}}, "factors"),
        ({"use": {"destinations": [""]}}, "destinations"),
        ({"policy": "from_today"}, "period"),
        ({"policy": "keep", "period": "30d"}, "period"),
        ({"period": "30d"}, "period"),
        ({"policy": "from_today", "period": "30"}, "period"),
        ({"policy": "from_today", "period": "0d"}, "period"),
        ({"policy": "from_today", "period": "36526d"}, "period"),
        ({"policy": "from_today", "period": "1d", "expiry": "2027-01-01T00:00:00Z"}, "policy"),
        ({"policy": "absolute"}, "policy"),
        ({"lines": [{"balance_type": "nothing"}]}, "lines[0].balance_type"),
        ({"lines": [{"balance_type": "cash"}, {"balance_type": "free", "amount": "0.5"}]}, "lines[1].amount"),
        ({"lines": [{"balance_type": "cash", "amount": "-1"}]}, "lines[0].amount"),
        ({"lines": [{"balance_type": "cash", "amount": 1}]}, "amount"),
        ({"lines": [{"balance_type": "cash", "policy": "absolute"}]}, "lines[0].date"),
        ({"lines": [{"balance_type": "cash", "policy": "keep", "date": "2027-01-01T00:00:00Z"}]}, "lines[0].date"),
        ({"lines": [{"amount": "1"}]}, "balance_type"),
        ({"lines": [{"balance_type": "cash"}] * 101}, "lines"),
        ({"extension": {"policy": "later_of"}}, "extension.period"),
        ({"extension": {"policy": "from_tomorrow"}}, "extension"),
    ],
)
def test_what_makes_no_sense_is_named_and_nothing_is_asked(wrong: dict[str, object], named: str) -> None:
    at = Shop()
    error = at.ask("wallet.recharge", wallet="1001", amount="1", **wrong)["error"]
    assert (error["code"], named in error["message"]) == (-32602, True), error
    assert at.do("wallet.get", wallet="1001")["records"] == 1


@pytest.mark.parametrize(
    ("policy", "period", "days"),
    [("from_today", "30d", 60), ("extend_from_expiry", "30d", 90), ("later_of", "90d", 90), ("keep", "", 60)],
)
def test_5_6_each_policy_moves_the_date_of_the_bucket(policy: str, period: str, days: int) -> None:
    """The bucket lasts 60 days: from today +30 d may not shorten it; from its expiry it is 60 + 30; 90 d are later."""
    at = Shop()
    at.do("wallet.recharge", wallet="1001", balance_type="bonus", amount="1", policy="from_today", period="60d")
    done = at.do("wallet.recharge", wallet="1001", balance_type="bonus", amount="2", policy=policy, period=period)
    assert done["lines"][0]["expiry"] == format_instant(BEGIN + days * DAY)
    assert at.bucket("bonus")["value"] == "3"


@pytest.mark.parametrize(("shortens", "days"), [(True, 30), (False, 60)])
def test_case_88_from_today_shortens_where_the_rules_say_so(shortens: bool, days: int) -> None:
    at = Shop(Rules(recharge=RechargeRules(today_shortens_bucket=shortens)))
    at.do("wallet.recharge", wallet="1001", balance_type="bonus", amount="1", policy="from_today", period="60d")
    at.do("wallet.recharge", wallet="1001", balance_type="bonus", policy="from_today", period="30d")
    assert at.bucket("bonus")["expiry"] == format_instant(BEGIN + days * DAY)


def test_case_91_a_line_that_the_rules_skip_says_so() -> None:
    at = Shop(Rules(recharge=RechargeRules(undated_buckets_are_made=False)))
    done = at.do("wallet.recharge", wallet="1001", balance_type="free", amount="5")
    told = done["lines"][0]
    assert (told["bucket"], told["credited"], told["skipped"], told["why"]) == (None, "0", "5", "undated")


def test_case_92_a_wallet_of_a_product_waits_for_its_first_use() -> None:
    """A recharge is one where the rules say so: 30 days from then on."""
    at = Shop()
    made = at.do("wallet.create", wallet="w", product="basic", batch="spring", max_sessions=3)
    assert (made["state"], made["product"], made["batch"], made["max_sessions"]) == ("preuse", "basic", "spring", 3)
    assert (made["activated"], made["expiry"]) == (None, None)
    at.rig.later(60)
    at.do("wallet.recharge", wallet="w", amount="1")
    found = at.do("wallet.get", wallet="w")
    now = BEGIN + 60 * SECOND
    assert (found["state"], found["since"], found["activated"]) == ("active", format_instant(now), format_instant(now))
    assert found["expiry"] == format_instant(now + 30 * DAY)
    at = Shop(Rules(recharge=RechargeRules(activates_preuse=False)))
    at.do("wallet.create", wallet="w", product="basic")
    assert at.refused("wallet.recharge", wallet="w", amount="1") == "wallet_suspended"


@pytest.mark.parametrize("revives", [True, False])
def test_case_93_a_terminated_wallet_is_extended_or_refused(revives: bool) -> None:
    at = Shop(Rules(recharge=RechargeRules(revives_terminated=revives)))
    assert at.do("wallet.change", wallet="1001", state="terminated", note="left")["state"] == "terminated"
    assert at.refused("wallet.change", wallet="1001", state="active") == "invalid"
    extension = {"policy": "absolute", "date": format_instant(BEGIN + 30 * DAY)}
    answer = at.ask("wallet.recharge", wallet="1001", amount="1", extension=extension)
    if revives:
        assert answer["result"]["expiry"] == format_instant(BEGIN + 30 * DAY)
        assert at.do("wallet.get", wallet="1001")["state"] == "active"
    else:
        assert answer["error"]["data"]["refusal"] == "wallet_expired"


def test_case_94_what_was_there_is_replaced() -> None:
    """20 by 50."""
    at = Shop()
    at.do("wallet.recharge", wallet="1001", balance_type="bonus", amount="20")
    done = at.do("wallet.recharge", wallet="1001", lines=[{"balance_type": "bonus", "amount": "50", "replace": True}])
    told = done["lines"][0]
    assert (told["credited"], told["forfeited"], told["balance"]) == ("50", "20", "50")


@pytest.mark.parametrize(("makes", "types"), [(True, {"cash", "free", "bonus"}), (False, {"cash"})])
def test_case_99_a_wallet_is_provisioned_with_empty_buckets(makes: bool, types: set[str]) -> None:
    at = Shop(Rules(wallet=WalletRules(makes_empty_buckets=makes)))
    made = at.do("wallet.create", wallet="w", balance_types=["free", "bonus"])
    assert {bucket["balance_type"] for bucket in made["buckets"]} == types
    assert at.refused("wallet.create", wallet="v", balance_types=["nothing"]) == "invalid"
    assert at.refused("wallet.create", wallet="v", product="nothing") == "invalid"


def test_case_102_hidden_balance_types_are_not_shown_and_stand_all_the_same() -> None:
    at = Shop(Rules(wallet=WalletRules(hidden_balance_types=("bonus",))))
    at.do("wallet.recharge", wallet="1001", balance_type="bonus", amount="5")
    for view in (
        at.do("wallet.get", wallet="1001"),
        at.do("wallet.list")["wallets"][0],
        at.do("wallet.change", wallet="1001", credit_limit="1"),
    ):
        assert [bucket["balance_type"] for bucket in view["buckets"]] == ["cash"]
        assert view["balance"] == "15"


@pytest.mark.parametrize(
    ("expiry", "rounds_up", "days"),
    [(3 * DAY + 6 * HOUR, True, 3), (3 * DAY + 6 * HOUR, False, 3), (90 * HOUR, True, 4), (90 * HOUR, False, 3)],
)
def test_case_4_days_to_go(expiry: int, rounds_up: bool, days: int) -> None:
    """3.25 days are shown as 3; 3.75 days (90 hours) as 4 or 3."""
    at = Shop(Rules(wallet=WalletRules(expiry_days_round_up=rounds_up)))
    at.do("wallet.recharge", wallet="1001", balance_type="bonus", amount="1", expiry=format_instant(BEGIN + expiry))
    assert at.bucket("bonus")["days_to_go"] == days
    assert at.bucket("cash")["days_to_go"] is None
    assert at.do("wallet.list")["wallets"][0]["buckets"][0]["days_to_go"] == days


def test_the_operator_s_moves() -> None:
    at = Shop()
    for state in ("suspended", "active", "frozen", "active"):
        assert at.do("wallet.change", wallet="1001", state=state, note="why")["state"] == state
    assert at.refused("wallet.change", wallet="1001", state="preuse") == "-32602"
    assert at.do("wallet.change", wallet="1001", max_sessions=2)["max_sessions"] == 2
    assert at.refused("wallet.change", wallet="1001", max_sessions=-1) == "-32602"
    assert at.rig.records()[-1].note.startswith("state=active")
    at.rig.proved()


def test_a_transfer_is_all_or_nothing_and_keeps_what_restricts_it() -> None:
    """60 of 100 seconds, usable to the UK only, go with their date; then 50 are more than the 40 that are left."""
    at = Shop()
    at.do("wallet.create", wallet="other")
    use = {"destinations": ["DST_UK"]}
    at.do(
        "wallet.recharge",
        wallet="1001",
        lines=[{"balance_type": "free", "amount": "100", "policy": "from_today", "period": "5d", "use": use}],
    )
    done = at.do("wallet.transfer", wallet="1001", to="other", balance_type="free", amount="60", note="gift")
    assert (done["wallet"], done["amount"], done["unit"]) == ("1001", "-60", "second")
    assert (done["balance"], done["balance_unit"]) == ("10", "EUR")
    got = at.bucket("free", "other")
    assert (got["value"], got["expiry"], got["use"]) == ("60", format_instant(BEGIN + 5 * DAY), use)
    assert at.refused("wallet.transfer", wallet="1001", to="other", balance_type="free", amount="50") == (
        "insufficient_funds"
    )
    assert at.refused("wallet.transfer", wallet="1001", to="1001", amount="1") == "invalid"
    assert at.refused("wallet.transfer", wallet="1001", to="nobody", amount="1") == "unknown_wallet"
    assert at.refused("wallet.transfer", wallet="1001", to="other", amount="-1") == "invalid"
    assert at.refused("wallet.transfer", wallet="1001", to="é" * 101, amount="1") == "-32602"
    assert at.bucket("free")["value"] == "40"
    at.rig.proved()


def test_case_98_a_wallet_is_removed_unless_a_session_is_open() -> None:
    at = Shop()
    at.rig.ask(authorize(ask=60 * SECOND))
    at.rig.ask(start())
    assert at.refused("wallet.remove", wallet="1001") == "invalid"
    at.rig.ask(stop(seconds=60))
    asked = {"wallet": "1001", "note": "left", "request_id": "gone"}
    assert at.do("wallet.remove", **asked) == {"count": 1}
    assert at.do("wallet.remove", **asked) == {"count": 1}
    assert at.refused("wallet.get", wallet="1001") == "unknown_wallet"
    assert at.refused("wallet.remove", wallet="1001") == "unknown_wallet"
    last = at.do("record.list", wallet="1001")["records"][-1]
    assert (last["kind"], last["amount"], last["balance"], last["note"]) == ("removal", "-9.4", "0", "left")


def test_each_request_is_done_once() -> None:
    at = Shop()
    at.do("wallet.create", wallet="other")
    recharge = {"wallet": "1001", "lines": [{"balance_type": "free", "amount": "5"}], "request_id": "a"}
    transfer = {"wallet": "1001", "to": "other", "amount": "1", "request_id": "b"}
    assert at.do("wallet.recharge", **recharge) == at.do("wallet.recharge", **recharge)
    assert at.do("wallet.transfer", **transfer) == at.do("wallet.transfer", **transfer)
    assert at.refused("wallet.transfer", **(transfer | {"amount": "2"})) == "conflict"
    assert (at.bucket("free")["value"], at.bucket("cash")["value"]) == ("5", "9")


def test_what_a_session_holds_is_told_by_bucket_and_unit() -> None:
    """A minute of a call: the first 30 seconds are free, so money is held as well."""
    at = Shop()
    use = {"subject": "*zero1s"}
    at.do("wallet.recharge", wallet="1001", lines=[{"balance_type": "free", "amount": "30", "use": use}])
    at.rig.ask(authorize(ask=60 * SECOND))
    [session] = at.desk.reading.sessions("", 10)
    told = at.do("session.get", session=session.session)
    held = {one["balance_type"]: (one["amount"], one["unit"]) for one in told["holds"]}
    assert held["free"] == ("30", "second")
    assert held["cash"] == (told["held"], "EUR")
    assert at.do("wallet.get", wallet="1001")["held"] == told["held"]


def test_records_are_told_in_each_posting_s_unit() -> None:
    at = Shop()
    at.do(
        "wallet.recharge",
        wallet="1001",
        amount="1.5",
        lines=[{"balance_type": "fine", "amount": "2.5"}, {"balance_type": "free", "amount": "60"}],
    )
    told = at.do("record.list", wallet="1001")["records"][-1]
    assert (told["amount"], told["unit"]) == ("1.5", "EUR")
    assert told["units"] == [{"unit": "tick", "amount": "2.5"}, {"unit": "second", "amount": "60"}]
    assert [(one["balance_type"], one["unit"], one["amount"]) for one in told["postings"]] == [
        ("cash", "EUR", "1.5"),
        ("fine", "tick", "2.5"),
        ("free", "second", "60"),
    ]


def test_a_bucket_that_is_gone_keeps_its_unit_in_the_journal() -> None:
    """Its balance went with it (expiry.delete_empty_balances); its type is known no more."""
    at = Shop(Rules(expiry=ExpiryRules(delete_empty_balances=True)))
    lines = [{"balance_type": "fine", "amount": "2.5", "policy": "from_today", "period": "1h"}]
    at.do("wallet.recharge", wallet="1001", lines=lines)
    at.rig.later(2 * 3600)
    at.rig.sweep()
    expiry = at.do("record.list", wallet="1001")["records"][-1]
    assert (expiry["kind"], expiry["units"]) == ("expiry", [{"unit": "tick", "amount": "-2.5"}])
    moves = [entry["moves"] for entry in at.do("wallet.trace", wallet="1001")["entries"]]
    assert [(one["unit"], one["amount"], one["value"]) for one in moves[1]] == [("tick", "2.5", "2.5")]
    assert [(one["unit"], one["amount"], one["value"]) for one in moves[2]] == [("tick", "-2.5", "0")]


def test_an_export_of_tags_needs_rules() -> None:
    at = Shop()
    page = at.do("record.export", wallet="1001", form="text")
    assert page["heading"] == ""
    assert page["text"].startswith("SEQUENCE_NUMBER=1|CDR_TYPE=2|")
    assert at.refused("record.export", form="text", after="no token") == "-32602"
    over_files = StoreReading(at.rig.store, lambda: BEGIN)
    at.desk = Desk(at.rig.engine, over_files, audit, {}.get, dict, import_tariff)
    assert at.refused("record.export", form="text") == "unsupported"
