"""Event records as plain CSV (RFC 4180, lines end with LF): a heading, then a line for each record and posting."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from tollhouse.records.record import Call, Occurred, Record
from tollhouse.records.text import TYPES, BucketKind
from tollhouse.values.instants import format_instant, format_seconds
from tollhouse.values.money import format_amount

COLUMNS: Final = (
    *("wallet", "sequence", "posting", "at", "type", "kind", "client", "request_id"),
    *("bucket", "balance_type", "unit", "amount", "counter_account", "balance", "balance_unit", "note"),
    *("session", "account", "service", "calling", "called", "began", "usage", "cost", "overdrawn", "forgone", "ended"),
    *("request_type", "event_class", "event", "event_count"),
)
"""Wallet, sequence and posting name a line for ever: the same record is exported as the same lines."""
_NO_SESSION: Final = ("",) * 12


def heading() -> str:
    """The first line, with its end."""
    return _line(COLUMNS)


def lines(record: Record, kinds: Mapping[int, BucketKind], decimals: int) -> Iterator[str]:
    """The record's lines with their ends: one for each posting, one with posting 0 where nothing moved.

    `kinds` says what the buckets are; of one that is not in it the balance type is not known and money is assumed.
    `decimals`: of the wallet's unit, where the record does not say its own.
    """
    decimals = record.places(decimals)
    head = (record.wallet, record.sequence)
    about = (format_instant(record.at), TYPES.get(record.kind, 0), record.kind, record.client, record.request)
    behind = (format_amount(record.balance, decimals), record.unit, record.note)
    tail = (*behind, *_session(record.call, decimals), *_event(record.event))
    if not record.postings:
        yield _line((*head, 0, *about, "", "", "", "", "", *tail))
    for number, posting in enumerate(record.postings, 1):
        kind = kinds.get(posting.bucket) or BucketKind("", record.unit, decimals)
        amount = format_amount(posting.amount, kind.decimals)
        moved = (posting.bucket, kind.balance_type, kind.unit, amount, posting.counter)
        yield _line((*head, number, *about, *moved, *tail))


def _session(call: Call | None, decimals: int) -> tuple[str, ...]:
    if call is None:
        return _NO_SESSION
    return (
        call.session,
        call.account,
        call.service,
        call.calling,
        call.called,
        format_instant(call.began),
        format_seconds(call.usage) if call.service == "voice" else str(call.usage),
        format_amount(call.cost, decimals),
        format_amount(call.overdrawn, decimals),
        format_amount(call.forgone, decimals),
        call.ended,
        call.paid_as,
    )


def _event(event: Occurred | None) -> tuple[str, ...]:
    return ("", "", "") if event is None else (event.event_class, event.name, str(event.count))


def _line(cells: Sequence[object]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerow(cells)  # a bare CR in a cell is quoted by this terminator only
    return out.getvalue().removesuffix("\r\n") + "\n"
