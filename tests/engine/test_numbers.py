"""The tutorial's tariff on a wallet of 10: 0.4 to connect, 0.2 for the first minute, then 0.1 a minute by seconds."""

from __future__ import annotations

import pytest
from tests.engine.rig import EUR, authorize, granted, rig_with, settled, start, stop, update
from tests.snapshot_dict import CENT_A_SECOND, demo_snapshot, interval, single_plan

from tollhouse.snapshot.tariff import Slot
from tollhouse.values.commands import Quote, Service
from tollhouse.values.instants import SECOND
from tollhouse.values.outcomes import Priced


@pytest.mark.parametrize(
    ("seconds", "cost"),
    [
        (0, 0),
        (1, 600_000),  # 0.4 + 0.2: the first minute is charged whole
        (20, 600_000),
        (60, 600_000),
        (61, 601_700),  # 0.6 + 0.1/60 = 0.60166.. -> 0.6017
        (85, 641_700),  # 0.6 + 25 x 0.1/60 = 0.641666.. -> 0.6417
        (5700, 10_000_000),  # 0.6 + 5640 x 0.1/60 = 0.6 + 9.4
    ],
)
def test_a_call_costs(seconds: int, cost: int) -> None:
    rig = rig_with()
    granted(rig.ask(authorize()))
    rig.ask(start())
    rig.later(seconds)
    ended = settled(rig.ask(stop(seconds=seconds)))
    assert (ended.cost, ended.balance, ended.overdrawn) == (cost, 10 * EUR - cost, 0)
    assert (rig.wallet().balance, rig.wallet().held) == (10 * EUR - cost, 0)
    rig.proved()


def test_the_longest_call_that_ten_pays_is_5700_seconds() -> None:
    grant = granted(rig_with().ask(authorize()))
    assert (grant.granted, grant.final, grant.balance, grant.funds) == (5700 * SECOND, True, 0, 10 * EUR)


def test_a_grant_is_capped_at_7200_seconds() -> None:
    """Oracle 24: the longest grant. 0.6 + 7140 x 0.1/60 = 12.5 is held of 20; not final, for there is more."""
    rig = rig_with(opening=20 * EUR)
    grant = granted(rig.ask(authorize()))
    assert (grant.granted, grant.final, grant.balance, grant.funds) == (7200 * SECOND, False, 7_500_000, 20 * EUR)


def test_what_is_asked_for_is_held_and_no_more() -> None:
    grant = granted(rig_with().ask(authorize(ask=60 * SECOND)))
    assert (grant.granted, grant.final, grant.balance) == (60 * SECOND, False, 9_400_000)


@pytest.mark.parametrize("reports", [(), (10,), (30, 60), (20, 40, 61, 70)])
def test_reports_on_the_way_change_nothing_and_the_connect_fee_is_charged_once(reports: tuple[int, ...]) -> None:
    rig = rig_with()
    rig.ask(authorize())
    rig.ask(start())
    for seconds in reports:
        rig.ask(update(seconds=seconds))
    assert settled(rig.ask(stop(seconds=85))).cost == 641_700
    taken = [posting.amount for record in rig.records()[1:] for posting in record.postings]
    assert sum(taken) == -641_700
    rig.proved()


def test_the_records_say_what_each_report_took() -> None:
    """20 s: 0.6; 61 s: 0.6017, so 0.0017 more; 85 s: 0.04 more."""
    rig = rig_with()
    rig.ask(authorize())
    rig.ask(start())
    rig.ask(update(seconds=20))
    rig.ask(update(seconds=61))
    rig.ask(stop(seconds=85))
    took = [sum(posting.amount for posting in record.postings) for record in rig.records()]
    assert took == [10 * EUR, -600_000, -1_700, -40_000]
    calls = [record.call for record in rig.records()[1:]]
    assert [(call.usage, call.cost, call.ended) for call in calls if call] == [
        (20 * SECOND, 600_000, ""),
        (61 * SECOND, 601_700, ""),
        (85 * SECOND, 641_700, "stop"),
    ]


def test_a_new_tariff_never_touches_a_running_call() -> None:
    """Case oracle 51: the session stays on the configuration it began with, the next one takes the new."""
    rig = rig_with()
    rig.ask(authorize())
    rig.ask(start())
    single_plan(rig.snapshot, Service.VOICE, "RP_DEMO", {"44": (CENT_A_SECOND,)})
    assert settled(rig.ask(stop(seconds=85))).cost == 641_700
    rig.ask(authorize("c2"))
    rig.ask(start("c2"))
    assert settled(rig.ask(stop("c2", 85))).cost == 850_000  # 85 x 0.01


FREE = interval(Slot(0, 0, 0, 0, 60 * SECOND, SECOND))


@pytest.mark.parametrize(("opening", "credit"), [(10 * EUR, 0), (0, 0)])
def test_a_free_call_is_granted_for_its_cap_and_holds_nothing(opening: int, credit: int) -> None:
    """Oracle 5, step 7: free means the longest grant, reserving nothing."""
    snapshot = demo_snapshot()
    single_plan(snapshot, Service.VOICE, "RP_FREE", {"0800": (FREE,)})
    rig = rig_with(opening=opening, credit=credit, snapshot=snapshot)
    grant = granted(rig.ask(authorize(called="0800")))
    assert (grant.granted, grant.final, rig.wallet().held) == (7200 * SECOND, False, 0)
    rig.ask(start())
    assert settled(rig.ask(stop(seconds=300))).cost == 0
    assert [record.kind for record in rig.records()] == ["open", "session"]


def test_a_free_call_of_a_wallet_in_debt_is_granted_for_its_cap() -> None:
    snapshot = demo_snapshot()
    rig = rig_with(opening=EUR, snapshot=snapshot)
    rig.ask(authorize())
    rig.ask(start())
    rig.ask(stop(seconds=600))  # 0.6 + 540 x 0.1/60 = 1.5: half a euro of debt
    assert rig.wallet().balance == -500_000
    single_plan(snapshot, Service.VOICE, "RP_FREE", {"0800": (FREE,)})
    assert granted(rig.ask(authorize("c2", called="0800"))).granted == 7200 * SECOND


def test_quote_adds_up() -> None:
    quoted = rig_with().ask(Quote("demo", "call", "1001", Service.VOICE, "4420", 85 * SECOND))
    assert isinstance(quoted, Priced)
    assert (quoted.cost, quoted.fee, quoted.prefix, quoted.plan) == (641_700, 400_000, "44", "RP_DEMO")
    assert [(part.units, part.price, part.cost) for part in quoted.parts] == [
        (60 * SECOND, "0.2/60s", "0.2"),
        (25 * SECOND, "0.1/60s", "1/24"),
    ]
