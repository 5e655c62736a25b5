"""Which account is asking, is it really, and which wallet pays. Pure: reads the snapshot and the caller's words."""

from __future__ import annotations

import hashlib
import hmac

import msgspec

from tollhouse.snapshot.accounts import Account
from tollhouse.snapshot.lookups import Snapshot
from tollhouse.values.commands import Caller, Pap, Proof, RequestType
from tollhouse.values.outcomes import Refused
from tollhouse.values.refusals import Refusal


class Payer(msgspec.Struct, frozen=True, gc=False):
    """Who pays, and what rating has to know of him.

    `account` is empty where a wallet was named that no account stands for; `called` has lost the tech prefix. `legs`:
    accounts that are charged for the same session. `request_type`: of a session whose request names none.
    """

    account: str
    wallet: str
    tenant: str
    category: str
    subject: str
    called: str
    legs: tuple[str, ...] = ()
    request_type: RequestType = RequestType.PREPAID


def identify(snapshot: Snapshot, caller: Caller, called: str) -> Payer | Refused:
    """The payer of a request, or why there is none: unknown_account, bad_password, account_disabled."""
    if caller.wallet:
        return _of_wallet(snapshot, caller, called)
    account = _recognise(snapshot, caller)
    if account is None or _foreign(account, caller):
        return Refused(Refusal.UNKNOWN_ACCOUNT, "no account is recognised by what the request says")
    if caller.proof is not None and account.password and not proves(caller.proof, account.password):
        return Refused(Refusal.BAD_PASSWORD, f"account {account.name}")
    if not account.enabled:
        return _disabled(account)
    if not called.startswith(account.tech_prefix):
        return Refused(Refusal.UNKNOWN_ACCOUNT, f"the called number lacks the tech prefix of account {account.name}")
    return _payer(account, called)


def proves(proof: Proof, password: bytes) -> bool:
    """Whether the proof was made with this password (RFC 2865 5.2, RFC 1994 4.1); takes the same time either way."""
    if isinstance(proof, Pap):
        return hmac.compare_digest(proof.password, password)
    expected = hashlib.md5(bytes((proof.ident & 0xFF,)) + password + proof.challenge, usedforsecurity=False).digest()
    return hmac.compare_digest(proof.response, expected)


def _of_wallet(snapshot: Snapshot, caller: Caller, called: str) -> Payer | Refused:
    """A wallet named by a trusted peer pays, with the settings of the account of that name where there is one.

    No password is asked for, and a tech prefix is cut but not demanded: it is no part of how the caller was recognised.
    """
    account = snapshot.account_by_name(caller.wallet)
    if account is None or _foreign(account, caller):
        tenant = caller.tenant or snapshot.only_tenant()
        return Payer("", caller.wallet, tenant, "call", caller.wallet, called)
    return _payer(account, called) if account.enabled else _disabled(account)


def _recognise(snapshot: Snapshot, caller: Caller) -> Account | None:
    """The first of name, calling number and address that is given decides.

    One exception: an unproven name (accounting) that no account has must still bill someone, so the others are tried.
    """
    if caller.name:
        account = snapshot.account_by_name(caller.name)
        if account is not None or caller.proof is not None:
            return account
        if caller.ani and (account := snapshot.account_by_ani(caller.ani)) is not None:
            return account
    elif caller.ani:
        return snapshot.account_by_ani(caller.ani)
    return snapshot.account_by_address(caller.address) if caller.address else None


def _foreign(account: Account, caller: Caller) -> bool:
    """A caller that names its tenant never sees the accounts of another."""
    return bool(caller.tenant) and account.tenant != caller.tenant


def _disabled(account: Account) -> Refused:
    return Refused(Refusal.ACCOUNT_DISABLED, f"account {account.name}")


def _payer(account: Account, called: str) -> Payer:
    dialled = called.removeprefix(account.tech_prefix)
    return Payer(
        account.name,
        account.wallet,
        account.tenant,
        account.category,
        account.subject,
        dialled,
        account.legs,
        account.request_type,
    )
