"""What a port needs of a dialect, and the call dialect's two halves: authorisation and accounting."""

from __future__ import annotations

from typing import Final, Protocol

from tollhouse.engine.tally import Tally
from tollhouse.radius import codec
from tollhouse.radius.codec import Message, SharedSecret
from tollhouse.radius.dialects import voice, voice_answers
from tollhouse.radius.dialects.numbers import Numbers
from tollhouse.radius.dialects.voice_answers import Answer
from tollhouse.snapshot.accounts import Gateway
from tollhouse.values.commands import Command
from tollhouse.values.instants import Duration, Instant
from tollhouse.values.outcomes import Outcome, Refused


class Talk(Protocol):
    """One port's dialect."""

    @property
    def serves(self) -> int:
        """The one code that the port takes besides Status-Server."""

    @property
    def healthy(self) -> int:
        """The code of its answer to Status-Server (RFC 5997 4.2)."""

    def decide(
        self, message: Message, gateway: Gateway, host: str, secret: SharedSecret, now: Instant
    ) -> Command | Refused:
        """What the request asks, or why it is refused unasked. Raises RadiusError (silence)."""

    def answer(self, outcome: Outcome, host: str, now: Instant) -> Answer | None:
        """The reply to an outcome; None is silence."""


class AccessTalk:
    """Calls are authorised here. `patience`: how long the client waits for the answer."""

    serves: Final = codec.ACCESS_REQUEST
    healthy: Final = codec.ACCESS_ACCEPT

    def __init__(self, attributes: Numbers, patience: Duration, tally: Tally) -> None:
        self._numbers = attributes
        self._patience = patience
        self._tally = tally

    def decide(
        self, message: Message, gateway: Gateway, host: str, secret: SharedSecret, now: Instant
    ) -> Command | Refused:
        asked = voice.access(self._numbers, message, gateway, host, secret, now, now + self._patience)
        if not isinstance(asked, Refused) and voice.probably_wrong_secret(message, asked):
            self._tally.trouble("radius_suspect", "probably_wrong_secret", now, f"gateway {gateway.name} at {host}")
        return asked

    def answer(self, outcome: Outcome, host: str, now: Instant) -> Answer | None:
        return voice_answers.access(self._numbers, outcome)


class AccountingTalk:
    """Calls are reported here."""

    serves: Final = codec.ACCOUNTING_REQUEST
    healthy: Final = codec.ACCOUNTING_RESPONSE

    def __init__(self, attributes: Numbers, patience: Duration, tally: Tally) -> None:
        self._numbers = attributes
        self._patience = patience
        self._tally = tally

    def decide(
        self, message: Message, gateway: Gateway, host: str, secret: SharedSecret, now: Instant
    ) -> Command | Refused:
        command = voice.accounting(self._numbers, message, gateway, host, now, now + self._patience)
        if voice.tells_no_usage(command):
            self._tally.trouble("radius_suspect", "stop_without_usage", now, f"gateway {gateway.name} at {host}")
        return command

    def answer(self, outcome: Outcome, host: str, now: Instant) -> Answer | None:
        """A report that the engine refused for good is acknowledged, but an operator should hear of it."""
        reply = voice_answers.accounting(outcome)
        if isinstance(outcome, Refused) and reply is not None:
            self._tally.trouble(
                "radius_accounting_refused", outcome.refusal.value, now, f"from {host} {outcome.detail}"
            )
        return reply
