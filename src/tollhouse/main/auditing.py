"""The proof of balances for the console and the command line: a page of wallets, in steps that let calls through."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Final

from tollhouse.console.reading import AuditPage, Finding
from tollhouse.engine.audit import Proof, steps
from tollhouse.engine.loose_ends import Fault, LooseEnds
from tollhouse.engine.readable import Readable

AUDIT_PAGE: Final = 200
STEPS: Final = 4
"""Steps in one turn of the reactor: a few wallets, or so many pages of one wallet's records; some 10 ms."""


def audit_at_once(store: Readable, after: str, limit: int, done: Callable[[AuditPage], None]) -> None:
    """`Auditing` where nobody waits for anything else."""
    for page in _walk(store, after, limit):
        if page is not None:
            done(page)


class Auditor:
    """`Auditing` beside calls. `soon` runs a function in a turn to come, after what else waits."""

    def __init__(self, store: Readable, soon: Callable[[Callable[[], None]], object]) -> None:
        self._store = store
        self._soon = soon
        self._closed = False

    def __call__(self, after: str, limit: int, done: Callable[[AuditPage], None]) -> None:
        """Prove the wallets behind `after`."""
        self._go_on(_walk(self._store, after, limit), done)

    def close(self) -> None:
        """The store is about to be closed: what is under way ends without an answer."""
        self._closed = True

    def _go_on(self, walk: Iterator[AuditPage | None], done: Callable[[AuditPage], None]) -> None:
        if self._closed:
            return
        for page in islice(walk, STEPS):
            if page is not None:
                return done(page)
        self._soon(lambda: self._go_on(walk, done))


def _walk(store: Readable, after: str, limit: int) -> Iterator[AuditPage | None]:
    """None after each step, at last the page. Behind the last wallet it also has what no wallet's proof looks at."""
    size = min(limit, AUDIT_PAGE)
    proofs: list[Proof] = []
    for step in steps(store, after):
        if step is not None:
            proofs.append(step)
        if len(proofs) == size:
            yield _page(proofs, (), proofs[-1].wallet)
            return
        yield None
    ends = LooseEnds(store)
    for _ in ends.steps():
        yield None
    yield _page(proofs, ends.faults, "")


def _page(proofs: Sequence[Proof], loose: Sequence[Fault], following: str) -> AuditPage:
    findings = [Finding(proof.wallet, fault) for proof in proofs for fault in proof.faults]
    findings += [Finding(fault.wallet, fault.text) for fault in loose]
    return AuditPage(len(proofs), sum(proof.records for proof in proofs), tuple(findings), following)
