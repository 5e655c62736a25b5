"""`tollhouse demo`: a tenant of our own on loopback, one call over each protocol, then it serves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import tollhouse
from tollhouse.configdb.demo import DemoWallet, load_demo
from tollhouse.main.appliance import Appliance
from tollhouse.main.calls import Step, place_calls
from tollhouse.main.plan import Endpoint, Plan
from tollhouse.main.process import run
from tollhouse.values.commands import CreateWallet
from tollhouse.values.outcomes import Outcome, Refused
from tollhouse.values.refusals import Refusal

ETC = Path(tollhouse.__file__).resolve().parents[2] / "etc" / "demo"
READY = "demo-ready"


def demo(directory: Path, offset: int, probe: bool, subscribers: int) -> int:
    """Make the directory when it is empty, else start what is there."""
    directory.mkdir(mode=0o750, parents=True, exist_ok=True)
    plan = plan_of(directory.resolve(), offset)

    def started(appliance: Appliance) -> None:
        print(_banner(plan), flush=True)
        if probe:
            place_calls(appliance, _show)

    def prepare(appliance: Appliance) -> None:
        if not (directory / READY).exists():
            fill(appliance, subscribers)
            (directory / READY).touch()

    return run(plan, "warning", started, prepare)


def plan_of(directory: Path, offset: int) -> Plan:
    """Everything under one directory, every port on loopback."""

    def at(port: int) -> Endpoint:
        return Endpoint("127.0.0.1", port + offset)

    return Plan(
        data=directory / "data",
        database=directory / "config.sqlite",
        key_file=directory / "key",
        radius_auth=at(1812),
        radius_accounting=at(1813),
        diameter=at(3868),
        sip=at(5060),
        http=at(2080),
        origin_host="ocs.demo.invalid",
        origin_realm="demo.invalid",
        token=None,
        move_ports="--port-offset N moves all ports",
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


def _banner(plan: Plan) -> str:
    return (
        f"tollhouse demo in {plan.data.parent}\n"
        f"  RADIUS   {plan.radius_auth} auth, {plan.radius_accounting} accounting, secret testing123\n"
        f"  Diameter {plan.diameter} as {plan.origin_host}\n"
        f"  SIP      {plan.sip}\n"
        f"  HTTP     http://{plan.http}/health /metrics /jsonrpc"
    )


def _show(title: str, before: str, steps: Sequence[Step], after: str) -> None:
    """One call: each request with its answer, and the wallet before and after."""
    print(f"\n{title}")
    print(f"  {'wallet before':44}{before:>16}")
    for step in steps:
        print(f"  {step.request:44}{step.elapsed_us / 1000:13.1f} ms")
        for line in step.answer:
            print(f"      {line}")
    print(f"  {'wallet after':44}{after:>16}", flush=True)
