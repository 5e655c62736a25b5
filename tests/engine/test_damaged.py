"""Images that were damaged at rest: one entity is refused and named by the audit, the others are served on."""

from __future__ import annotations

import random

import msgspec
import pytest
from tests.engine.rig import EUR, Rig, authorize, granted, refusal, rig_with, settled, start, stop

from tollhouse.engine.audit import audit
from tollhouse.engine.book import ONE_SHOT, PRICE, SESSION, WALLET, DamagedError, decode_image
from tollhouse.values.commands import Caller, Charge, CreateWallet, Inspect, Sweep
from tollhouse.values.instants import SECOND
from tollhouse.values.money import Amount
from tollhouse.values.outcomes import WalletView
from tollhouse.values.refusals import Refusal


def damage(rig: Rig, kind: int, key: bytes) -> None:
    """Cut the last octets of an image on disk and start again on it."""
    entry = rig.store.entries[kind, key]
    assert entry.image is not None
    rig.store.entries[kind, key] = msgspec.structs.replace(entry, image=entry.image[:-3])
    rig.restart()


def with_call() -> tuple[Rig, bytes]:
    """1001 holds money for a call, 1002 has 5 euros; and the call's id."""
    rig = rig_with()
    session = granted(rig.ask(authorize("c1"))).session
    assert isinstance(rig.ask(CreateWallet("api", "1002", "make-1002", "EUR", 5 * EUR, 0)), WalletView)
    return rig, session.encode()


def test_a_damaged_wallet_is_refused_and_the_others_are_served() -> None:
    """Each command on it is an internal error; a charge on another wallet in the same turn goes through."""
    rig, _ = with_call()
    damage(rig, WALLET, b"1001")
    first = rig.submit(Inspect("api", wallet="1001"))
    second = rig.submit(Charge(Caller("api", wallet="1002"), "k", Amount(EUR, "EUR")))
    third = rig.submit(authorize("c2"))
    rig.turn()
    assert [refusal(got[0]) for got in (first, third)] == [Refusal.INTERNAL_ERROR] * 2
    assert not isinstance(second[0], type(first[0]))
    assert rig.wallet("1002").balance == 4 * EUR
    assert audit(rig.store).faults[0].startswith("wallet 1001: ")


@pytest.mark.parametrize("kind", [WALLET, SESSION])
def test_a_sweep_goes_round_what_is_damaged(kind: int) -> None:
    """The call on 1001 is due, and it or its wallet is damaged; the call on 1002 gives its money back all the same."""
    rig, session = with_call()
    granted(rig.ask(authorize("c2", name="1002")))
    assert rig.wallet("1002").held > 0
    damage(rig, kind, session if kind == SESSION else b"1001")
    assert rig.sweep(3600) >= 1
    assert rig.wallet("1002").held == 0
    assert audit(rig.store).faults != ()


@pytest.mark.parametrize("kind", [WALLET, SESSION])
def test_more_damaged_ones_than_a_sweep_takes_keep_nobody_waiting(kind: int) -> None:
    """Four damaged ones are due first, and a sweep takes four: the fifth is ended by the next one."""
    rig = rig_with()
    calls = [granted(rig.ask(authorize(f"c{call}", ask=60 * SECOND))).session for call in range(4)]
    assert isinstance(rig.ask(CreateWallet("api", "1002", "make-1002", "EUR", 5 * EUR, 0)), WalletView)
    rig.later(1)
    granted(rig.ask(authorize("c5", name="1002", ask=60 * SECOND)))
    for key in calls if kind == SESSION else ["1001"]:
        damage(rig, kind, key.encode())
    rig.later(3600)
    rig.ask(Sweep(limit=4))
    rig.ask(Sweep(limit=4))
    assert rig.wallet("1002").held == 0


def test_the_audit_names_what_is_damaged() -> None:
    """A session, and a record in the middle of a wallet's chain."""
    rig, session = with_call()
    rig.ask(start("c1"))
    settled(rig.ask(stop("c1", 85)))
    assert audit(rig.store).faults == ()
    chain = rig.store.chains["1001"]
    chain[0] = msgspec.structs.replace(chain[0], body=chain[0].body[:-1])
    damage(rig, SESSION, session)
    faults = audit(rig.store).faults
    assert any(fault.startswith("wallet 1001: record 1: ") for fault in faults)
    assert any(fault.startswith(f"session {session.decode()}: ") for fault in faults)


def images() -> dict[int, bytes]:
    """One image of each kind, as the engine writes them."""
    rig, _ = with_call()
    rig.ask(Charge(Caller("api", wallet="1002"), "k", Amount(EUR, "EUR")))
    return {kind: entry.image for (kind, _), entry in rig.store.entries.items() if entry.image is not None}


def readable(kind: int, image: bytes) -> bool:
    """Whether the image is read; anything but DamagedError is a failure of the test."""
    try:
        decode_image(kind, image)
    except DamagedError:
        return False
    return True


@pytest.mark.parametrize("kind", [WALLET, SESSION, ONE_SHOT, PRICE])
def test_any_bytes_are_an_image_or_damaged(kind: int) -> None:
    """Cut at every length, prolonged, of another format, octets turned, noise, nested without end."""
    image = images()[kind]
    assert readable(kind, image)
    assert not any(readable(kind, image[:size]) for size in range(len(image)))
    assert not readable(kind, image + b"\xc0")
    assert not any(readable(kind, bytes((number,)) + image[1:]) for number in range(256) if number != image[0])
    assert not readable(kind, image[:1] + b"\x91" * 100_000)
    dice = random.Random(kind)
    for _ in range(5000):
        changed = bytearray(image)
        for _ in range(dice.randrange(1, 6)):
            changed[dice.randrange(1, len(changed))] = dice.randrange(256)
        readable(kind, bytes(changed))
        readable(kind, image[:1] + dice.randbytes(dice.randrange(80)))
