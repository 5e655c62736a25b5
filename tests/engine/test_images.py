"""What is stored is read again, also by a later release that has appended fields; another format is refused."""

from __future__ import annotations

import msgspec
import pytest
from tests.snapshot_dict import DictSnapshot

from tollhouse.engine.book import ONE_SHOT, SESSION, WALLET, OneShot, decode_image, entry_of
from tollhouse.engine.session import Answered, Session
from tollhouse.values.commands import Service
from tollhouse.values.money import INT64_MAX, INT64_MIN
from tollhouse.wallet.state import Bucket, Wallet

SESSION_IMAGE = Session(
    "1-1",
    "nas",
    "1001",
    "demo",
    "1001",
    Service.VOICE,
    "1",
    "4420",
    ("radius:A",),
    b"price",
    5,
    6,
    7,
    lines=((1, INT64_MAX),),
    recent=(Answered("auth", b"outcome", b"body"),),
    machine="gw-1",
)
WALLET_IMAGE = Wallet(
    "1001", "demo", "EUR", 6, INT64_MAX, (Bucket(1, "cash", INT64_MIN, INT64_MAX),), chain=b"\x00\xff"
)
ROW = OneShot("api", "k", b"body", b"outcome", INT64_MAX)


@pytest.mark.parametrize("image", [SESSION_IMAGE, WALLET_IMAGE, ROW])
def test_what_is_stored_is_read_again(image: Session | Wallet | OneShot) -> None:
    entry = entry_of(image, DictSnapshot())
    assert decode_image(entry.kind, entry.image or b"") == image


@pytest.mark.parametrize(("kind", "image", "cut"), [(SESSION, SESSION_IMAGE, 1), (WALLET, WALLET_IMAGE, 2)])
def test_an_image_of_before_some_fields_were_appended(kind: int, image: Session | Wallet, cut: int) -> None:
    fields = msgspec.msgpack.decode((entry_of(image, DictSnapshot()).image or b"")[1:])
    older = b"\x01" + msgspec.msgpack.encode(fields[:-cut])
    read = decode_image(kind, older)
    assert type(read) is type(image)
    assert msgspec.to_builtins(read)[: len(fields) - cut] == msgspec.to_builtins(image)[: len(fields) - cut]


@pytest.mark.parametrize("head", [b"", b"\x00", b"\x02"])
def test_another_format_is_refused(head: bytes) -> None:
    with pytest.raises(ValueError, match="format"):
        decode_image(ONE_SHOT, head + (entry_of(ROW, DictSnapshot()).image or b"")[1:] if head else b"")


def test_under_which_keys_and_until_when() -> None:
    """An open session is found by its names, its client and its wallet; a tombstone by its names alone."""
    entry = entry_of(SESSION_IMAGE, DictSnapshot())
    assert (entry.finds, entry.due) == ((b"nas\0radius:A", b"nas\0", b"\0001001"), 7)
    closed = msgspec.structs.replace(SESSION_IMAGE, state="closed", keys=("radius:A", "window:1|2|3"))
    assert entry_of(closed, DictSnapshot()).finds == (b"nas\0radius:A",)
    assert entry_of(ROW, DictSnapshot()).due == INT64_MAX


def test_a_tombstone_is_small() -> None:
    """DESIGN 5: about 100 bytes beside its names and last answer; a session under 400 with one answer."""
    assert len(entry_of(SESSION_IMAGE, DictSnapshot()).image or b"") < 400
