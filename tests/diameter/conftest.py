"""Diameter tests: the shipped dictionary, an identity, and requests built by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tollhouse.diameter.dictionary import Dictionary, load_dictionary
from tollhouse.diameter.node import Node
from tollhouse.diameter.settings import DiameterSettings
from tollhouse.engine.tally import Tally

DICTIONARIES = Path(__file__).resolve().parents[2] / "dictionaries" / "diameter"


@pytest.fixture(scope="session")
def dictionary() -> Dictionary:
    return load_dictionary(DICTIONARIES)


@pytest.fixture
def settings() -> DiameterSettings:
    return DiameterSettings(origin_host="ocs.demo.invalid", origin_realm="demo.invalid", origin_state_id=1_764_000_000)


@pytest.fixture
def node(settings: DiameterSettings, dictionary: Dictionary) -> Node:
    return Node(settings, dictionary, Tally())
