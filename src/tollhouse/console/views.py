"""Outcomes as JSON: amounts are decimal strings, times ISO 8601, seconds integers or decimal strings."""

from __future__ import annotations

from tollhouse.console.desk import Json, shown_seconds, shown_usage
from tollhouse.values.commands import Service
from tollhouse.values.instants import Instant, format_instant
from tollhouse.values.money import format_amount
from tollhouse.values.outcomes import (
    Done,
    Explained,
    Granted,
    Limited,
    Outcome,
    Posted,
    Priced,
    Refused,
    SessionView,
    Settled,
    WalletView,
)
from tollhouse.values.refusals import RETRY_MAY_HELP


def shown(outcome: Outcome, service: Service) -> Json:
    """The result of an outcome; `service` says what its usages count, where the outcome itself does not."""
    match outcome:
        case Granted():
            return granted(outcome)
        case Settled():
            return settled(outcome, service)
        case Posted():
            return posted(outcome)
        case Priced():
            return priced(outcome, service)
        case WalletView():
            return wallet(outcome)
        case SessionView():
            return session(outcome)
        case Done():
            return {"count": outcome.count}
        case Refused():
            return refused(outcome)
        case Explained():
            return explained(outcome, service)
        case Limited():
            return limited(outcome, service)


def refused(outcome: Refused) -> Json:
    """The `data` of an error: the refusal's name, whether the same request may succeed later, the session if any."""
    told: Json = {"refusal": outcome.refusal.value, "retry": outcome.refusal in RETRY_MAY_HELP}
    if outcome.session:
        told["session"] = outcome.session
    return told


def granted(outcome: Granted) -> Json:
    """Authorize, Start, Update."""
    return {
        "session": outcome.session,
        "granted": shown_usage(outcome.granted, outcome.service),
        "final": outcome.final,
        "validity": shown_seconds(outcome.validity),
        "cost": format_amount(outcome.cost, outcome.decimals),
        "balance": format_amount(outcome.balance, outcome.decimals),
        "credit_limit": format_amount(outcome.credit_limit, outcome.decimals),
        "unit": outcome.unit,
        "routes": [{"carrier": way.carrier, "to": f"{way.number}@{way.host}"} for way in outcome.routes],
    }


def settled(outcome: Settled, service: Service) -> Json:
    """Stop, Release."""
    return {
        "session": outcome.session,
        "usage": shown_usage(outcome.usage, service),
        "cost": format_amount(outcome.cost, outcome.decimals),
        "overdrawn": format_amount(outcome.overdrawn, outcome.decimals),
        "balance": format_amount(outcome.balance, outcome.decimals),
        "unit": outcome.unit,
    }


def posted(outcome: Posted) -> Json:
    """Charge, Refund, Recharge: `amount` above zero went into the wallet."""
    return {
        "wallet": outcome.wallet,
        "record": outcome.record,
        "amount": format_amount(outcome.amount, outcome.decimals),
        "balance": format_amount(outcome.balance, outcome.decimals),
        "unit": outcome.unit,
    }


def priced(outcome: Priced, service: Service) -> Json:
    """Quote: `cost` is all in, `fee` the connect fee in it."""
    return {
        "cost": format_amount(outcome.cost, outcome.decimals),
        "fee": format_amount(outcome.fee, outcome.decimals),
        "unit": outcome.unit,
        "usage": shown_usage(outcome.usage, service),
        "prefix": outcome.prefix,
        "plan": outcome.plan,
        "parts": [
            {
                "start": shown_usage(part.start, service),
                "usage": shown_usage(part.units, service),
                "price": part.price,
                "cost": part.cost,
            }
            for part in outcome.parts
        ],
    }


def explained(outcome: Explained, service: Service) -> Json:
    """Explain: `cost` is null and there are no lines where the price was refused."""
    refusal = {"refusal": outcome.refusal, "detail": outcome.detail} if outcome.refusal else None
    return {
        "cost": None if refusal else format_amount(outcome.cost, outcome.decimals),
        "unit": outcome.unit,
        "usage": shown_usage(outcome.usage, service),
        "prefix": outcome.prefix,
        "plan": outcome.plan,
        "looked": list(outcome.looked),
        "lines": [{"text": text, "cost": cost} for text, cost in outcome.lines],
        "rounding": outcome.rounding,
        "refused": refusal,
    }


def limited(outcome: Limited, service: Service) -> Json:
    """Limit: the usage that the money pays for."""
    return {
        "usage": shown_usage(outcome.usage, service),
        "ended": outcome.ended,
        "cost": format_amount(outcome.cost, outcome.decimals),
        "next_cost": format_amount(outcome.next_cost, outcome.decimals),
        "unit": outcome.unit,
        "prefix": outcome.prefix,
        "plan": outcome.plan,
    }


def wallet(view: WalletView) -> Json:
    """A wallet with its buckets."""
    return {
        "wallet": view.wallet,
        "tenant": view.tenant,
        "state": view.state,
        "unit": view.unit,
        "balance": format_amount(view.balance, view.decimals),
        "held": format_amount(view.held, view.decimals),
        "available": format_amount(view.available, view.decimals),
        "credit_limit": format_amount(view.credit_limit, view.decimals),
        "expiry": moment(view.expiry),
        "records": view.records,
        "buckets": [
            {
                "id": bucket.id,
                "balance_type": bucket.balance_type,
                "value": format_amount(bucket.value, view.decimals),
                "held": format_amount(bucket.held, view.decimals),
                "start": moment(bucket.start),
                "expiry": moment(bucket.expiry),
                "weight": bucket.weight,
            }
            for bucket in view.buckets
        ],
    }


def session(view: SessionView) -> Json:
    """A session."""
    return {
        "session": view.session,
        "state": view.state,
        "service": view.service.value,
        "client": view.client,
        "wallet": view.wallet,
        "account": view.account,
        "caller": view.calling,
        "destination": view.called,
        "created": moment(view.created),
        "started": moment(view.started),
        "until": moment(view.until),
        "granted": shown_usage(view.granted, view.service),
        "used": shown_usage(view.used, view.service),
        "cost": format_amount(view.cost, view.decimals),
        "held": format_amount(view.held, view.decimals),
        "unit": view.unit,
    }


def moment(instant: Instant) -> str | None:
    """ISO 8601; None where there is no such time."""
    return format_instant(instant) if instant else None
