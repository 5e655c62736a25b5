"""When a session counts as silent and what it costs then: by client, by provider, by the settings."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from tests.engine.cases_rig import POLICY, commit, cost, initial, made, rig_of, subsequent, world
from tests.engine.rig import NAS, Rig, authorize, granted

from tollhouse.configdb.rule_values import make_rules, read_rule
from tollhouse.engine.policy import OnOverrun, OnSilence
from tollhouse.snapshot.rules import Rules, SessionRules
from tollhouse.values.commands import Service
from tollhouse.values.instants import SECOND

PGW = "pgw"


def rig_with(rules: SessionRules, opening: int = 1000) -> Rig:
    """The settings say `reported`, 350 s of tolerance."""
    rig = rig_of(world(Rules(session=rules)))
    made(rig, opening)
    return rig


def silenced(rig: Rig, client: str) -> int:
    """120 s of 300 granted were reported; what a call of this client costs that is silent then."""
    before = rig.wallet().balance
    rig.ask(initial(client, ask=300, client=client))
    rig.ask(subsequent(client, 120, more=None, client=client))
    rig.sweep(3600)
    return before - rig.wallet().balance


@pytest.mark.parametrize(
    ("rules", "nas", "pgw"),
    [
        (SessionRules(), 120, 120),
        (SessionRules(on_silence="granted"), 300, 300),
        (SessionRules(on_silence="nothing"), 0, 0),
        (SessionRules(on_silence_of_clients=("pgw=granted",)), 120, 300),
        (SessionRules(on_silence="granted", on_silence_of_clients=("x=reported", "nas=nothing")), 0, 300),
    ],
)
def test_what_silence_costs(rules: SessionRules, nas: int, pgw: int) -> None:
    rig = rig_with(rules)
    assert [silenced(rig, NAS), silenced(rig, PGW)] == [nas, pgw]
    rig.proved()


@pytest.mark.parametrize("client", [NAS, PGW])
def test_how_long_silence_is_borne(client: str) -> None:
    """Granted 300 s: the one client's session is silent 10 s later, the other's after the 350 s of the settings."""
    rig = rig_with(SessionRules(tolerance_seconds_of_clients=("pgw=10",)))
    rig.ask(initial(ask=300, client=client))
    after = 10 if client == PGW else 350
    assert rig.sweep(300 + after - 1) == 0
    assert rig.sweep(1) == 1


def test_an_unanswered_call_gives_back_after_the_provider_s_own_time() -> None:
    rig = rig_with(SessionRules(setup_seconds=15))
    rig.ask(authorize("c1", ask=300 * SECOND))
    assert (rig.sweep(14), rig.wallet().held) == (0, 300)
    assert (rig.sweep(1), rig.wallet().held) == (1, 0)


def test_a_grant_of_data_is_good_for_the_provider_s_own_time() -> None:
    """600 s instead of the settings' hour; silent 350 s later."""
    rig = rig_with(SessionRules(validity_seconds=600))
    asked = authorize("d1", ask=30 * SECOND, begin=True, service=Service.DATA)
    rig.snapshot.profiles["demo", "call", Service.DATA, "*any"] = rig.snapshot.profiles["demo", "call", "voice", "*any"]
    assert granted(rig.ask(asked)).validity == 600 * SECOND
    assert rig.sweep(949) == 0
    assert rig.sweep(1) == 1


@pytest.mark.parametrize(
    ("own", "settings", "charged"),
    [("", OnOverrun.DEBT, 80), ("cap", OnOverrun.DEBT, 50), ("debt", OnOverrun.CAP, 80), ("", OnOverrun.CAP, 50)],
)
def test_what_becomes_of_an_overrun(own: str, settings: OnOverrun, charged: int) -> None:
    """50 are there, 80 s were used."""
    rig = rig_of(world(Rules(session=SessionRules(on_overrun=own))), replace(POLICY, on_overrun=settings))
    made(rig, 50)
    rig.ask(initial())
    assert cost(rig.ask(commit("c1", 80))) == charged
    rig.proved()


@pytest.mark.parametrize(
    ("name", "text", "field", "value"),
    [
        ("session.on_silence", "granted", "on_silence", "granted"),
        ("session.setup_seconds", "15", "setup_seconds", 15),
        (
            "session.on_silence_of_clients",
            "a=granted, b=c=nothing",
            "on_silence_of_clients",
            ("a=granted", "b=c=nothing"),
        ),
        ("session.tolerance_seconds_of_clients", "a=0", "tolerance_seconds_of_clients", ("a=0",)),
        ("session.tolerance_seconds_of_clients", "", "tolerance_seconds_of_clients", ()),
    ],
)
def test_as_they_are_written(name: str, text: str, field: str, value: object) -> None:
    assert getattr(make_rules([(name, read_rule(name, text))]).session, field) == value


@pytest.mark.parametrize(
    ("name", "text", "word"),
    [
        ("session.on_silence", "free", "reported, granted, nothing"),
        ("session.on_silence", "", "reported, granted, nothing"),
        ("session.on_overrun", "nothing", "debt, cap"),
        ("session.on_silence_of_clients", "a=free", "reported, granted, nothing"),
        ("session.on_silence_of_clients", "granted", "client=value"),
        ("session.on_silence_of_clients", "a=granted,", "client=value"),
        ("session.tolerance_seconds_of_clients", "a=-1", "between 0 and"),
        ("session.setup_seconds", "0", "between 1 and"),
    ],
)
def test_what_is_none_is_refused(name: str, text: str, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        read_rule(name, text)


def test_the_names_are_those_of_the_settings() -> None:
    """What may be written is what the engine's own settings may be."""
    assert [one.value for one in OnSilence] == [read_rule("session.on_silence", one) for one in OnSilence]
    assert [one.value for one in OnOverrun] == [read_rule("session.on_overrun", one) for one in OnOverrun]
