"""system.*, tariff.import: the appliance itself and what it charges by."""

from __future__ import annotations

from typing import Annotated

import msgspec

from tollhouse.console import views
from tollhouse.console.desk import Desk
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


class TariffImport(Params, frozen=True, kw_only=True):
    """Reads a tariff folder on the appliance's own disk; loads all of it or, with any problem, nothing."""

    path: Annotated[str, msgspec.Meta(min_length=1, max_length=4096, pattern=r"^/[^\x00]*\Z")]
    dry_run: bool = False

    def run(self, desk: Desk, answer: Answer) -> None:
        desk.import_tariff(self.path, self.dry_run, answer)
