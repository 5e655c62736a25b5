"""What a session's request type means for its wallet, and by which price it is opened (requirement cgrates 5).

| request type    | priced | asks | holds | charges | owes |
|-----------------|--------|------|-------|---------|------|
| prepaid         | yes    | yes  | yes   | yes     |      |
| pseudoprepaid   | yes    | yes  |       | yes     |      |
| postpaid        | yes    |      |       | yes     | yes  |
| rated           | yes    |      |       |         |      |
| none            |        |      |       |         |      |
"""

from __future__ import annotations

from typing import Final

import msgspec

from tollhouse.engine import events
from tollhouse.engine.book import Book
from tollhouse.engine.policy import Policy
from tollhouse.identify.identify import Payer
from tollhouse.rating.price import Price, resolve
from tollhouse.rating.unpriced import free, unpriced
from tollhouse.values.commands import Authorize, EventName, RequestType, Service, Start, Stop, Update
from tollhouse.values.instants import Instant
from tollhouse.values.money import Unit
from tollhouse.values.outcomes import Refused
from tollhouse.values.refusals import Refusal
from tollhouse.wallet.state import Wallet


class Manner(msgspec.Struct, frozen=True, gc=False):
    """How a session is paid for.

    `priced`: it has a price, and none is no leave. `asks`: a grant is what the wallet pays. `holds`: that is held, and
    each report is charged; else the whole is charged at the end. `charges`: the wallet pays at all, so it has to be fit
    for use. `owes`: what the wallet lacks in the end is owed, whatever the settings say of overruns.
    """

    priced: bool = True
    asks: bool = False
    holds: bool = False
    charges: bool = False
    owes: bool = False

    @property
    def defers(self) -> bool:
        """Whether the wallet pays, and only at the end."""
        return self.charges and not self.holds


MANNERS: Final = {
    RequestType.PREPAID: Manner(asks=True, holds=True, charges=True),
    RequestType.PSEUDOPREPAID: Manner(asks=True, charges=True),
    RequestType.POSTPAID: Manner(charges=True, owes=True),
    RequestType.RATED: Manner(),
    RequestType.NONE: Manner(priced=False),
}


def asked_type(command: Authorize | Start | Update | Stop, payer: Payer) -> RequestType:
    """Of a session that this request opens: as it says, else as the account does."""
    named = command.request_type if isinstance(command, Authorize | Start) else None
    return named or payer.request_type


def opening_price(
    book: Book,
    policy: Policy,
    payer: Payer,
    kind: RequestType,
    service: Service,
    wallet: Wallet,
    began: Instant,
    event: EventName | None = None,
) -> Price | Refused:
    """By which a session is opened. What no plan prices the wallet may pay by what its buckets say; a named event has
    the price of its catalogue."""
    manner, unit = MANNERS[kind], Unit(wallet.unit, wallet.decimals)
    if not manner.priced:
        return free(service, unit)
    if event is not None:
        return events.priced(book, wallet, event)
    who = (payer.tenant, payer.category, service, payer.subject)
    price = resolve(book.snapshot, *who, payer.called, began, policy.horizon)
    if isinstance(price, Refused):
        alone = price.refusal is Refusal.NO_RATE and manner.charges and _has_own_terms(wallet)
        return unpriced(book.snapshot, *who, began, unit) if alone else price
    return price


def _has_own_terms(wallet: Wallet) -> bool:
    """Whether any bucket may pay for what the tariff does not price: units, or whatever has a subject of its own."""
    return any(bucket.service or (bucket.use is not None and bucket.use.subject) for bucket in wallet.buckets)
