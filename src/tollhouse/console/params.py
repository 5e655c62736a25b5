"""What every method of the API is made of: the forms of its named parameters, and how a command becomes an answer.

A parameter that is no field of the method's struct is refused by name. `request_id` is required where money moves:
the same id again is the same request.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, ClassVar, Final, Protocol, TypeAlias

import msgspec

from tollhouse.console import views
from tollhouse.console.desk import Desk, Json
from tollhouse.values.commands import Command, Service
from tollhouse.values.outcomes import Outcome, Refused

Answer: TypeAlias = Callable[[Json | Refused], None]

_TEXT: Final = r"^[^\x00-\x1f\x7f]*\Z"
Name: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=_TEXT)]
MaybeName: TypeAlias = Annotated[str, msgspec.Meta(max_length=64, pattern=_TEXT)]
WALLET_OCTETS: Final = 200
"""As the engine makes them; the store finds nothing under a much longer key."""
WalletName: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=WALLET_OCTETS, pattern=_TEXT)]
MaybeWallet: TypeAlias = Annotated[str, msgspec.Meta(max_length=WALLET_OCTETS, pattern=_TEXT)]
Number: TypeAlias = Annotated[str, msgspec.Meta(max_length=128, pattern=_TEXT)]
Key: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=_TEXT)]
MaybeKey: TypeAlias = Annotated[str, msgspec.Meta(max_length=100, pattern=_TEXT)]
Note: TypeAlias = Annotated[str, msgspec.Meta(max_length=200, pattern=_TEXT)]
Money: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=52)]
"""A decimal string; a JSON number is refused, because most writers of JSON send it through a float."""
Used: TypeAlias = Annotated[int, msgspec.Meta(ge=0)] | Annotated[str, msgspec.Meta(max_length=32)]
Percent: TypeAlias = Annotated[str, msgspec.Meta(max_length=6)]
"""A decimal string of 0 to 100 with two decimals at most; empty: none."""
Time: TypeAlias = Annotated[str, msgspec.Meta(max_length=40)]
Token: TypeAlias = Annotated[str, msgspec.Meta(max_length=400_000, pattern=_TEXT)]
"""What a page said as its `next`: it may name every bucket of a wallet."""
Weight: TypeAlias = Annotated[int, msgspec.Meta(ge=-1_000_000, le=1_000_000)]
Page: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=1000)]
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**62)]


class Method(Protocol):
    """A method with its parameters filled in."""

    def run(self, desk: Desk, answer: Answer) -> None:
        """Answer once, now or later. Raises ParameterError, before anything has happened."""


class Commanding(Protocol):
    """A method that is one command to the engine."""

    def service(self, desk: Desk) -> Service:
        """What the usages of request and answer count."""

    def command(self, desk: Desk) -> Command:
        """The command. Raises ParameterError."""

    def shown(self, outcome: Outcome, service: Service) -> Json:
        """The result."""


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Named parameters. `wallet_names`: those that are a wallet's name, whose length is counted in octets."""

    wallet_names: ClassVar[tuple[str, ...]] = ("wallet",)

    def __post_init__(self) -> None:
        for name in self.wallet_names:
            if len(getattr(self, name, "").encode()) > WALLET_OCTETS:
                raise ValueError(f"{name}: a wallet's name has at most {WALLET_OCTETS} octets")


class Asking(Params, frozen=True, kw_only=True):
    """What the methods that are `Commanding` have in common."""

    def service(self, desk: Desk) -> Service:
        return Service.VOICE

    def run(self: Commanding, desk: Desk, answer: Answer) -> None:
        service = self.service(desk)

        def told(outcome: Outcome) -> None:
            answer(outcome if isinstance(outcome, Refused) else self.shown(outcome, service))

        desk.charging.submit(self.command(desk), told)

    def shown(self, outcome: Outcome, service: Service) -> Json:
        """The outcome as the method's result."""
        return views.shown(outcome, service)
