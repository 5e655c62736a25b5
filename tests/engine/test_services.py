"""Octets and messages are charged like seconds, in their own units."""

from __future__ import annotations

import pytest
from tests.engine.rig import EUR, authorize, caller, granted, refusal, rig_with, settled

from tollhouse.values.commands import Delta, Service, Stop, Total, Update, Usage
from tollhouse.values.instants import HOUR, MINUTE, SECOND
from tollhouse.values.refusals import Refusal

MIB = 1 << 20


def test_data_by_the_mebibyte_in_kibibyte_steps() -> None:
    """0.01 per MiB: 100 MiB are the largest grant, 1; 10 MiB and one octet cost 10 and 1/1024 of a MiB, rounded up."""
    rig = rig_with()
    grant = granted(rig.ask(authorize(service=Service.DATA, called="", begin=True)))
    assert (grant.granted, grant.final, grant.validity, rig.wallet().held) == (100 * MIB, False, HOUR, EUR)
    report = Update(caller(), "u", ("c1",), Delta(10 * MIB + 1), 5 * MIB, service=Service.DATA)
    more = granted(rig.ask(report))
    assert (more.granted, more.cost) == (5 * MIB, 100_010)  # 0.1 + 0.01/1024 = 0.100009765625
    # 15 MiB and one octet are 15361 steps: 0.150009765625, of which 0.100010 are posted
    assert rig.wallet().held == 50_000
    ended = settled(rig.ask(Stop(caller(), "s", ("c1",), Delta(0), service=Service.DATA)))
    assert (ended.cost, ended.usage, rig.wallet().held) == (100_010, 10 * MIB + 1, 0)
    rig.proved()


def test_messages_by_the_piece() -> None:
    """0.05 each: 10 at most in a grant; 0.12 pays two."""
    rig = rig_with()
    ask = authorize(service=Service.MESSAGE, called="331", begin=True)
    assert (granted(rig.ask(ask)).granted, rig.wallet().held) == (10, 500_000)
    poor = rig_with(opening=120_000)
    grant = granted(poor.ask(ask))
    assert (grant.granted, grant.final, grant.balance) == (2, True, 20_000)
    assert settled(poor.ask(Stop(caller(), "s", ("c1",), Delta(2), service=Service.MESSAGE))).cost == 100_000
    assert poor.wallet().balance == 20_000
    poor.proved()


def test_a_free_quantum_is_the_policys_and_zero_asks_for_nothing() -> None:
    """CCR-I without Requested-Service-Unit only opens the session."""
    rig = rig_with()
    opened = granted(rig.ask(authorize(service=Service.DATA, called="", begin=True, ask=0)))
    assert (opened.granted, opened.final, rig.wallet().held) == (0, False, 0)
    more = Update(caller(), "u", ("c1",), Delta(0), 0, service=Service.DATA)
    assert granted(rig.ask(more)).granted == 100 * MIB


@pytest.mark.parametrize("usage", [Delta(60 * SECOND), Total(60 * SECOND)])
def test_usage_in_the_unit_of_another_service_is_never_charged(usage: Usage) -> None:
    """60 s are 60,000,000 us; taken for octets they would be 57 MiB."""
    rig = rig_with()
    granted(rig.ask(authorize(service=Service.DATA, called="", begin=True)))
    ended = rig.ask(Stop(caller(), "s", ("c1",), usage, service=Service.VOICE, open_unknown=True))
    assert refusal(ended) is Refusal.UNIT_MISMATCH
    assert refusal(rig.ask(Update(caller(), "u", ("c1",), usage, service=Service.VOICE))) is Refusal.UNIT_MISMATCH
    more = Update(caller(), "m", ("c1",), Delta(0), MINUTE, service=Service.VOICE)
    assert refusal(rig.ask(more)) is Refusal.UNIT_MISMATCH
    assert (rig.wallet().balance, rig.wallet().held) == (10 * EUR, EUR)
    assert settled(rig.ask(Stop(caller(), "e", ("c1",), Delta(0), service=Service.VOICE))).cost == 0
