"""Shared groups: a wallet pays from what others share with it, never from what is their own."""

from __future__ import annotations

import pytest
from tests.engine.rig import EUR, NAS, Rig, granted, refusal, settled, stop
from tests.snapshot_dict import demo_snapshot

from tollhouse.snapshot.accounts import BalanceType
from tollhouse.snapshot.groups import Strategy
from tollhouse.values.commands import Authorize, Caller, ChangeWallet, Charge, CreateWallet, Recharge, Service
from tollhouse.values.instants import DAY, SECOND, Instant
from tollhouse.values.money import Amount
from tollhouse.values.refusals import Refusal
from tollhouse.values.uses import Use

FAMILY = Use(groups=("family",))


@pytest.fixture
def rig() -> Rig:
    """1001 shares 1 EUR with the group and has nothing else; 1002 shares 10 EUR and keeps 10 for itself; 1003 shares
    5 EUR in another group. 331.. costs a cent a second."""
    snapshot = demo_snapshot()
    snapshot.balance_types["shared"] = BalanceType("shared", "EUR", 5)
    rig = Rig(snapshot=snapshot)
    for name, opening in (("1001", 0), ("1002", 10), ("1003", 0)):
        rig.ask(CreateWallet("api", name, f"make-{name}", "EUR", opening * EUR))
    share(rig, "1001", 1)
    share(rig, "1002", 10)
    share(rig, "1003", 5, Use(groups=("friends",)))
    return rig


def share(rig: Rig, wallet: str, euros: int, use: Use = FAMILY, expiry: Instant = 0) -> None:
    key = f"share-{wallet}-{rig.store.batches}"
    rig.ask(Recharge("api", wallet, key, Amount(euros * EUR, "EUR"), "shared", use=use, expiry=expiry))


def shared(rig: Rig, wallet: str) -> int:
    return sum(bucket.value for bucket in rig.wallet(wallet).buckets if bucket.balance_type == "shared")


def call(seconds: int, name: str = "1001", call: str = "c1") -> Authorize:
    caller = Caller(NAS, name=name)
    return Authorize(caller, f"a-{call}", (call,), Service.VOICE, "33123", ask=seconds * SECOND, begin=True)


def test_another_s_shared_money_pays_and_its_own_does_not(rig: Rig) -> None:
    """1 EUR of its own and 10 of 1002's are 1100 s; the 10 that 1002 keeps are nobody else's."""
    found = granted(rig.ask(call(1200)))
    assert (found.granted, found.final) == (1100 * SECOND, True)
    assert (shared(rig, "1001"), shared(rig, "1002"), rig.wallet("1002").balance) == (11 * EUR, 0, 10 * EUR)
    assert settled(rig.ask(stop("c1", 250))).cost == 2_500_000
    assert shared(rig, "1001") + shared(rig, "1002") == 8_500_000
    rig.proved()


def test_only_what_is_needed_moves(rig: Rig) -> None:
    """250 s are 2.50, of which 1 is there."""
    granted(rig.ask(call(250)))
    assert (shared(rig, "1001"), shared(rig, "1002")) == (2_500_000, 8_500_000)
    assert [record.kind for record in rig.records("1002")][-1] == "transfer"
    rig.proved()


def test_what_was_lent_and_not_used_is_lent_back(rig: Rig) -> None:
    granted(rig.ask(call(1100)))
    rig.ask(stop("c1", 0))
    assert granted(rig.ask(call(2100, "1002", "c2"))).granted == 2100 * SECOND
    rig.proved()


def test_what_a_session_holds_is_lent_to_nobody(rig: Rig) -> None:
    """1002 holds the 11 that the two share; 1001 has nothing else."""
    granted(rig.ask(call(1100, "1002", "c2")))
    assert refusal(rig.ask(call(1000))) is Refusal.NO_FUNDS
    rig.proved()


def test_the_group_pays_before_what_is_the_wallet_s_alone_and_before_its_credit(rig: Rig) -> None:
    """1002 calls for 15 and has 10 of its own in the group: the other one comes from 1001, 4 are its own; with a credit
    limit of 5, 1001 has the group's 10 first."""
    granted(rig.ask(call(1500, "1002", "c2")))
    rig.ask(stop("c2", 1500, name="1002"))
    assert (shared(rig, "1001"), shared(rig, "1002"), rig.wallet("1002").balance) == (0, 0, 6 * EUR)
    share(rig, "1002", 10)
    rig.ask(ChangeWallet("api", "1001", "limit", credit_limit=5 * EUR))
    assert granted(rig.ask(call(1200))).granted == 1200 * SECOND
    assert settled(rig.ask(stop("c1", 1200))).cost == 12 * EUR
    assert (shared(rig, "1001"), shared(rig, "1002"), rig.wallet("1001").balance) == (0, 0, -2 * EUR)
    rig.proved()


def test_a_session_that_goes_on_and_a_one_shot_borrow_too(rig: Rig) -> None:
    granted(rig.ask(call(100)))
    more = rig.ask(Authorize(Caller(NAS, name="1001"), "more", ("c1",), Service.VOICE, "33123", ask=200 * SECOND))
    assert granted(more).granted == 200 * SECOND
    rig.ask(stop("c1", 0))
    sent = rig.ask(Charge(Caller("api", wallet="1001"), "sms", None, Service.MESSAGE, "331", 100))
    assert not hasattr(sent, "refusal")
    assert shared(rig, "1001") + shared(rig, "1002") == 11 * EUR - 100 * 50_000
    rig.proved()


def test_it_is_the_same_after_a_restart(rig: Rig) -> None:
    rig.restart()
    assert granted(rig.ask(call(1100))).granted == 1100 * SECOND
    rig.proved()


def test_another_group_lends_nothing(rig: Rig) -> None:
    """1003 has 5 EUR in a group of its own."""
    found = granted(rig.ask(call(2000, "1003", "c3")))
    assert (found.granted, shared(rig, "1002")) == (500 * SECOND, 10 * EUR)
    assert refusal(rig.ask(call(2000, "1003", "c4"))) is Refusal.NO_FUNDS
    rig.proved()


def family(strategies: dict[str, Strategy], *, equal: bool = False) -> Rig:
    """1001 shares 4 EUR, 1002 10, 1004 3 (or everyone 10), under these strategies of wallets."""
    snapshot = demo_snapshot()
    snapshot.balance_types["shared"] = BalanceType("shared", "EUR", 5)
    snapshot.strategies = {("demo", "family", wallet): strategy for wallet, strategy in strategies.items()}
    rig = Rig(snapshot=snapshot)
    for name, euros in (("1001", 4), ("1002", 10), ("1004", 3)):
        rig.ask(CreateWallet("api", name, f"make-{name}", "EUR"))
        share(rig, name, 10 if equal else euros)
    return rig


def left(rig: Rig) -> tuple[int, ...]:
    """What 1001, 1002 and 1004 have in the group, in EUR."""
    return tuple(shared(rig, name) // EUR for name in ("1001", "1002", "1004"))


@pytest.mark.parametrize(
    ("strategy", "after"),
    [
        (Strategy.LOWEST, (2, 10, 0)),  # 3 of 1004, then 2 of 1001's own 4
        (Strategy.HIGHEST, (4, 5, 3)),  # all 5 of 1002's 10
        (Strategy.MINE_LOWEST, (0, 10, 2)),  # its own 4, then 1 of 1004
        (Strategy.MINE_HIGHEST, (0, 9, 3)),  # its own 4, then 1 of 1002
    ],
)
@pytest.mark.parametrize("whose", ["1001", "*any"])
def test_whose_money_goes_first(whose: str, strategy: Strategy, after: tuple[int, ...]) -> None:
    """A call of 5 EUR; a strategy of its own counts before everyone's."""
    others = {"*any": Strategy.RANDOM, "1002": Strategy.RANDOM}
    rig = family({**others, whose: strategy})
    assert granted(rig.ask(call(500))).granted == 500 * SECOND
    assert settled(rig.ask(stop("c1", 500))).cost == 5 * EUR
    assert left(rig) == after
    rig.proved()


def test_the_strategy_counts_before_dates() -> None:
    """5 EUR of 1002's would end sooner, but 1004 has 3, which is less: 6 EUR are 4 of its own and 2 of 1004."""
    rig = family({"*any": Strategy.MINE_LOWEST})
    share(rig, "1002", 5, expiry=rig.clock + 30 * DAY)
    rig.ask(call(600))
    rig.ask(stop("c1", 600))
    assert left(rig) == (0, 15, 1)
    rig.proved()


def test_members_with_as_much_stand_in_the_order_of_their_names() -> None:
    rig = family({"*any": Strategy.MINE_HIGHEST}, equal=True)
    rig.ask(call(1100))
    assert (shared(rig, "1002"), shared(rig, "1004")) == (9 * EUR, 10 * EUR)


def test_by_chance_is_spread_over_the_members_and_the_same_when_asked_again() -> None:
    """Nobody configured the group: its own comes first, of which there is nothing after the first call. Twenty calls of
    a cent each are lent by both others, and another engine does the very same."""
    ends = []
    for _ in range(2):
        rig = family({}, equal=True)
        rig.ask(call(1000))
        rig.ask(stop("c1", 1000))
        for number in range(20):
            rig.ask(call(1, call=f"d{number}"))
            rig.ask(stop(f"d{number}", 1))
        assert shared(rig, "1002") + shared(rig, "1004") == 20 * EUR - 20 * EUR // 100
        rig.proved()
        ends.append((shared(rig, "1002"), shared(rig, "1004")))
    assert ends[0] == ends[1]
    assert 20 * EUR not in (ends[0][0] + 10 * EUR, ends[0][1] + 10 * EUR)


def test_what_is_lent_opens_no_other_group(rig: Rig) -> None:
    """1004's bucket is of both groups, 1001 is of the family alone: it is lent what 1004 has, and then 1003's friends
    are friends of 1004 only."""
    rig.ask(CreateWallet("api", "1004", "make-1004", "EUR"))
    share(rig, "1004", 2, Use(groups=("friends", "family")))
    assert granted(rig.ask(call(2000))).granted == (1 + 10 + 2) * 100 * SECOND
    rig.ask(stop("c1", 1300))
    assert refusal(rig.ask(call(1, call="c2"))) is Refusal.NO_FUNDS
    assert granted(rig.ask(call(500, "1003", "c3"))).granted == 500 * SECOND
    rig.proved()
