"""system.*, tariff.*: the appliance itself and what it charges by."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

from tollhouse.console import views
from tollhouse.console.desk import Desk, ExportWish, ImportWish, ParameterError, ProgressWish
from tollhouse.console.params import Answer, MaybeWallet, Page, Params
from tollhouse.console.reading import AuditPage


class SystemStatus(Params, frozen=True, kw_only=True):
    """Whether it serves, since when, on which configuration."""

    def run(self, desk: Desk, answer: Answer) -> None:
        now = views.moment(desk.charging.now())
        answer({"accepting": desk.charging.accepting(), "time": now, **desk.status()})


class SystemAudit(Params, frozen=True, kw_only=True):
    """Proves a page of balances from their records; go on with `after` = `next` until that is null."""

    wallet_names = ("after",)

    after: MaybeWallet = ""
    limit: Page = 100

    def run(self, desk: Desk, answer: Answer) -> None:
        def proved(page: AuditPage) -> None:
            answer({**msgspec.to_builtins(page), "next": page.next or None})

        desk.audit(self.after, self.limit, proved)


Folder: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=4096, pattern=r"^/[^\x00]*\Z")]
Decimals: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=7)]
DECIMALS = 5


class TariffImport(Params, frozen=True, kw_only=True):
    """Reads a tariff folder on the appliance's own disk; loads all of it or, with any problem, nothing."""

    path: Folder
    dry_run: bool = False
    pricing: Literal["", "exact", "cgrates"] = ""
    price_decimals: Decimals | None = None
    weights: Literal["code", "manual"] = "code"
    sanity: bool = False

    def run(self, desk: Desk, answer: Answer) -> None:
        if self.price_decimals is not None and self.pricing != "cgrates":
            raise ParameterError("price_decimals: only pricing cgrates rounds prices")
        decimals = DECIMALS if self.price_decimals is None else self.price_decimals
        wish = ImportWish(self.path, self.dry_run, self.pricing, decimals, self.weights, self.sanity)
        desk.import_tariff(wish, answer)


class TariffExport(Params, frozen=True, kw_only=True):
    """Writes an import's rating rows into a folder on the appliance's own disk."""

    path: Folder
    plan: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    layout: Literal["v010", "rc8"] = "v010"

    def run(self, desk: Desk, answer: Answer) -> None:
        desk.import_tariff(ExportWish(self.path, self.plan, self.layout), answer)


class TariffProgress(Params, frozen=True, kw_only=True):
    """How far the tariff import is that runs now."""

    def run(self, desk: Desk, answer: Answer) -> None:
        desk.import_tariff(ProgressWish(), answer)
