"""The audit beside calls: in steps, each wallet as it stood when its turn came."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace
from tests.engine.rig import EUR, Rig, authorize, rig_with, start, stop
from tests.snapshot_dict import DictSnapshot

from tollhouse.console.reading import AuditPage
from tollhouse.engine.book import COUNT, OPEN_SESSIONS, SESSION, WALLET, decode_image, entry_of
from tollhouse.engine.session import Session
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


def with_calls() -> Rig:
    """1001 with a call that runs and one that has ended; 1002 without any."""
    rig = rig_with()
    rig.ask(CreateWallet("api", "1002", "make-1002", "EUR", EUR))
    for call in ("c1", "c2"):
        rig.ask(authorize(call, ask=60_000_000))
        rig.ask(start(call))
    rig.ask(stop("c1", 85))
    return rig


def sessions(rig: Rig) -> tuple[Session, Session]:
    """The one that runs, the one that has ended."""
    found = [decode_image(SESSION, image) for _, image in rig.store.scan(SESSION, b"", 9)]
    by_state = {one.state: one for one in found if isinstance(one, Session)}
    return by_state["started"], by_state["closed"]


def put(rig: Rig, image: Session) -> None:
    entry = entry_of(image, DictSnapshot())
    rig.store.entries[entry.kind, entry.key] = entry


def hold_of_a_missing_wallet(rig: Rig) -> None:
    put(rig, replace(sessions(rig)[1], id="x", wallet="nobody", lines=((1, 5),)))


def hold_when_closed(rig: Rig) -> None:
    put(rig, replace(sessions(rig)[1], lines=((1, 5),)))


def spoil_session(rig: Rig) -> None:
    key = (SESSION, sessions(rig)[1].id.encode())
    rig.store.entries[key] = replace(rig.store.entries[key], image=b"\x01spoilt")


def lose_session(rig: Rig) -> None:
    del rig.store.entries[SESSION, sessions(rig)[0].id.encode()]


def change_open_count(rig: Rig) -> None:
    del rig.store.entries[COUNT, OPEN_SESSIONS]


def lose_wallet(rig: Rig) -> None:
    del rig.store.entries[WALLET, b"1002"]


def ruin_day(rig: Rig) -> None:
    """All the rig's records are of this day."""
    rig.store.ruined["2026-11-18"] = "records of 2026-11-18 cannot be read: for a test"


@pytest.mark.parametrize(
    ("damage", "wallet", "says"),
    [
        (hold_of_a_missing_wallet, "nobody", "session x holds money of wallet nobody, which is not there"),
        (hold_when_closed, "1001", "is closed and holds money"),
        (spoil_session, "", "an image of kind 2 cannot be read"),
        (lose_session, "", "0 sessions are open, 1 are counted"),
        (change_open_count, "", "1 sessions are open, 0 are counted"),
        (lose_wallet, "1002", "wallet 1002 has records and is not there"),
        (ruin_day, "", "records of 2026-11-18 cannot be read: for a test"),
    ],
)
def test_the_last_page_has_what_belongs_to_no_wallet(damage: Callable[[Rig], None], wallet: str, says: str) -> None:
    """Beside calls and on a disk alike; the pages before it do not."""
    rig = with_calls()
    clean: list[AuditPage] = []
    audit_at_once(rig.store, "", 10, clean.append)
    assert clean == [AuditPage(2, 3, (), "")]
    damage(rig)
    pages: list[AuditPage] = []
    audit_at_once(rig.store, "", 1, pages.append)
    audit_at_once(rig.store, "1002", 1, pages.append)
    turns = Turns(rig)
    turns.auditor("1002", 1, turns.pages.append)
    while turns.waiting:
        turns.take()
    assert [one for one in pages[1].findings if one.wallet == wallet and says in one.text]
    assert turns.pages == pages[1:]
    assert not [one for one in pages[0].findings if says in one.text]


def test_sessions_that_come_and_go_meanwhile_are_no_miscount() -> None:
    """300 sessions are more than one step of 128: 40 end and 20 open between the steps."""
    rig = rig_with(opening=1000 * EUR)
    for call in range(300):
        rig.submit(authorize(f"c{call}", ask=1_000_000))
    rig.turn()
    turns = Turns(rig)
    turns.auditor("1001", 10, turns.pages.append)
    assert turns.pages == []
    for call in range(40):
        rig.submit(stop(f"c{call}", 0))
    for call in range(20):
        rig.submit(authorize(f"d{call}", ask=1_000_000))
    rig.turn()
    while turns.waiting:
        turns.take()
    assert turns.pages == [AuditPage(0, 0, (), "")]


def test_a_clean_stop_reads_nothing_more() -> None:
    turns = Turns(long_lived())
    turns.auditor("", 100, turns.pages.append)
    turns.auditor.close()
    turns.take()
    assert (turns.pages, turns.waiting) == ([], [])
