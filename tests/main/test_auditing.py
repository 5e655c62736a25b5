"""The audit beside calls: in steps, each wallet as it stood when its turn came."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace
from tests.engine.rig import EUR, Rig, rig_with

from tollhouse.console.reading import AuditPage
from tollhouse.main.auditing import STEPS, Auditor, audit_at_once
from tollhouse.values.commands import Caller, Charge, CreateWallet
from tollhouse.values.money import Amount

CHARGES = 2600
"""With the wallet's opening 2601 records: six pages of 500 at most, two turns of four steps."""


def charge(rig: Rig, key: str) -> None:
    rig.submit(Charge(Caller("api", wallet="1001"), key, Amount(1, "EUR")))


def long_lived() -> Rig:
    """1001 has 2601 records, 1002 one."""
    rig = rig_with()
    rig.ask(CreateWallet("api", "1002", "make-1002", "EUR", EUR))
    for number in range(CHARGES):
        charge(rig, f"k{number}")
    rig.turn()
    return rig


class Turns:
    """An auditor's turns, taken by hand."""

    def __init__(self, rig: Rig) -> None:
        self.waiting: list[Callable[[], None]] = []
        self.auditor = Auditor(rig.store, self.waiting.append)
        self.pages: list[AuditPage] = []

    def take(self) -> None:
        self.waiting.pop(0)()


def test_calls_go_on_between_the_steps_and_are_no_finding() -> None:
    rig = long_lived()
    turns = Turns(rig)
    turns.auditor("", 100, turns.pages.append)
    assert (STEPS, turns.pages, len(turns.waiting)) == (4, [], 1)
    charge(rig, "meanwhile")
    rig.turn()
    while turns.waiting:
        turns.take()
    assert turns.pages == [AuditPage(2, CHARGES + 2, (), "")]


def test_what_is_wrong_is_found_in_steps_too() -> None:
    """The last but one of 1001's records is gone, and one of 1002's belongs to nobody."""
    rig = long_lived()
    chain = rig.store.chains["1001"]
    del chain[-2]
    rig.store.chains["1002"].append(replace(chain[0], wallet="1002", sequence=2))
    pages: list[AuditPage] = []
    audit_at_once(rig.store, "", 100, pages.append)
    texts = [finding.text for finding in pages[0].findings]
    assert f"wallet 1001: record {CHARGES + 1} does not follow record {CHARGES - 1}" in texts
    assert "wallet 1002: 1 records expected, there is one numbered 2" in texts


def test_pages_go_on_behind_the_last_wallet() -> None:
    rig = long_lived()
    pages: list[AuditPage] = []
    audit_at_once(rig.store, "", 1, pages.append)
    audit_at_once(rig.store, pages[0].next, 1, pages.append)
    audit_at_once(rig.store, pages[1].next, 1, pages.append)
    assert [(page.wallets, page.next) for page in pages] == [(1, "1001"), (1, "1002"), (0, "")]


def test_a_clean_stop_reads_nothing_more() -> None:
    turns = Turns(long_lived())
    turns.auditor("", 100, turns.pages.append)
    turns.auditor.close()
    turns.take()
    assert (turns.pages, turns.waiting) == ([], [])
