"""A bug in one command: its changes are thrown away, one wallet is put aside, the others are served on."""

from __future__ import annotations

import pytest
from tests.engine.rig import (
    EUR,
    NAS,
    Rig,
    authorize,
    caller,
    granted,
    refusal,
    rig_with,
    settled,
    start,
    stop,
    update,
)

from tollhouse.engine.book import PRICE
from tollhouse.values.commands import (
    Caller,
    ChangeWallet,
    Charge,
    CloseClient,
    CreateWallet,
    Recharge,
    Refund,
    Release,
    Sweep,
)
from tollhouse.values.instants import SECOND
from tollhouse.values.money import Amount
from tollhouse.values.outcomes import Done, WalletView
from tollhouse.values.refusals import Refusal

API = Caller("api", wallet="1001")


def broken(calls: tuple[str, ...] = ("c1",)) -> Rig:
    """Calls of 1001 to 44 have begun, that price is lost on disk, and the process started anew; 1002 is well."""
    rig = rig_with()
    rig.ask(CreateWallet("api", "1002", "make-1002", "EUR", 10 * EUR))
    for call in calls:
        rig.ask(authorize(call, ask=60 * SECOND))
        rig.ask(start(call))
    for name in [name for name in rig.store.entries if name[0] == PRICE]:
        del rig.store.entries[name]
    rig.restart()
    return rig


def test_the_wallet_is_put_aside_and_nothing_moved() -> None:
    rig = broken()
    assert refusal(rig.ask(stop(seconds=85))) is Refusal.INTERNAL_ERROR
    view = rig.wallet()
    assert (view.state, view.balance, view.held) == ("quarantined", 10 * EUR, 600_000)
    assert rig.records()[-1].note == "quarantined"
    assert rig.tally.counts["engine_bugs", ""] == 1
    rig.proved()


def test_the_others_of_the_turn_are_served() -> None:
    rig = broken()
    got = [
        rig.submit(one)
        for one in (
            authorize("d1", name="1002", called="331"),
            stop(seconds=85),
            authorize("d2", name="1002", called="331"),
        )
    ]
    rig.turn()
    assert granted(got[0][0]).granted == 1000 * SECOND  # 10 at 0.01 a second
    assert refusal(got[1][0]) is Refusal.INTERNAL_ERROR
    assert refusal(got[2][0]) is Refusal.NO_FUNDS
    assert rig.wallet("1002").state == "active"
    rig.proved()


@pytest.mark.parametrize(
    "command",
    [
        authorize("new"),
        update(seconds=30),
        stop(seconds=85),
        Charge(API, "k", Amount(EUR, "EUR")),
        Refund(API, "k", Amount(EUR, "EUR")),
        Recharge("api", "1001", "k", Amount(EUR, "EUR")),
        Release(caller(), "cancel", ("c2",)),
    ],
)
def test_it_takes_nothing_and_gives_nothing(command: Charge) -> None:
    rig = broken()
    rig.ask(authorize("c2", called="331", ask=60 * SECOND))
    rig.ask(stop(seconds=20))
    before = rig.wallet()
    assert before.state == "quarantined"
    assert refusal(rig.ask(command)) is Refusal.WALLET_QUARANTINED
    assert rig.wallet() == before


def test_its_sessions_wait_and_block_nobody() -> None:
    rig = broken(("c1", "c2"))
    rig.ask(authorize("d1", name="1002", called="331"))
    rig.ask(stop(seconds=85))
    assert rig.ask(CloseClient(NAS, "on", "reboot")) == Done(1)
    assert rig.sweep(600) == 2  # put off
    assert rig.sweep(59) == 0
    assert rig.sweep(1) == 2
    assert (rig.wallet().held, rig.wallet("1002").held) == (1_200_000, 0)
    rig.proved()


def test_nothing_of_it_expires_before_its_release() -> None:
    rig = rig_with()
    rig.ask(authorize("c1", ask=60 * SECOND))
    rig.ask(Recharge("api", "1001", "r", Amount(EUR, "EUR"), expiry=rig.clock + 60 * SECOND))
    price = next(entry for name, entry in rig.store.entries.items() if name[0] == PRICE)
    del rig.store.entries[PRICE, price.key]
    rig.restart()
    assert refusal(rig.ask(stop(seconds=85))) is Refusal.INTERNAL_ERROR
    rig.sweep(60)
    assert rig.store.due(rig.clock, 10) == []
    assert (rig.wallet().records, rig.wallet().held) == (3, 600_000)
    rig.ask(ChangeWallet("api", "1001", "release", state="active"))
    assert rig.sweep() == 1
    assert [posting.amount for posting in rig.records()[-1].postings] == [-EUR]
    rig.proved()


def test_a_sweep_puts_the_right_wallet_aside_and_then_goes_on() -> None:
    """c1 and c2 of 1001 and d1 of 1002 are due: only 1001 suffers, and the next sweep serves 1002."""
    rig = broken(("c1", "c2"))
    rig.ask(authorize("d1", name="1002", called="331"))
    rig.later(600)
    assert refusal(rig.ask(Sweep())) is Refusal.INTERNAL_ERROR
    assert (rig.wallet("1001").state, rig.wallet("1002").state) == ("quarantined", "active")
    rig.ask(Sweep())
    assert rig.wallet("1002").held == 0


def test_an_operator_releases_it() -> None:
    rig = rig_with()
    rig.ask(authorize(ask=60 * SECOND))
    price = next(entry for name, entry in rig.store.entries.items() if name[0] == PRICE)
    del rig.store.entries[PRICE, price.key]
    rig.restart()
    assert refusal(rig.ask(stop(seconds=85))) is Refusal.INTERNAL_ERROR
    rig.store.entries[PRICE, price.key] = price
    assert refusal(rig.ask(stop(seconds=85))) is Refusal.WALLET_QUARANTINED
    released = rig.ask(ChangeWallet("api", "1001", "release", state="active"))
    assert isinstance(released, WalletView)
    assert settled(rig.ask(stop(seconds=85))).cost == 641_700
    rig.proved()


@pytest.mark.parametrize("suspended", ["before", "meanwhile"])
def test_a_release_does_not_end_a_suspension(suspended: str) -> None:
    """An operator suspended it for a reason of his own: that ends by a second word of his, not with the quarantine."""
    rig = broken()
    suspend = ChangeWallet("api", "1001", "suspend", state="suspended")
    if suspended == "before":
        rig.ask(suspend)
    assert refusal(rig.ask(stop(seconds=85))) is Refusal.INTERNAL_ERROR
    if suspended == "meanwhile":
        rig.ask(suspend)
    rig.ask(ChangeWallet("api", "1001", "limit", credit_limit=EUR))
    assert rig.wallet().state == "quarantined"
    rig.restart()
    states = []
    for key in ("release", "resume"):
        rig.ask(ChangeWallet("api", "1001", key, state="active"))
        states.append(rig.wallet().state)
    assert states == ["suspended", "active"]
    rig.proved()


def test_an_answer_that_breaks_keeps_nobody_from_his() -> None:
    rig = rig_with()

    def breaks(_: object) -> None:
        raise RuntimeError("the connection is gone")

    rig.engine.submit(authorize("c1", ask=60 * SECOND), breaks)
    granted(rig.ask(authorize("c2", ask=60 * SECOND)))
    assert rig.wallet().held == 1_200_000
