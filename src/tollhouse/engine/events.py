"""Named events for a wallet: their price in the provider's catalogue, and who of its buckets pays.

Source: requirement oracle_vws 1.2 and 5, cases 31, 55-58.
"""

from __future__ import annotations

from tollhouse.engine.book import Book
from tollhouse.rating.named_events import event_cascade, event_price
from tollhouse.rating.price import Price
from tollhouse.records.record import Occurred
from tollhouse.values.commands import EventName, Service
from tollhouse.values.money import Unit
from tollhouse.values.outcomes import Refused
from tollhouse.values.refusals import Refusal
from tollhouse.wallet.state import Wallet


def priced(book: Book, wallet: Wallet, event: EventName) -> Price | Refused:
    """What so many of the event cost the wallet, by its product."""
    found = book.snapshot.named_event(wallet.tenant, event.event_class, event.name)
    if found is None:
        return Refused(Refusal.NO_RATE, f"{wallet.tenant} has no event {event}")
    rules = book.snapshot.rules(wallet.tenant).event
    price = event_price(found, wallet.product, Unit(wallet.unit, wallet.decimals), rules)
    if not price.units and price.ends:
        return Refused(Refusal.NO_RATE, f"{event} has no price for {wallet.name}")
    return price


def cascade(book: Book, wallet: Wallet, event: EventName | None) -> str:
    """The cascade of the provider's events, normal or promotional, where it is configured; else that of the wallet's
    product for generic usage pays (case 57)."""
    if event is None:
        return ""
    name = event_cascade(book.snapshot.rules(wallet.tenant).event, event.promotional)
    return name if book.snapshot.cascade(wallet.tenant, name) is not None else ""


def nonsense(event: EventName | None, service: Service, count: int | None, most: int) -> Refused | None:
    """Why so many of the event cannot be asked for as usage of the service, if so; `most`: at a time."""
    if event is None:
        return None
    if service is not Service.GENERIC:
        return Refused(Refusal.INVALID, f"an event is counted as generic usage, not as {service}")
    if count is None or count <= 0:
        return Refused(Refusal.INVALID, "events are more than zero")
    return Refused(Refusal.AMOUNT_OUT_OF_RANGE, f"at most {most} events at a time") if count > most else None


def occurred(event: EventName | None, count: int, discount: int | None, rated: int) -> Occurred | None:
    """What a record says of so many of the event; None: it is of none."""
    if event is None:
        return None
    return Occurred(event.event_class, event.name, count, event.promotional, discount, rated)
