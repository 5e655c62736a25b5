"""Calls as their client sees them, and the check of an appliance's records against what clients know.

A call is a row of steps. A client knows how many of them it has sent and how many were answered; a crash may fall
between the two. What an answer acknowledged must be in the records, what was only sent may be, nothing else is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import Any


class Step(Enum):
    """What a client sends about a call, in this order. A Diameter call is started by its opening."""

    OPEN = 1
    START = 2
    UPDATE = 3
    STOP = 4


@dataclass(frozen=True)
class Fare:
    """A call of the demo's tariff: what it costs by an interim report, and in all."""

    called: str
    interim: int
    interim_cost: Decimal
    seconds: int
    cost: Decimal


FARES = (
    # 44 and 1001: connect fee 0.4, 0.2 for the first minute begun, then 0.1 a minute by the second, up at 4 decimals.
    Fare("4420123", 30, Decimal("0.6"), 85, Decimal("0.6417")),  # 0.4 + 0.2 + 25 x 0.1 / 60 = 0.64166..
    Fare("4420123", 20, Decimal("0.6"), 120, Decimal("0.7")),  # 0.4 + 0.2 + 60 x 0.1 / 60
    Fare("1001123", 60, Decimal("0.6"), 3600, Decimal("6.5")),  # 0.4 + 0.2 + 3540 x 0.1 / 60
    # 331: 0.01 a second.
    Fare("3315512", 10, Decimal("0.1"), 37, Decimal("0.37")),
    Fare("3315512", 1, Decimal("0.01"), 7199, Decimal("71.99")),
)


@dataclass
class Call:
    """One call. `number` is the calling party's, used once: by it the records are found."""

    number: str
    wallet: str
    protocol: str
    fare: Fare
    steps: tuple[Step, ...]
    sent: int = 0
    answered: int = 0
    klass: bytes = b""
    answers: dict[Step, Any] = field(default_factory=dict)

    def posted(self, steps: int) -> tuple[Decimal, int]:
        """What so many steps have charged, and how many records say that the call ended."""
        done = self.steps[:steps]
        if Step.STOP in done:
            return self.fare.cost, 1
        return (self.fare.interim_cost if Step.UPDATE in done else Decimal(0)), 0


@dataclass(frozen=True)
class Books:
    """What the appliance says: all records of a wallet, and what it holds now; and what it was opened with."""

    records: tuple[Mapping[str, Any], ...]
    balance: Decimal
    opening: Decimal


def faults(calls: Iterable[Call], books: Mapping[str, Books]) -> Iterator[str]:
    """Where the books are not what the clients' knowledge allows; nothing = they are."""
    known = {call.number: call for call in calls}
    rows: dict[str, list[Mapping[str, Any]]] = {number: [] for number in known}
    for wallet, book in books.items():
        if [Decimal(record["amount"]) for record in book.records if record["kind"] == "open"] != [book.opening]:
            yield f"wallet {wallet} was opened with {book.opening}, its records say otherwise"
        moved = sum((Decimal(record["amount"]) for record in book.records if record["kind"] != "open"), Decimal(0))
        if book.opening + moved != book.balance:
            yield f"wallet {wallet} went from {book.opening} to {book.balance}, its records come to {moved}"
        if [record["sequence"] for record in book.records] != list(range(1, len(book.records) + 1)):
            yield f"wallet {wallet}: its records are not numbered 1, 2, 3 .."
        for record in book.records:
            if record["kind"] == "open":
                continue
            number = record["session"]["calling"] if record["kind"] == "session" else ""
            if number not in known or known[number].wallet != wallet:
                yield f"wallet {wallet}: nobody made the call of record {record['sequence']}, from {number or '?'}"
            else:
                rows[number].append(record)
    for number, call in known.items():
        charged = -sum((Decimal(record["amount"]) for record in rows[number]), Decimal(0))
        ends = sum(1 for record in rows[number] if record["session"]["ended"] == "stop")
        allowed = [call.posted(steps) for steps in range(call.answered, call.sent + 1)]
        if (charged, ends) not in allowed:
            yield (
                f"{call.protocol} call {number} of {call.wallet}: {charged} charged with {ends} ends; "
                f"{call.answered} steps answered, {call.sent} sent of {len(call.steps)} allow {allowed}"
            )
