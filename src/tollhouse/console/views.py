"""Outcomes as JSON: amounts are decimal strings, times ISO 8601, seconds integers or decimal strings."""

from __future__ import annotations

from tollhouse.console.desk import Json, shown_seconds, shown_usage
from tollhouse.values.commands import Service
from tollhouse.values.instants import Instant, format_instant
from tollhouse.values.money import format_amount
from tollhouse.values.outcomes import (
    Adjustment,
    BucketView,
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
from tollhouse.values.uses import Timing, Use


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
        case Adjustment():
            return adjustment(outcome)


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
    """Charge, Refund, Recharge, Transfer: `amount` above zero went into the wallet."""
    elsewhere = bool(outcome.balance_unit)
    return {
        "wallet": outcome.wallet,
        "record": outcome.record,
        "amount": format_amount(outcome.amount, outcome.decimals),
        "unit": outcome.unit,
        "balance": format_amount(outcome.balance, outcome.balance_decimals if elsewhere else outcome.decimals),
        "balance_unit": outcome.balance_unit or outcome.unit,
    }


def recharged(outcome: Posted) -> Json:
    """Recharge: what each line did."""
    return {
        **posted(outcome),
        "expiry": moment(outcome.expiry),
        "lines": [
            {
                "balance_type": line.balance_type,
                "bucket": line.bucket or None,
                "unit": line.unit,
                "credited": format_amount(line.credited, line.decimals),
                "forfeited": format_amount(line.forfeited, line.decimals),
                "skipped": format_amount(line.skipped, line.decimals),
                "why": line.why,
                "balance": format_amount(line.balance, line.decimals),
                "expiry": moment(line.expiry),
            }
            for line in outcome.lines
        ],
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
        "since": moment(view.since),
        "product": view.product,
        "other_products": list(view.other_products),
        "batch": view.batch,
        "unit": view.unit,
        "balance": format_amount(view.balance, view.decimals),
        "held": format_amount(view.held, view.decimals),
        "available": format_amount(view.available, view.decimals),
        "credit_limit": format_amount(view.credit_limit, view.decimals),
        "max_sessions": view.max_sessions,
        "expiry": moment(view.expiry),
        "activated": moment(view.activated),
        "used": moment(view.used),
        "records": view.records,
        "buckets": [bucket(one, view) for one in view.buckets],
    }


def bucket(view: BucketView, owner: WalletView) -> Json:
    """A bucket in its own unit. A view that was kept before views said so is of money."""
    unit, decimals = (view.unit, view.decimals) if view.unit else (owner.unit, owner.decimals)
    return {
        "id": view.id,
        "balance_type": view.balance_type,
        "unit": unit,
        "service": view.service,
        "value": format_amount(view.value, decimals),
        "held": format_amount(view.held, decimals),
        "start": moment(view.start),
        "expiry": moment(view.expiry),
        "days_to_go": view.days_to_go if view.days_to_go >= 0 else None,
        "weight": view.weight,
        "use": use(view.use) if view.use else None,
    }


def use(restriction: Use) -> Json:
    """What a bucket may pay for, as far as it is restricted: in the form of the parameter."""
    told = {
        "destinations": list(restriction.destinations),
        "categories": list(restriction.categories),
        "timings": [timing(one) for one in restriction.timings],
        "subject": restriction.subject,
        "factors": {name: shown_usage(units, Service(name)) for name, units in restriction.factors},
        "blocker": restriction.blocker,
        "disabled": restriction.disabled,
        "groups": list(restriction.groups),
    }
    return {name: value for name, value in told.items() if value}


def timing(when: Timing) -> Json:
    """Only the lists that name something."""
    lists = {"years": when.years, "months": when.months, "month_days": when.month_days, "week_days": when.week_days}
    told: Json = {name: list(days) for name, days in lists.items() if days}
    minutes, seconds = divmod(when.start, 60)
    return told | {"time": f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}"}


def session(view: SessionView) -> Json:
    """A session."""
    return {
        "session": view.session,
        "state": view.state,
        "service": view.service.value,
        "request_type": view.request_type.value,
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
        "holds": [
            {
                "bucket": hold.bucket,
                "balance_type": hold.balance_type,
                "unit": hold.unit,
                "amount": format_amount(hold.amount, hold.decimals),
            }
            for hold in view.holds
        ],
    }


def adjustment(outcome: Adjustment) -> Json:
    """A correction by hand: done, waiting or declined."""
    return {
        "adjustment": outcome.key,
        "wallet": outcome.wallet,
        "state": outcome.state,
        "balance_type": outcome.balance_type,
        "bucket": outcome.bucket or None,
        "amount": format_amount(outcome.amount, outcome.decimals),
        "unit": outcome.unit,
        "operator": outcome.operator,
        "reason": outcome.reason,
        "second": outcome.second or None,
        "until": moment(outcome.until),
        "record": outcome.record or None,
        "balance": format_amount(outcome.balance, outcome.decimals) if outcome.record else None,
    }


def moment(instant: Instant) -> str | None:
    """ISO 8601; None where there is no such time."""
    return format_instant(instant) if instant else None
