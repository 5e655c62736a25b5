"""What is left of a wallet that was removed: its records prove it, a late report is told, its name is given again."""

from __future__ import annotations

import pytest
from tests.engine.cases_rig import LIT, commit, cost, event, filled, initial, kinds, made, posted, rig_of, values, world
from tests.engine.rig import Rig, refusal

from tollhouse.snapshot.accounts import BalanceType
from tollhouse.snapshot.products import Product
from tollhouse.snapshot.rules import ExpiryRules, Rules
from tollhouse.values.commands import CreateWallet, Recharge, RemoveWallet
from tollhouse.values.instants import DAY, SECOND
from tollhouse.values.money import Amount, Unit
from tollhouse.values.outcomes import Done, WalletView
from tollhouse.values.refusals import Refusal

FREE = BalanceType("free", "second", 0, "voice", SECOND)


def removed(by: str) -> Rig:
    """100 and 30 of money and 20 free seconds; a call of 30 s; then removed by an operator or by its product."""
    product = Product("p", dormant=DAY, terminated=DAY, removed=DAY)
    rules = Rules(expiry=ExpiryRules(removal_is_only_listed=False))
    rig = rig_of(world(rules, products=(product,), types=(FREE,)))
    made(rig, 100, product="p")
    filled(rig, 30, "bonus")
    posted(rig.ask(Recharge("api", "1001", "free", Amount(20, "second"), "free")))
    rig.ask(initial(ask=60))
    assert cost(rig.ask(commit(used=30))) == 10
    if by == "operator":
        assert rig.ask(RemoveWallet("api", "1001", "remove")) == Done(1)
    else:
        while rig.sweep(DAY // SECOND):
            pass
    return rig


@pytest.mark.parametrize("by", ["operator", "product"])
def test_its_records_prove_that_it_went_empty(by: str) -> None:
    rig = removed(by)
    assert kinds(rig)[-1] == "removal"
    assert sorted(one.amount for one in rig.records()[-1].postings) == [-100, -20]
    rig.proved()
    rig.restart()
    assert refusal(rig.ask(event(1))) is Refusal.UNKNOWN_WALLET
    assert refusal(rig.ask(RemoveWallet("api", "1001", "again"))) is Refusal.UNKNOWN_WALLET
    rig.sweep(400 * DAY // SECOND)
    rig.proved()


def test_a_late_report_of_its_call_is_refused() -> None:
    rig = removed("operator")
    assert refusal(rig.ask(commit(used=40, key="late"))) is Refusal.UNKNOWN_WALLET
    assert rig.tally.counts.get(("engine_bugs", ""), 0) == 0
    rig.proved()


@pytest.mark.parametrize("by", ["operator", "product"])
def test_its_name_is_given_again_and_its_records_go_on(by: str) -> None:
    """The new wallet has nothing of the old one, no bucket has an id that one of the old had, both are proved."""
    rig = removed(by)
    before = len(rig.records())
    again = rig.ask(CreateWallet("api", "1001", "again", LIT, 5))
    assert isinstance(again, WalletView)
    assert (again.balance, again.records) == (5, before + 1)
    filled(rig, 7, "bonus")
    assert values(rig) == {4: 7, 1: 5}
    assert posted(rig.ask(event(6))).balance == 6
    rig.restart()
    assert [record.sequence for record in rig.records()] == list(range(1, before + 4))
    rig.proved()


def test_its_name_is_not_given_to_a_wallet_of_other_money() -> None:
    """One chain of records is in one unit."""
    rig = removed("operator")
    rig.snapshot.units["USD"] = Unit("USD", 2)
    assert refusal(rig.ask(CreateWallet("api", "1001", "again", "USD"))) is Refusal.UNIT_MISMATCH
