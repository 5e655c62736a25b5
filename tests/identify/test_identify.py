"""Who pays: each way of being recognised, alone and against the others."""

from __future__ import annotations

import hashlib

import pytest

from tollhouse.identify.identify import Payer, identify
from tollhouse.snapshot.accounts import Account, BalanceType, CarrierRate, Gateway
from tollhouse.snapshot.tariff import PrefixRates, Profile
from tollhouse.values.commands import Caller, Chap, Pap, Proof
from tollhouse.values.money import Unit
from tollhouse.values.outcomes import Refused
from tollhouse.values.refusals import Refusal


def account(
    name: str, password: bytes = b"", tech_prefix: str = "", tenant: str = "t1", enabled: bool = True
) -> Account:
    return Account(
        name,
        tenant,
        "Client",
        f"w-{name}",
        f"s-{name}",
        f"c-{name}",
        password,
        tech_prefix=tech_prefix,
        enabled=enabled,
    )


class Accounts:
    """A snapshot of accounts alone."""

    generation = 1

    def __init__(self) -> None:
        self.names = {
            a.name: a
            for a in (
                account("alice", b"secret"),
                account("open"),
                account("off", b"secret", enabled=False),
                account("prefixed", tech_prefix="1234#"),
                account("other", tenant="t2"),
            )
        }

    def only_tenant(self) -> str:
        return "t1"

    def account_by_name(self, name: str) -> Account | None:
        return self.names.get(name)

    def account_by_ani(self, ani: str) -> Account | None:
        return account("by-ani", b"ani-secret") if ani == "4420" else None

    def account_by_address(self, address: str) -> Account | None:
        return account("by-address") if address == "192.0.2.1" else None

    def gateway(self, address: str, protocol: str) -> Gateway | None:
        return None

    def profile(self, tenant: str, category: str, service: str, subject: str) -> Profile | None:
        return None

    def rates(self, plan: str, digits: str) -> list[PrefixRates]:
        return []

    def carriers(self, digits: str) -> list[CarrierRate]:
        return []

    def unit(self, name: str) -> Unit | None:
        return None

    def balance_type(self, name: str) -> BalanceType | None:
        return None


def ask(
    called: str = "331",
    *,
    wallet: str = "",
    name: str = "",
    ani: str = "",
    address: str = "",
    proof: Proof | None = None,
    tenant: str = "",
) -> Payer | Refused:
    return identify(Accounts(), Caller("gw", address, name, ani, wallet, proof, tenant), called)


def who(answer: Payer | Refused) -> str:
    return answer.account if isinstance(answer, Payer) else answer.refusal.value


def test_an_account_brings_its_wallet_subject_category_and_tenant() -> None:
    assert ask(name="alice") == Payer("alice", "w-alice", "t1", "c-alice", "s-alice", "331")


def test_a_wallet_that_an_account_is_named_like_takes_its_settings_without_a_password() -> None:
    assert ask(wallet="alice", name="open", proof=Pap(b"wrong")) == Payer(
        "alice", "w-alice", "t1", "c-alice", "s-alice", "331"
    )


def test_a_wallet_without_an_account_pays_for_itself() -> None:
    assert ask(wallet="1001") == Payer("", "1001", "t1", "call", "1001", "331")
    assert ask(wallet="1001", tenant="t9") == Payer("", "1001", "t9", "call", "1001", "331")


@pytest.mark.parametrize(
    ("name", "ani", "address", "proof", "expected"),
    [
        ("alice", "4420", "192.0.2.1", None, "alice"),
        ("", "4420", "192.0.2.1", None, "by-ani"),
        ("", "", "192.0.2.1", None, "by-address"),
        ("", "999", "192.0.2.1", None, "unknown_account"),
        ("nobody", "4420", "192.0.2.1", None, "by-ani"),
        ("nobody", "999", "192.0.2.1", None, "by-address"),
        ("nobody", "", "192.0.2.1", None, "by-address"),
        ("nobody", "4420", "192.0.2.1", Pap(b"x"), "unknown_account"),
        ("nobody", "", "", None, "unknown_account"),
        ("", "", "", None, "unknown_account"),
        ("off", "", "", None, "account_disabled"),
        ("off", "", "", Pap(b"wrong"), "bad_password"),
    ],
)
def test_the_first_that_is_given_decides(name: str, ani: str, address: str, proof: Proof | None, expected: str) -> None:
    assert who(ask(name=name, ani=ani, address=address, proof=proof)) == expected


def chap(password: bytes) -> Chap:
    """RFC 1994 4.1: MD5 over identifier, secret, challenge."""
    return Chap(7, b"c" * 16, hashlib.md5(b"\x07" + password + b"c" * 16).digest())


@pytest.mark.parametrize(
    ("name", "proof", "expected"),
    [
        ("alice", Pap(b"secret"), "alice"),
        ("alice", Pap(b"Secret"), "bad_password"),
        ("alice", Pap(b""), "bad_password"),
        ("alice", chap(b"secret"), "alice"),
        ("alice", chap(b"other"), "bad_password"),
        ("alice", Chap(8, b"c" * 16, chap(b"secret").response), "bad_password"),
        ("alice", Chap(7, b"c" * 16, b""), "bad_password"),
        ("alice", None, "alice"),
        ("open", Pap(b"anything"), "open"),
    ],
)
def test_passwords(name: str, proof: Proof | None, expected: str) -> None:
    assert who(ask(name=name, proof=proof)) == expected


def test_a_password_is_checked_however_the_account_was_found() -> None:
    assert who(ask(ani="4420", proof=Pap(b"ani-secret"))) == "by-ani"
    assert who(ask(ani="4420", proof=Pap(b"wrong"))) == "bad_password"


def test_the_tech_prefix_leads_the_number_and_is_cut() -> None:
    assert ask("1234#331", name="prefixed") == Payer("prefixed", "w-prefixed", "t1", "c-prefixed", "s-prefixed", "331")
    assert who(ask("331", name="prefixed")) == "unknown_account"
    by_wallet = ask("331", wallet="prefixed")
    assert isinstance(by_wallet, Payer)
    assert by_wallet.called == "331"


def test_a_caller_of_one_tenant_never_sees_the_accounts_of_another() -> None:
    assert who(ask(name="other", tenant="t1")) == "unknown_account"
    assert who(ask(name="other", tenant="t2")) == "other"
    assert who(ask(name="other")) == "other"
    assert ask(wallet="other", tenant="t1") == Payer("", "other", "t1", "call", "other", "331")


def test_no_secret_is_in_a_refusal() -> None:
    refused = ask(name="alice", proof=Pap(b"wrong"))
    assert refused == Refused(Refusal.BAD_PASSWORD, "account alice")
