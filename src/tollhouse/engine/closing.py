"""A client that lost its sessions: a slice of them ends each turn, and the answer comes with the last one."""

from __future__ import annotations

from typing import Final

from tollhouse.engine import wallets
from tollhouse.engine.book import Book, DamagedError, Image, OneShot, decode_outcome, encode_outcome
from tollhouse.engine.decision import Closing, Decision
from tollhouse.engine.ends import silent
from tollhouse.engine.policy import Policy
from tollhouse.engine.session import CLOSED
from tollhouse.records.record import Record
from tollhouse.values.commands import CloseClient
from tollhouse.values.instants import Instant
from tollhouse.values.money import AmountError
from tollhouse.values.outcomes import Done
from tollhouse.wallet.state import Wallet

SLICE: Final = 128
"""Sessions that end in one turn: some 15 ms."""


def close_client(book: Book, policy: Policy, command: CloseClient, now: Instant) -> Decision:
    """The client's sessions that are open now are ended as `on_silence` says.

    Said again under the same key it ends nothing that began since.
    """
    if (row := book.one_shot(command.client, command.key)) is not None:
        return Decision(decode_outcome(row.outcome))
    return go_on(book, policy, Closing(command, tuple(book.session_ids(command.client, ""))), now)


def go_on(book: Book, policy: Policy, closing: Closing, now: Instant) -> Decision:
    """End the next slice. What cannot be ended (quarantined, damaged, a sum that does not fit) is left to the sweep."""
    command = closing.command
    changed: dict[str, Wallet] = {}
    ended: list[Image] = []
    count = 0
    records: tuple[tuple[Record, bytes], ...] = ()
    for session_id in closing.left[:SLICE]:
        try:
            session = book.session(session_id)
            if session is None or session.state == CLOSED or command.machine not in ("", session.machine):
                continue
            stands = book.wallet(session.wallet)
            wallet = changed.get(session.wallet, stands)
            if wallet is None or wallets.barred_for_settling(wallet) is not None:
                continue
            after = silent(book, policy, session, wallet, command.cause, now)
        except (DamagedError, AmountError):
            continue
        changed[session.wallet] = after.wallet
        ended += [*after.images, *after.sessions]
        count += 1
        records += after.records
    done, left = closing.done + count, closing.left[SLICE:]
    if left:
        return Decision(Done(done), (*changed.values(), *ended), records, Closing(command, left, done))
    row = OneShot(command.client, command.key, b"", encode_outcome(Done(done)), now + policy.tombstone)
    return Decision(Done(done), (*changed.values(), *ended, row), records)
