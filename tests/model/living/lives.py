"""A wallet's life by the letter of the requirement (oracle_vws 1.4, 4.1): what is due is done, the earliest first.

Works on the auditor's own rows. Of a bucket that has ended only its value is told: whether an empty row stays is not
looked at.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.model.living.offer import TENANT, Offer
from tests.model.living.rows import MAIN, Bucket, Wallet

LETTERS = {"preuse": "P", "active": "A", "dormant": "D", "frozen": "F", "suspended": "S", "terminated": "T"}
MOVES = {
    "frozen": ("active", "dormant", "suspended"),
    "suspended": ("active", "dormant"),
    "active": ("dormant", "frozen", "suspended"),
    "terminated": ("preuse", "active", "dormant", "frozen", "suspended"),
}
"""Where an operator may take a wallet, each with where from."""
BATCH, WALLET, BUCKETS, DISUSE, REMOVAL = range(5)


def live(wallet: Wallet, offer: Offer, now: int) -> bool:
    """Do all that was due by now; whether the wallet's removal is due, which is not done here."""
    while due := min(_dues(wallet, offer), default=None):
        at, deed = due
        if at > now:
            return False
        if deed == REMOVAL and not offer.rules.expiry.removal_is_only_listed:
            return True
        _do(wallet, offer, at, deed)
    return False


def due_before(wallet: Wallet, offer: Offer, at: int) -> bool:
    """Whether something of its life is due earlier than `at`."""
    due = min(_dues(wallet, offer), default=None)
    return due is not None and due[0] < at


def next_due(wallet: Wallet, offer: Offer) -> int:
    """When the next thing of its life is due; never, if there is none."""
    return min((at for at, _ in _dues(wallet, offer)), default=2**63)


def _dues(wallet: Wallet, offer: Offer) -> Iterator[tuple[int, int]]:
    product, batch = offer.products.get(wallet.product), offer.batches.get(wallet.batch)
    if wallet.state == "preuse" and batch is not None:
        if batch.expiry:
            yield max(batch.expiry, wallet.entered), BATCH
        if not batch.active:
            return
    if wallet.state in ("active", "dormant") and wallet.expiry:
        yield max(wallet.expiry, wallet.entered), WALLET
    for one in wallet.buckets:
        if at := _end_of(one, wallet, offer):
            yield at, BUCKETS
    if product is None:
        return
    since = max(wallet.entered, wallet.used) if wallet.state == "active" else wallet.entered
    period = {
        "preuse": product.preuse,
        "active": product.dormant,
        "dormant": product.terminated,
        "terminated": product.removed,
    }.get(wallet.state, 0)
    if not since or not period:
        return
    if wallet.state != "terminated":
        yield since + period, DISUSE
    elif not any(one.held for one in wallet.buckets):
        listed = offer.rules.expiry.removal_is_only_listed and wallet.removal_listed >= wallet.entered
        if not listed:
            yield since + period, REMOVAL


def _expired(wallet: Wallet) -> bool:
    return wallet.state == "terminated" and 0 < wallet.expiry <= wallet.entered


def _end_of(bucket: Bucket, wallet: Wallet, offer: Offer) -> int:
    """When its free value is lost; 0: never, as things stand. A tracker below zero ends with its period, too."""
    free = bucket.free() > 0
    if free and _expired(wallet):
        return wallet.entered
    if not free and (not bucket.value or offer.types[bucket.balance_type].category != "tracker"):
        return 0
    counts = LETTERS[wallet.state] in offer.rules.expiry.wallet_states
    return max(bucket.expiry, wallet.entered) if counts and bucket.expiry and bucket.id != MAIN else 0


def _do(wallet: Wallet, offer: Offer, at: int, deed: int) -> None:
    if deed == BUCKETS:
        for one in wallet.buckets:
            if 0 < _end_of(one, wallet, offer) <= at:
                one.value = one.held
    elif deed == REMOVAL:
        wallet.removal_listed = at
    elif deed in (BATCH, WALLET) or wallet.state == "preuse":
        wallet.state, wallet.entered = "terminated", at
        for one in wallet.buckets:
            one.value = min(one.value, one.held) if one.value > one.held else one.value
    else:
        wallet.state, wallet.entered = ("dormant" if wallet.state == "active" else "terminated"), at


def activate(wallet: Wallet, offer: Offer, now: int) -> None:
    """A first use: dates and promotions of its product (cases 60-63)."""
    product, rules = offer.products[wallet.product], offer.rules.activation
    if product.initial:
        wallet.expiry = _date(
            wallet.expiry, now + product.initial, rules.overwrites_wallet_expiry, rules.dates_undated_wallet
        )
    wallet.state, wallet.entered, wallet.activated, wallet.used = "active", now, now, now
    for one in wallet.buckets:
        period = dict(product.bucket_lasts).get(one.balance_type, 0)
        if period and one.id != MAIN:
            one.expiry = _date(one.expiry, now + period, rules.overwrites_bucket_expiry, rules.dates_undated_bucket)
    for gift in product.promotions:
        kind = offer.types[gift.balance_type]
        expiry = now + gift.lasts if gift.lasts else 0
        place = next(
            (
                one
                for one in wallet.buckets
                if one.balance_type == kind.name
                and (one.start, one.expiry, one.weight, one.use) == (0, expiry, 0, None)
            ),
            None,
        )
        if place is None:
            place = add_bucket(wallet, offer, kind.name, expiry)
        place.value += gift.amount


def add_bucket(wallet: Wallet, offer: Offer, name: str, expiry: int) -> Bucket:
    """One more, empty, in its place of the order of payment."""
    kind = offer.types[name]
    idle = kind.category != "general"
    unit = kind.unit if kind.service or idle else ""
    made = Bucket(
        *(wallet.next_bucket, name, 0, 0, 0, expiry, 0, kind.order, unit, kind.service, kind.step, "", None), idle=idle
    )
    wallet.next_bucket += 1
    wallet.buckets.append(made)
    wallet.buckets.sort(key=lambda one: (one.order, -one.weight, one.expiry or 2**63, one.id))
    return made


def _date(old: int, new: int, overwrites: bool, dates_undated: bool) -> int:
    if not old:
        return new if dates_undated else 0
    return new if overwrites else max(old, new)


def ready(wallet: Wallet, offer: Offer, activates: bool, now: int) -> str:
    """Make a wallet that is caught up ready for a use; or say which refusal bars it."""
    assert wallet.tenant == TENANT
    if wallet.state == "preuse":
        batch = offer.batches.get(wallet.batch)
        if not activates or (batch is not None and not batch.active):
            return "wallet_suspended"
        activate(wallet, offer, now)
    elif wallet.state == "dormant":
        wallet.state, wallet.entered, wallet.used = "active", now, max(now, wallet.used)
    elif wallet.state != "active":
        return "wallet_expired" if wallet.state == "terminated" else "wallet_suspended"
    return ""
