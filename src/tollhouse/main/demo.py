"""`tollhouse demo`: a tenant of our own on loopback, one call over each protocol, then it serves."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import tollhouse
from tollhouse.configdb.demo import DemoWallet, load_demo
from tollhouse.diameter.settings import DiameterSettings
from tollhouse.main.appliance import Appliance
from tollhouse.main.calls import Step, Target, place_calls
from tollhouse.main.plan import DICTIONARIES, DiameterPlan, Endpoint, Plan, RadiusPlan, SipPlan
from tollhouse.main.process import run
from tollhouse.values.commands import CreateWallet
from tollhouse.values.outcomes import Outcome, Refused
from tollhouse.values.refusals import Refusal

ETC = Path(tollhouse.__file__).resolve().parents[2] / "etc" / "demo"
READY = "demo-ready"


def demo(directory: Path, offset: int, probe: bool, subscribers: int) -> int:
    """Make the directory when it is empty, else start what is there."""
    directory.mkdir(mode=0o750, parents=True, exist_ok=True)
    target = target_of(offset)
    plan = plan_of(directory.resolve(), offset, target)

    def started(appliance: Appliance) -> None:
        _say(_banner(plan, target))
        if probe:
            place_calls(appliance, target, _show)

    def prepare(appliance: Appliance) -> None:
        if not (directory / READY).exists():
            fill(appliance, subscribers)
            (directory / READY).touch()

    return run(plan, "warning", started, prepare)


def target_of(offset: int) -> Target:
    """Every protocol on loopback, its port moved by `offset`."""
    identity = DiameterSettings(origin_host="ocs.demo.invalid", origin_realm="demo.invalid", origin_state_id=0)
    return Target(
        radius=RadiusPlan(_at(1812 + offset), _at(1813 + offset)),
        diameter=DiameterPlan(_at(3868 + offset), identity),
        sip=SipPlan(_at(5060 + offset)),
        dictionaries=DICTIONARIES,
    )


def _at(port: int) -> Endpoint:
    return Endpoint("127.0.0.1", port, "--port-offset N moves all ports")


def plan_of(directory: Path, offset: int, target: Target) -> Plan:
    """Everything under one directory, every port on loopback."""
    return Plan(
        data=directory / "data",
        database=directory / "config.sqlite",
        key_file=directory / "key",
        token=None,
        http=_at(2080 + offset),
        radius=target.radius,
        diameter=target.diameter,
        sip=target.sip,
        dictionaries=target.dictionaries,
    )


def fill(appliance: Appliance, subscribers: int) -> None:
    """The demo tenant's configuration, and its wallets; begun again after a crash it makes nothing twice."""
    wallets = load_demo(appliance.database, ETC, subscribers)
    engine = appliance.engine
    appliance.cache.check(engine.now())
    failed: list[str] = []

    def made(outcome: Outcome) -> None:
        if isinstance(outcome, Refused) and outcome.refusal is not Refusal.WALLET_EXISTS:
            failed.append(f"{outcome.refusal}: {outcome.detail}")

    for start in range(0, len(wallets), engine.policy.max_batch):
        for wallet in wallets[start : start + engine.policy.max_batch]:
            engine.submit(_create(wallet), made)
        engine.turn()
    if failed:
        raise RuntimeError(f"the demo's wallets could not be made: {failed[0]}")


def _create(wallet: DemoWallet) -> CreateWallet:
    key = f"demo:{wallet.name}"
    return CreateWallet("demo", wallet.name, key, wallet.unit, wallet.opening, wallet.credit_limit)


def _banner(plan: Plan, target: Target) -> str:
    radius = target.radius
    return (
        f"tollhouse demo in {plan.data.parent}\n"
        f"  RADIUS   {radius.auth} auth, {radius.accounting} accounting, secret testing123\n"
        f"  Diameter {target.diameter.listen} as {target.diameter.settings.origin_host}\n"
        f"  SIP      {target.sip.listen}\n"
        f"  HTTP     http://{plan.http}/health /metrics /jsonrpc"
    )


def _show(title: str, before: str, steps: Sequence[Step], after: str) -> None:
    """One call: each request with its answer, and the wallet before and after."""
    lines = [f"\n{title}", f"  {'wallet before':44}{before:>16}"]
    for step in steps:
        lines.append(f"  {step.request:44}{step.elapsed_us / 1000:13.1f} ms")
        lines += [f"      > {line}" for line in step.sent]
        lines += [f"      < {line}" for line in step.answer]
    lines.append(f"  {'wallet after':44}{after:>16}")
    _say("\n".join(lines))


def _say(text: str) -> None:
    """On stdout; when its reader has gone away (`| head`) the demo serves on unheard."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
