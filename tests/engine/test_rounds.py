"""What becomes of wallets that sleep while the configuration changes what they live under.

On access a wallet is at once what the configuration says now. The index of what is due was made of what it said at the
wallet's last change: what came later in it is put off, what came earlier is found by the round of the day.
"""

from __future__ import annotations

from msgspec.structs import replace
from tests.engine.cases_rig import LIT, event, filled, made, posted, rig_of, world
from tests.engine.rig import Rig, refusal

from tollhouse.engine.book import WALLET
from tollhouse.engine.rounds import WALLETS, Rounds
from tollhouse.engine.timers import Timers
from tollhouse.snapshot.products import Batch, Product
from tollhouse.values.commands import CreateWallet, Sweep
from tollhouse.values.instants import DAY, SECOND, format_instant, parse_instant
from tollhouse.values.outcomes import Done, WalletView
from tollhouse.values.refusals import Refusal

BEGUN = "2026-03-01T10:00:00Z"
SIXTY = Product("p", dormant=60 * DAY)
A_DAY = DAY // SECOND


def sleeping(product: Product = SIXTY) -> Rig:
    """Wallet 1001 of the product, used at BEGUN and never since."""
    rig = rig_of(world(products=(product,)), at=BEGUN)
    made(rig, 100, product="p")
    posted(rig.ask(event(1)))
    return rig


def sold_as(rig: Rig, product: Product) -> None:
    """From now on the product is this."""
    rig.snapshot.products["demo", "p"] = product
    rig.snapshot.number += 1


def days_on(rig: Rig, days: int) -> None:
    """The clock stands so many days after BEGUN, and a sweep has been."""
    rig.clock = parse_instant(BEGUN) + days * DAY
    assert isinstance(rig.ask(Sweep()), Done)


def state(rig: Rig, name: str = "1001") -> str:
    """As it is stored, which no look has caught up with."""
    wallet = rig.engine.book.wallet(name)
    assert wallet is not None
    return wallet.state


def due(rig: Rig, name: str = "1001") -> str:
    at = rig.store.entries[WALLET, name.encode()].due
    return format_instant(at) if at else "never"


def look_round(rig: Rig) -> None:
    """A process that has just started looks at all wallets."""
    rounds = Rounds(rig.engine, rig.store)
    for _ in range(5):
        rounds.step()
        rig.turn()


def note(rig: Rig, name: str = "1001") -> str:
    return rig.records(name)[-1].note


def test_a_longer_period_puts_it_off_and_the_index_knows_the_new_date() -> None:
    """60 days from 1 March are 30 April, 90 days 30 May."""
    rig = sleeping()
    assert due(rig) == "2026-04-30T10:00:00Z"
    sold_as(rig, replace(SIXTY, dormant=90 * DAY))
    days_on(rig, 60)
    assert (state(rig), due(rig), len(rig.records())) == ("active", "2026-05-30T10:00:00Z", 3)
    days_on(rig, 89)
    assert state(rig) == "active"
    days_on(rig, 90)
    assert (state(rig), len(rig.records())) == ("dormant", 4)
    assert "due=2026-05-30T10:00:00Z" in note(rig)
    rig.proved()


def test_a_period_that_is_none_any_more_leaves_it_out_of_the_index() -> None:
    rig = sleeping()
    sold_as(rig, replace(SIXTY, dormant=0))
    days_on(rig, 60)
    assert (state(rig), due(rig)) == ("active", "never")
    sold_as(rig, SIXTY)
    days_on(rig, 61)
    assert state(rig) == "active"
    look_round(rig)
    assert state(rig) == "dormant"


def test_a_shorter_period_is_true_on_access_at_once() -> None:
    """30 days from 1 March are 31 March; a use on 15 April wakes it from the sleep it fell into then."""
    rig = sleeping()
    sold_as(rig, replace(SIXTY, dormant=30 * DAY))
    days_on(rig, 45)
    assert (state(rig), rig.wallet().state) == ("active", "dormant")
    posted(rig.ask(event(1, "again")))
    slept, woke, _ = rig.records()[-3:]
    assert slept.note == "state=dormant was=active cause=disuse due=2026-03-31T10:00:00Z"
    assert woke.note.startswith("state=active was=dormant cause=use")
    rig.proved()


def test_a_shorter_period_is_true_by_the_index_when_the_old_one_is_over_at_the_latest() -> None:
    rig = sleeping(replace(SIXTY, terminated=90 * DAY))
    sold_as(rig, Product("p", dormant=30 * DAY, terminated=10 * DAY))
    days_on(rig, 59)
    assert state(rig) == "active"
    days_on(rig, 60)
    assert state(rig) == "terminated"
    assert [record.note.partition("due=")[2][:10] for record in rig.records() if "cause=disuse" in record.note] == [
        "2026-03-31",
        "2026-04-10",
    ]


def test_a_shorter_period_is_true_by_the_round_of_the_day() -> None:
    rig = sleeping()
    sold_as(rig, replace(SIXTY, dormant=30 * DAY))
    days_on(rig, 29)
    look_round(rig)
    assert state(rig) == "active"
    days_on(rig, 30)
    look_round(rig)
    assert state(rig) == "dormant"
    assert note(rig) == "state=dormant was=active cause=disuse due=2026-03-31T10:00:00Z"
    rig.proved()


def test_a_wallet_of_which_nothing_was_ever_due_is_found_too() -> None:
    """Neither product nor batch had a date: it was in no index."""
    rig = sleeping(Product("p"))
    assert due(rig) == "never"
    sold_as(rig, SIXTY)
    days_on(rig, 61)
    assert state(rig) == "active"
    look_round(rig)
    assert state(rig) == "dormant"


def test_a_batch_that_is_active_again_ends_what_was_not_used_in_time() -> None:
    """While it is inactive nothing is due but its expiry; 30 days unused are 31 March."""
    rig = rig_of(world(products=(Product("p", preuse=30 * DAY),), batches=(Batch("b", "p", active=False),)), at=BEGUN)
    made(rig, 100, batch="b")
    days_on(rig, 40)
    assert (state(rig), due(rig)) == ("preuse", "never")
    rig.snapshot.batches["demo", "b"] = Batch("b", "p")
    look_round(rig)
    assert state(rig) == "terminated"
    assert "due=2026-03-31T10:00:00Z" in rig.records()[1].note
    rig.proved()


def test_a_wallet_made_in_a_batch_is_sold_as_it_is() -> None:
    """Its own product stands where it says one; the batch of the request alone is what is asked for again."""
    products = (Product("p", max_sessions=1), Product("q"))
    rig = rig_of(world(products=products, batches=(Batch("b", "p", active=False),)), at=BEGUN)
    view = made(rig, 100, batch="b")
    assert (view.state, view.product, view.batch) == ("preuse", "p", "b")
    assert refusal(rig.ask(event(1))) is Refusal.WALLET_SUSPENDED
    other = made(rig, 100, product="q", batch="b", name="1002")
    assert (other.product, other.batch) == ("q", "b")
    rig.snapshot.batches["demo", "b"] = Batch("b", "q")
    again = rig.ask(CreateWallet("api", "1001", "make-1001", LIT, 100, batch="b"))
    assert isinstance(again, WalletView)
    assert again.product == "p"


def test_the_timers_go_round_once_a_day_a_page_at_a_time() -> None:
    rig = sleeping(Product("p"))
    for number in range(2 * WALLETS):
        filled(rig, 0, name=made(rig, 100, product="p", name=f"w{number:03d}").wallet)
    timers = Timers(rig.engine, rig.store)
    tick(rig, timers, 10)
    sold_as(rig, Product("p", dormant=SECOND))
    rig.later(100)
    tick(rig, timers, 50)
    assert sleepers(rig) == 0
    rig.later(A_DAY)
    tick(rig, timers, 1)
    assert sleepers(rig) < 2 * WALLETS
    tick(rig, timers, 10)
    assert sleepers(rig) == 2 * WALLETS + 1
    rig.proved()


def tick(rig: Rig, timers: Timers, times: int) -> None:
    for _ in range(times):
        timers.tick()
        rig.turn()


def sleepers(rig: Rig) -> int:
    names = [key.decode() for kind, key in rig.store.entries if kind == WALLET]
    return sum(state(rig, name) == "dormant" for name in names)


def test_a_damaged_wallet_does_not_stop_the_round() -> None:
    rig = sleeping()
    key = WALLET, b"0000"
    rig.store.entries[key] = replace(rig.store.entries[WALLET, b"1001"], key=b"0000", image=b"\x01\xc1")
    sold_as(rig, replace(SIXTY, dormant=30 * DAY))
    days_on(rig, 30)
    look_round(rig)
    assert state(rig) == "dormant"
