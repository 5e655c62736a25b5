"""What one process is to be: where it listens, where it keeps what, by which rules. Made by `serve` and by `demo`."""

from __future__ import annotations

from pathlib import Path

import msgspec

import tollhouse
from tollhouse.diameter.settings import DiameterSettings
from tollhouse.engine.policy import Policy
from tollhouse.radius.settings import RadiusSettings
from tollhouse.sip.settings import Settings as SipSettings
from tollhouse.store.settings import StoreSettings

DICTIONARIES = Path(tollhouse.__file__).resolve().parents[2] / "dictionaries"
"""Beside `src`, in a checkout."""


class Endpoint(msgspec.Struct, frozen=True):
    """An address to listen on. `moved_by` tells an operator how to move a port that is taken."""

    host: str
    port: int
    moved_by: str

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class RadiusPlan(msgspec.Struct, frozen=True):
    """RADIUS is served."""

    auth: Endpoint
    accounting: Endpoint
    settings: RadiusSettings = RadiusSettings()


class DiameterPlan(msgspec.Struct, frozen=True):
    """Diameter is served. The appliance puts its own `origin_state_id` into the settings at each start."""

    listen: Endpoint
    settings: DiameterSettings


class SipPlan(msgspec.Struct, frozen=True):
    """SIP is served."""

    listen: Endpoint
    settings: SipSettings = SipSettings()


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """`data` holds the store and `config.lmdb`. A protocol that is None is not served.

    `token` None: the HTTP API is open to whoever reaches it (demo).
    """

    data: Path
    database: Path
    key_file: Path
    token: str | None
    http: Endpoint
    radius: RadiusPlan | None = None
    diameter: DiameterPlan | None = None
    sip: SipPlan | None = None
    policy: Policy = Policy()
    store: StoreSettings = StoreSettings()
    dictionaries: Path = DICTIONARIES
