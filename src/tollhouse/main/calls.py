"""The demo's three calls: the bundled probes against the running appliance, from a thread of their own."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tollhouse.diameter import probe as diameter_probe
from tollhouse.diameter.dictionary import load_dictionary
from tollhouse.main.appliance import Appliance
from tollhouse.main.plan import DiameterPlan, RadiusPlan, SipPlan
from tollhouse.radius import probe as radius_probe
from tollhouse.sip import probe as sip_probe
from tollhouse.values.money import format_amount

CALLED = "4412345678"
SECONDS = 85
TIMEOUT = 5.0


class Step(msgspec.Struct, frozen=True):
    """A request with its attributes, and its answer, in words."""

    request: str
    sent: Sequence[str]
    answer: Sequence[str]
    elapsed_us: int


class Target(msgspec.Struct, frozen=True):
    """Where the calls go: all three protocols."""

    radius: RadiusPlan
    diameter: DiameterPlan
    sip: SipPlan
    dictionaries: Path


Show = Callable[[str, str, Sequence[Step], str], None]


def place_calls(appliance: Appliance, target: Target, show: Show) -> Any:
    """One call over each protocol, one after the other; `show` is called for each, in the reactor's thread."""
    calls = [
        ("RADIUS: 1001 calls 4412345678 for 85 s", "1001", radius_call),
        ("Diameter: 1002 calls 4412345678 for 85 s", "1002", diameter_call),
        ("SIP: 1001 asks where to send a call to 4412345678", "1001", sip_call),
    ]
    work: Any = None
    for title, wallet, call in calls:
        if work is None:
            work = _place(appliance, target, title, wallet, call, show)
        else:
            work.addCallback(lambda _none, t=title, w=wallet, c=call: _place(appliance, target, t, w, c, show))
    return work


def _place(
    appliance: Appliance, target: Target, title: str, wallet: str, call: Callable[[Target], list[Step]], show: Show
) -> Any:
    before = _balance(appliance, wallet)
    done = appliance.in_thread(call, target)
    done.addErrback(lambda failure: [Step("failed", (), (failure.getErrorMessage(),), 0)])
    return done.addCallback(lambda steps: show(title, before, steps, _balance(appliance, wallet)))


def _balance(appliance: Appliance, wallet: str) -> str:
    view = appliance.reading.wallet(wallet)
    return "missing" if view is None else f"{format_amount(view.balance, view.decimals)} {view.unit}"


def radius_call(target: Target) -> list[Step]:
    """Access-Request, Start, Stop."""
    steps = radius_probe.run_probe(
        target.radius.auth.host,
        target.radius.auth.port,
        target.radius.accounting.port,
        b"testing123",
        "1001",
        "secret",
        CALLED,
        "1001",
        SECONDS,
        TIMEOUT,
        dictionaries=target.dictionaries / "radius",
    )
    told = [one.request.split(", ") for one in steps]
    return [
        Step(kind, sent, one.reply or (one.error,), one.elapsed) for one, (kind, *sent) in zip(steps, told, strict=True)
    ]


def diameter_call(target: Target) -> list[Step]:
    """CER, CCR-I, CCR-T, DPR."""
    session = diameter_probe.ProbePlan(
        origin_host="probe.demo.invalid",
        origin_realm="demo.invalid",
        destination_realm=target.diameter.settings.origin_realm,
        subscriber="1002",
        called=CALLED,
        seconds=SECONDS,
        session_id=f"probe.demo.invalid;{secrets.randbits(32)};{secrets.randbits(32)}",
    )
    dictionary = load_dictionary(target.dictionaries / "diameter")
    at = target.diameter.listen
    steps = diameter_probe.run_probe(dictionary, at.host, at.port, session, timeout=TIMEOUT)
    return [Step(one.title, (), one.lines, one.elapsed_us) for one in steps]


def sip_call(target: Target) -> list[Step]:
    """OPTIONS, INVITE, ACK."""
    steps = sip_probe.run_probe(target.sip.listen.host, target.sip.listen.port, "1001", CALLED, TIMEOUT)
    return [Step(one.title, (), one.answer, one.milliseconds * 1000) for one in steps]
