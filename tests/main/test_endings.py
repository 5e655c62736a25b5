"""Case 70: wallets that were terminated or removed, from the engine's records to the lists of other systems."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace
from tests.engine.cases_rig import filled, made, recharge, rig_of, world
from tests.engine.rig import Rig

from tollhouse.cli.errors import CommandError
from tollhouse.cli.files import End, write_lists
from tollhouse.console.reading import TokenError
from tollhouse.main.exporting import WALLETS
from tollhouse.main.reading import StoreReading
from tollhouse.snapshot.products import Product
from tollhouse.snapshot.rules import ExpiryRules, RechargeRules, Rules
from tollhouse.values.commands import ChangeWallet, RemoveWallet
from tollhouse.values.instants import DAY, parse_instant
from tollhouse.values.recharges import ExpiryPolicy, Line, Validity

AT = "2026-05-10T15:04:05Z"
SHORT = Product("short", removed=5 * DAY)


def rig_by(rules: Rules | None = None) -> Rig:
    """It is four seconds before AT."""
    return rig_of(world(rules, products=(SHORT,)), at="2026-05-10T15:04:01Z")


def wallet(rig: Rig, name: str, ends: str = "", product: str = "") -> None:
    made(rig, 10, name=name, product=product)
    if product:
        rig.ask(recharge(rig, Line("cash", 1), name=name))
    if ends:
        rig.ask(ChangeWallet("api", name, f"date-{name}", expiry=parse_instant(ends)))


def ended(rig: Rig, since: str = "", until: str = "", limit: int = 100) -> list[End]:
    """All pages."""
    begin, end = (parse_instant(text) if text else 0 for text in (since, until))
    found, after = [], ""
    while True:
        rows, following = StoreReading(rig.store, lambda: rig.clock).ended(begin, end, after, limit)
        found += rows
        if not following:
            return sorted(msgspec.convert(found, type=list[End]), key=lambda one: (one.at, one.wallet))
        after = following


def told(ends: list[End]) -> list[tuple[str, str, str, str]]:
    return [(one.list, one.wallet, one.at, one.cause) for one in ends]


def test_case_70_terminated_its_line_is_in_the_file_of_that_second(tmp_path: Path) -> None:
    rig = rig_by()
    wallet(rig, "1001", AT)
    wallet(rig, "other")
    rig.sweep(4)
    [path] = write_lists(tmp_path, ended(rig))
    assert path == tmp_path / "expiredWallet_20260510150405.log"
    assert path.read_text() == f"{AT}|wallet_expired|demo|1001\n"
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_case_70_a_file_is_closed_after_60_s(tmp_path: Path) -> None:
    """15:04:05 opens it, 15:05:04 is its last line; 15:05:05 opens the next one. Removals have files of their own."""
    rig = rig_by()
    for name, at in (("a", AT), ("b", "2026-05-10T15:05:04Z"), ("c", "2026-05-10T15:05:05Z")):
        wallet(rig, name, at)
    rig.sweep(4)
    rig.sweep(59)
    rig.sweep(1)
    rig.later(1)
    rig.ask(RemoveWallet("api", "b", "gone"))
    files = {path.name: path.read_text().splitlines() for path in write_lists(tmp_path, ended(rig))}
    assert files == {
        "expiredWallet_20260510150405.log": [
            f"{AT}|wallet_expired|demo|a",
            "2026-05-10T15:05:04Z|wallet_expired|demo|b",
        ],
        "expiredWallet_20260510150505.log": ["2026-05-10T15:05:05Z|wallet_expired|demo|c"],
        "removedWallet_20260510150506.log": ["2026-05-10T15:05:06Z|removal|demo|b"],
    }


def test_case_70_a_late_sweep_is_listed_when_it_was_done_and_says_when_it_was_due() -> None:
    """An hour late: whoever lists hour after hour finds it in the hour in which it came to be."""
    rig = rig_by()
    wallet(rig, "1001", AT)
    rig.sweep(3604)
    assert ended(rig, "2026-05-10T15:00:00Z", "2026-05-10T16:00:00Z") == []
    [one] = ended(rig, "2026-05-10T16:00:00Z", "2026-05-10T17:00:00Z")
    assert (one.at, one.due) == ("2026-05-10T16:04:05Z", AT)


def test_case_71_what_is_only_to_be_removed_is_listed_as_due_and_what_was_removed_too() -> None:
    """Terminated by an operator, its five days over: listed, and its inquiry still answers; or it is gone."""
    for only_listed in (True, False):
        rig = rig_by(Rules(expiry=ExpiryRules(removal_is_only_listed=only_listed)))
        wallet(rig, "1001", product="short")
        rig.ask(ChangeWallet("api", "1001", "end", state="terminated"))
        rig.sweep(5 * 86_400)
        assert told(ended(rig)) == [
            ("expiredWallet", "1001", "2026-05-10T15:04:01Z", "operator"),
            ("removedWallet", "1001", "2026-05-15T15:04:01Z", "removal"),
        ]
        assert (rig.engine.book.wallet("1001") is not None) is only_listed


def test_one_that_came_back_to_life_was_on_the_list_all_the_same() -> None:
    rig = rig_by(Rules(recharge=RechargeRules(revives_terminated=True)))
    wallet(rig, "1001", AT)
    rig.sweep(4)
    month = Validity(ExpiryPolicy.FROM_TODAY, 30 * DAY)
    rig.later(60)
    rig.ask(recharge(rig, Line("cash", 5), extension=month))
    assert rig.wallet().state == "active"
    filled(rig, 1)
    assert told(ended(rig, AT, "2026-05-10T15:04:06Z")) == [("expiredWallet", "1001", AT, "wallet_expired")]


@pytest.mark.parametrize("limit", [1, 2, 3, 1000])
def test_whatever_the_page_each_end_is_there_once(limit: int) -> None:
    rig = rig_by()
    for name in ("a", "b", "c"):
        wallet(rig, name, AT)
        wallet(rig, f"{name}-not")
    rig.sweep(4)
    rig.ask(RemoveWallet("api", "b", "gone"))
    assert [(one.list, one.wallet) for one in ended(rig, limit=limit)] == [
        ("expiredWallet", "a"),
        ("expiredWallet", "b"),
        ("removedWallet", "b"),
        ("expiredWallet", "c"),
    ]


def test_a_page_looks_at_a_bounded_number_of_wallets() -> None:
    """Of those that never ended nothing is read, but their images are."""
    rig = rig_by()
    for number in range(WALLETS + 20):
        made(rig, 0, name=f"{number:04}")
    rig.later(1)
    since = rig.clock
    rows, following = StoreReading(rig.store, lambda: rig.clock).ended(since, 0, "", 100)
    assert (rows, following) == ([], f"0 {WALLETS:04}")
    assert StoreReading(rig.store, lambda: rig.clock).ended(since, 0, following, 100) == ([], "")


def test_the_same_list_may_be_written_again_and_no_other_one_over_it(tmp_path: Path) -> None:
    end = End("expiredWallet", AT, AT, "disuse", "demo", "a\nb")
    for _ in range(2):
        [path] = write_lists(tmp_path, [end])
        assert path.read_text() == f"{AT}|disuse|demo|a\\nb\n"
    with pytest.raises(CommandError, match="with other lines"):
        list(write_lists(tmp_path, [end, replace(end, wallet="c")]))
    assert path.read_text() == f"{AT}|disuse|demo|a\\nb\n"
    with pytest.raises(CommandError, match="cannot write"):
        list(write_lists(tmp_path / "nowhere", [end]))
    assert list(write_lists(tmp_path, [])) == []


def test_what_is_no_token_is_refused() -> None:
    with pytest.raises(TokenError):
        StoreReading(rig_by().store, lambda: 0).ended(0, 0, "x", 10)
