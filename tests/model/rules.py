"""The product rules of a run, as the auditor understands them."""

from __future__ import annotations

from dataclasses import dataclass

from tollhouse.values.commands import Service

SECOND = 1_000_000


@dataclass(frozen=True)
class Rules:
    """Durations in microseconds."""

    setup_window: int = 60 * SECOND
    sip_hold: int = 30 * SECOND
    tolerance: int = 60 * SECOND
    validity: int = 3600 * SECOND
    on_silence: str = "reported"

    def cap(self, service: Service) -> int:
        """The most that one grant may be."""
        return {Service.VOICE: 7200 * SECOND, Service.DATA: 100 << 20, Service.MESSAGE: 10}[service]
