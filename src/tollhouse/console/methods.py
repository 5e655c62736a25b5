"""Every method of the API, by the name under which it is called."""

from __future__ import annotations

from typing import Final

from tollhouse.console.methods_adjust import WalletAdjust, WalletAdjustments, WalletApprove, WalletDecline
from tollhouse.console.methods_bring import WalletImport
from tollhouse.console.methods_config import ConfigImportParameters
from tollhouse.console.methods_event import EventCharge, EventRefund, EventReserve
from tollhouse.console.methods_rating import EventQuote, RatingCompare, RatingCost, RatingExplain, RatingLimit
from tollhouse.console.methods_recharge import WalletRecharge, WalletTransfer
from tollhouse.console.methods_record import RecordExport, RecordList, WalletEnded, WalletTrace
from tollhouse.console.methods_session import (
    SessionAuthorize,
    SessionDisconnect,
    SessionGet,
    SessionList,
    SessionRelease,
    SessionStart,
    SessionStop,
    SessionUpdate,
)
from tollhouse.console.methods_system import SystemAudit, SystemStatus, TariffExport, TariffImport, TariffProgress
from tollhouse.console.methods_wallet import (
    WalletChange,
    WalletCreate,
    WalletGet,
    WalletList,
    WalletRelease,
    WalletRemove,
    WalletReservations,
)
from tollhouse.console.params import Method

METHODS: Final[dict[str, type[Method]]] = {
    "system.status": SystemStatus,
    "system.audit": SystemAudit,
    "tariff.import": TariffImport,
    "tariff.export": TariffExport,
    "tariff.progress": TariffProgress,
    "config.import_parameters": ConfigImportParameters,
    "rating.cost": RatingCost,
    "rating.explain": RatingExplain,
    "rating.limit": RatingLimit,
    "rating.compare": RatingCompare,
    "wallet.create": WalletCreate,
    "wallet.get": WalletGet,
    "wallet.list": WalletList,
    "wallet.reservations": WalletReservations,
    "wallet.recharge": WalletRecharge,
    "wallet.change": WalletChange,
    "wallet.transfer": WalletTransfer,
    "wallet.remove": WalletRemove,
    "wallet.ended": WalletEnded,
    "wallet.release": WalletRelease,
    "wallet.trace": WalletTrace,
    "wallet.import": WalletImport,
    "wallet.adjust": WalletAdjust,
    "wallet.approve": WalletApprove,
    "wallet.decline": WalletDecline,
    "wallet.adjustments": WalletAdjustments,
    "session.authorize": SessionAuthorize,
    "session.start": SessionStart,
    "session.update": SessionUpdate,
    "session.stop": SessionStop,
    "session.release": SessionRelease,
    "session.disconnect": SessionDisconnect,
    "session.get": SessionGet,
    "session.list": SessionList,
    "event.charge": EventCharge,
    "event.reserve": EventReserve,
    "event.refund": EventRefund,
    "event.quote": EventQuote,
    "record.list": RecordList,
    "record.export": RecordExport,
}

PAGES: Final = frozenset(
    {
        *("wallet.list", "session.list", "record.list", "system.audit", "rating.compare"),
        *("wallet.trace", "record.export", "wallet.adjustments", "wallet.reservations", "wallet.ended"),
    }
)
"""Methods that read a page of many entities, or price one: the dear ones, some 10 ms for a thousand."""
