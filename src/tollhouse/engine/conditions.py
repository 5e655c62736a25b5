"""What a wallet lives under, as the configuration says, and when something of its life is due."""

from __future__ import annotations

from tollhouse.snapshot.lookups import Snapshot
from tollhouse.values.instants import Instant
from tollhouse.wallet import life
from tollhouse.wallet.changes import Conditions
from tollhouse.wallet.state import QUARANTINED, REMOVED, Wallet


def conditions(snapshot: Snapshot, wallet: Wallet) -> Conditions:
    """Its products, its own first, its batch and its provider's rules."""
    product = snapshot.product(wallet.tenant, wallet.product) if wallet.product else None
    others = [snapshot.product(wallet.tenant, name) for name in wallet.other_products] if product else []
    products = tuple([one for one in (product, *others) if one is not None])
    batch = snapshot.batch(wallet.tenant, wallet.batch) if wallet.batch else None
    return Conditions(products, snapshot.rules(wallet.tenant), snapshot.balance_type, batch)


def lives(wallet: Wallet) -> bool:
    """Whether anything can ever be due: of a wallet in quarantine nothing is, its release looks at it anew."""
    if wallet.state in (QUARANTINED, REMOVED):
        return False
    return bool(wallet.product or wallet.batch or wallet.expiry) or any(bucket.expiry for bucket in wallet.buckets)


def next_due(snapshot: Snapshot, wallet: Wallet) -> Instant:
    """When there is something to do; 0: never."""
    return life.next_due(wallet, conditions(snapshot, wallet)) if lives(wallet) else 0
