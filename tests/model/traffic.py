"""What clients do in a run: acts made from a seed. An act can be left out without changing the others (shrinking)."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

from tollhouse.values.commands import (
    Authorize,
    Caller,
    Charge,
    CloseClient,
    Command,
    CreateWallet,
    Delta,
    Inspect,
    Recharge,
    Refund,
    Release,
    Service,
    Start,
    Stop,
    Total,
    Update,
    Wish,
)
from tollhouse.values.instants import SECOND
from tollhouse.values.money import Amount
from tollhouse.values.outcomes import Granted, Outcome

EURO = 1_000_000
MIB = 1 << 20

WALLETS = {"rich": (30, 0), "poor": (1, 0), "pots": (4, 0), "later": (0, 12), "mixed": (3, 2)}
"""Name -> opening euros, credit limit in euros. `pots` gets money that expires."""


class Style(enum.Enum):
    """How a client talks."""

    RADIUS = "radius"
    DIAMETER = "diameter"
    DATA = "data"
    SIP = "sip"
    BARE = "bare"


@dataclass(frozen=True)
class Call:
    """A call of `usage` microseconds (octets), reported `reports` times; `steps` of its commands are sent.

    `overrun`: it goes on beyond what was granted. `discount`: what its request takes off.
    """

    number: int
    at: int
    wallet: str
    style: Style
    called: str
    usage: int
    reports: int
    steps: int
    overrun: bool
    new_keys: bool
    discount: int | None = None


@dataclass(frozen=True)
class Shot:
    """One command that is over at once; `twist`: a second one, with another amount under the same key or about the
    first, said after `wait`."""

    number: int
    at: int
    command: Command
    twist: Command | None = None
    wait: int = 3 * SECOND


Act: TypeAlias = Call | Shot
Build: TypeAlias = Callable[[int, int, int], Command]
"""(attempt, now, usage granted so far) -> the command as it is sent."""


@dataclass
class Step:
    """The next thing that a client says, `wait` microseconds after the answer to the one before."""

    wait: int
    build: Build


def opening() -> list[CreateWallet]:
    """The wallets of every run."""
    return [
        CreateWallet("api", name, f"make-{name}:create", "EUR", euros * EURO, credit * EURO)
        for name, (euros, credit) in WALLETS.items()
    ]


def acts(seed: int, begin: int, calls: int, shots: int, span: int) -> list[Act]:
    """Calls and one-shots spread over `span` microseconds."""
    dice = Random(seed)
    made: list[Act] = [call(dice, number, begin + dice.randrange(span)) for number in range(calls)]
    made += [shot(dice, calls + number, begin + dice.randrange(span)) for number in range(shots)]
    return made


def call(dice: Random, number: int, at: int) -> Call:
    """A call of any style."""
    style = dice.choices(list(Style), (5, 3, 2, 2, 2))[0]
    called = "any" if style is Style.DATA else dice.choice(("4420", "4420", "3315"))
    most = 60 * MIB if style is Style.DATA else dice.choice((5, 60, 130, 400)) * SECOND
    usage, reports = dice.randrange(most), dice.randrange(4)
    gone = dice.random() < 0.12
    return Call(
        number,
        at,
        dice.choice(list(WALLETS)),
        style,
        called,
        usage,
        reports,
        dice.randrange(1, 4) if gone else 99,
        dice.random() < 0.1,
        dice.random() < 0.5,
    )


def shot(dice: Random, number: int, at: int) -> Shot:
    """A recharge, refund, charge, a look at a wallet, or a client that lost its sessions."""
    wallet = dice.choice(list(WALLETS))
    key = f"{number}:shot"
    amount = Amount(dice.randrange(1, 2 * EURO), "EUR")
    kind = dice.choices(("recharge", "refund", "amount", "units", "close", "look"), (4, 2, 4, 3, 0.4, 5))[0]
    caller = Caller("api", wallet=wallet)
    if kind == "recharge":
        expiring = wallet == "pots" and dice.random() < 0.6
        expiry = at + dice.randrange(30, 900) * SECOND if expiring else 0
        kept = "bonus" if expiring else "cash"
        return Shot(number, at, Recharge("api", wallet, key, amount, kept, expiry=expiry))
    if kind == "refund":
        return Shot(number, at, Refund(caller, key, amount))
    if kind == "look":
        return Shot(number, at, Inspect("api", wallet=wallet))
    if kind == "close":
        return Shot(number, at, CloseClient(dice.choice(("nas", "pgw")), f"close-{number}:shot", "reboot"))
    if kind == "units":
        return Shot(number, at, Charge(caller, key, service=Service.MESSAGE, called="any", units=dice.randrange(1, 9)))
    twist = Charge(caller, key, Amount(amount.value + 1, "EUR")) if dice.random() < 0.2 else None
    return Shot(number, at, Charge(caller, key, amount), twist)


def steps_of(act: Act) -> list[Step]:
    """All that the client says, in order."""
    if isinstance(act, Shot):
        first = act.command
        said = [Step(0, lambda attempt, now, reach: first)]
        if (twist := act.twist) is not None:
            said.append(Step(act.wait, lambda attempt, now, reach: twist))
        return said
    if act.style in (Style.DIAMETER, Style.DATA):
        return _diameter(act)[: act.steps]
    return _radius(act)[: act.steps]


def goes_on(act: Act, command: Command, outcome: Outcome) -> bool:
    """Whether the client says more after this answer: a call that was refused does not happen."""
    return isinstance(act, Shot) or not isinstance(command, Authorize) or isinstance(outcome, Granted)


def _key(act: Call, step: str, attempt: int) -> str:
    return f"{act.number}:{step}#{attempt if act.new_keys else 0}"


def _within(act: Call, reach: int) -> int:
    return act.usage if act.overrun or act.style in (Style.BARE, Style.SIP) else min(act.usage, reach)


def _radius(act: Call) -> list[Step]:
    """Authorisation and accounting with cumulative counters; SIP asks for a redirect first; bare: accounting alone."""
    caller = Caller("nas", wallet=act.wallet)
    name, window = f"acct-{act.number}", f"window:{act.wallet}:{act.number}"
    keys = (name, window)
    wish = Wish.SHORTEST if act.style is Style.SIP else Wish.GRANT
    third = act.usage // (act.reports + 1)

    def authorise(attempt: int, now: int, reach: int) -> Command:
        key, service = _key(act, "authorise", 0), Service.VOICE
        return Authorize(caller, key, keys, service, act.called, wish=wish, begin=False, discount=act.discount)

    def start(attempt: int, now: int, reach: int) -> Command:
        return Start(caller, _key(act, "start", attempt), keys, Service.VOICE, act.called)

    def update(index: int) -> Build:
        def build(attempt: int, now: int, reach: int) -> Command:
            usage = min(third * index, _within(act, reach))
            key = _key(act, f"update{index}", attempt)
            return Update(caller, key, (name,), Total(usage), service=Service.VOICE, called=act.called)

        return build

    def stop(attempt: int, now: int, reach: int) -> Command:
        return Stop(
            caller,
            _key(act, "stop", attempt),
            keys,
            Total(_within(act, reach)),
            service=Service.VOICE,
            called=act.called,
            open_unknown=True,
        )

    def release(attempt: int, now: int, reach: int) -> Command:
        return Release(caller, _key(act, "release", attempt), keys)

    ring = 4 * SECOND
    if act.style is Style.SIP and act.number % 3 == 0:
        return [Step(0, authorise), Step(ring, release)]
    ways = [Step(0, authorise), Step(ring, start)]
    if act.style is Style.BARE:
        ways = [Step(0, start)] if act.number % 2 else []
    ways += [Step(third, update(index)) for index in range(1, act.reports + 1)] if ways else []
    return [*ways, Step(third, stop)]


def _diameter(act: Call) -> list[Step]:
    """CCR-I, CCR-U and CCR-T with what was used since the one before, numbered."""
    caller = Caller("pgw", wallet=act.wallet)
    keys = (f"session-{act.number}",)
    service = Service.DATA if act.style is Style.DATA else Service.VOICE
    part = act.usage // (act.reports + 1)
    wait = part if service is Service.VOICE else 20 * SECOND
    quota = 0 if act.number % 2 else max(part, 1)

    def first(attempt: int, now: int, reach: int) -> Command:
        key, ask = f"{act.number}:first#0", quota or None
        return Authorize(caller, key, keys, service, act.called, ask=ask, begin=True, discount=act.discount)

    def update(index: int) -> Build:
        def build(attempt: int, now: int, reach: int) -> Command:
            key = f"{act.number}:update{index}#0"
            usage = Delta(part if act.overrun else min(part, max(reach, 0)))
            return Update(caller, key, keys, usage, quota, service=service, called=act.called)

        return build

    def last(attempt: int, now: int, reach: int) -> Command:
        usage = Delta(part if act.overrun else min(part, max(reach, 0)))
        return Stop(caller, f"{act.number}:last#0", keys, usage, service=service, called=act.called)

    return [Step(0, first), *(Step(wait, update(i + 1)) for i in range(act.reports)), Step(wait, last)]
