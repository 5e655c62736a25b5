"""wallet.import: subscribers of another platform brought over."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec

from tollhouse.console.desk import BringWish, Desk
from tollhouse.console.params import Answer, Name, Params

File: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=4096, pattern=r"^/[^\x00]*\Z")]
MaybeFile: TypeAlias = Annotated[str, msgspec.Meta(max_length=4096, pattern=r"^(/[^\x00]*)?\Z")]


class WalletImport(Params, frozen=True, kw_only=True):
    """Reads a CSV file on the appliance's own disk; loads all of it or, with any problem, nothing."""

    path: File
    dry_run: bool = False
    totals: MaybeFile = ""
    name: Name = "bring"

    def run(self, desk: Desk, answer: Answer) -> None:
        desk.import_tariff(BringWish(self.path, self.dry_run, self.totals, self.name), answer)
