"""Compiled configuration is frozen: nobody changes a price or an account under a call."""

from __future__ import annotations

import inspect

import msgspec
import pytest

from tollhouse.snapshot import accounts, tariff
from tollhouse.snapshot.accounts import Account
from tollhouse.snapshot.tariff import Interval, Profile, Slot

TYPES = [
    one
    for room in (accounts, tariff)
    for _, one in inspect.getmembers(room, inspect.isclass)
    if issubclass(one, msgspec.Struct) and one is not msgspec.Struct
]


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.__name__)
def test_every_type_is_frozen_and_stored_as_an_array(kind: type[msgspec.Struct]) -> None:
    assert kind.__struct_config__.frozen
    assert kind.__struct_config__.array_like


def test_there_are_types_to_look_at() -> None:
    assert {Account, Interval, Profile, Slot} <= set(TYPES)


def test_equal_values_are_one_key() -> None:
    """Prices are found by their value: slots must hash alike wherever they were read from."""
    slot = Slot(0, 4, 2, 1, 60, 60)
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(slot), type=Slot)
    assert hash(again) == hash(slot)
    assert {slot: 1}[again] == 1
