"""Several legs of one session: its customer, and whoever is charged for the same call by a tariff of his own.

Each leg is a session of its own, charging another account's wallet, found by the main one's id. What the main leg is
asked the others are asked too, in one decision: what is granted is the least of all, and where one of them cannot, none
does. Silence ends each by itself, for each knows what the others do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from tollhouse.engine.decision import Decision
from tollhouse.engine.session import Session
from tollhouse.values.commands import Authorize, Caller, Release, Start, Stop, Update
from tollhouse.values.outcomes import Granted, Refused
from tollhouse.values.refusals import Refusal
from tollhouse.wallet.state import Wallet

Of = TypeVar("Of", Authorize, Start, Update, Stop, Release)


def with_legs(command: Of, decide: Callable[[Of], Decision]) -> Decision:
    """What the command does to the main leg, and to every other that it was opened with."""
    decision = decide(command)
    main = _main(decision)
    if main is None or not main.legs:
        return decision
    others: list[Decision] = [decide(_for_leg(command, main, name)) for name in main.legs]
    if (refused := _refused(main, others)) is not None:
        return Decision(refused)
    limit = _limit([decision, *others])
    if limit is not None and isinstance(command, Authorize | Update):
        command = msgspec.structs.replace(command, most=limit)
        decision = decide(command)
        main = _main(decision) or main
        others = [decide(_for_leg(command, main, name)) for name in main.legs]
        if (refused := _refused(main, others)) is not None:
            return Decision(refused)
    return _together(main, decision, others)


def _main(decision: Decision) -> Session | None:
    """The session that the decision is about, if it changed it and the answer is no refusal."""
    if isinstance(decision.outcome, Refused):
        return None
    return next((image for image in reversed(decision.images) if isinstance(image, Session)), None)


def _for_leg(command: Of, main: Session, name: str) -> Of:
    """The same of another account: no password is asked for, and it is found by the main leg's id."""
    caller = Caller(command.caller.client, name=name, machine=command.caller.machine)
    keys = (f"leg:{main.id}\x1f{name}",)
    return msgspec.structs.replace(command, caller=caller, key=f"{command.key}\x1f{name}", session_keys=keys)


def _refused(main: Session, others: Sequence[Decision]) -> Refused | None:
    """The first leg that cannot, by name."""
    for name, one in zip(main.legs, others, strict=True):
        if isinstance(one.outcome, Refused):
            return Refused(one.outcome.refusal, f"leg {name}: {one.outcome.detail}", main.id)
    return None


def _limit(decisions: Sequence[Decision]) -> tuple[int, bool] | None:
    """The least that a leg was granted, where they were not granted alike; and whether its money ends there."""
    grants = [one.outcome for one in decisions if isinstance(one.outcome, Granted)]
    if len({one.granted for one in grants}) < 2:
        return None
    least = min(grants, key=lambda one: (one.granted, not one.final))
    return least.granted, least.final


def _together(main: Session, decision: Decision, others: Sequence[Decision]) -> Decision:
    """All of it in one, the main leg's changes last."""
    every = (*others, decision)
    charged = [{image.name for image in one.images if isinstance(image, Wallet)} for one in every]
    if sum(map(len, charged)) > len(set().union(*charged)):
        return Decision(Refused(Refusal.INVALID, "two legs are charged to one wallet", main.id))
    images = tuple([image for one in every for image in one.images])
    return Decision(decision.outcome, images, tuple([record for one in every for record in one.records]))
