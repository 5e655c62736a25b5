"""What one process is to be: where it listens, where it keeps what, by which rules. Made by `serve` and by `demo`."""

from __future__ import annotations

from pathlib import Path

import msgspec

import tollhouse
from tollhouse.engine.policy import Policy
from tollhouse.store.settings import StoreSettings


class Endpoint(msgspec.Struct, frozen=True):
    """An address to listen on."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Plan(msgspec.Struct, frozen=True):
    """`data` holds the store and `config.lmdb`. `token` None: the HTTP API is open to whoever reaches it (demo)."""

    data: Path
    database: Path
    key_file: Path
    radius_auth: Endpoint
    radius_accounting: Endpoint
    diameter: Endpoint
    sip: Endpoint
    http: Endpoint
    origin_host: str
    origin_realm: str
    token: str | None
    move_ports: str
    """How an operator moves a port that is taken."""
    policy: Policy = Policy()
    store: StoreSettings = StoreSettings()
    dictionaries: Path = Path(tollhouse.__file__).resolve().parents[2] / "dictionaries"
