"""How a session was priced, from the price that its record names: what its line of tags tells of it.

The price is that of the session's own subject. What a bucket has of its own (another subject, an increment for nothing,
a discount that the wallet grants) is in no record, and is not told. Source: requirement oracle_vws 6, cases 48 and 53.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from tollhouse.rating.cost import MAX_COST_SCALE, exact_text, price_text
from tollhouse.rating.price import Price
from tollhouse.rating.spans import spans
from tollhouse.records.record import Call
from tollhouse.records.text import PERCENT_DECIMALS, Rating
from tollhouse.values.money import format_amount
from tollhouse.wallet.state import REVENUE, Posting


def rating_of(call: Call, price: Price, postings: Sequence[Posting]) -> Rating:
    """Of a call that has used what its record says; `postings`: all that its line tells."""
    runs = list(spans(price, call.began, call.usage))
    if not runs or not runs[0][2].rate:  # nothing was used, or no tariff priced it
        return Rating((), cascade=call.cascade)
    met = [list(same) for _, same in groupby(runs, key=lambda run: run[3])]
    ends = [*(same[0][0] for same in met[1:]), call.usage]
    begun, count, _, slot = runs[-1]
    percent = () if call.discount is None else (format_amount(call.discount, PERCENT_DECIMALS),)
    cap = runs[0][2].max_cost
    return Rating(
        lengths=tuple([end - same[0][0] for same, end in zip(met, ends, strict=True)]),
        rates=tuple([price_text(same[0][3], price.service) for same in met]),
        charged=begun + count * slot.increment if _by_money(postings) else 0,
        cascade=call.cascade,
        most=exact_text((cap, MAX_COST_SCALE)) if cap else "",
        discounts=percent * len(met),
    )


def _by_money(postings: Sequence[Posting]) -> bool:
    """Whether only money paid, in increments of the price: units have their own."""
    return not any(one.unit and one.counter == REVENUE for one in postings)
