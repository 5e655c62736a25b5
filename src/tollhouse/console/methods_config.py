"""config.import_parameters: another platform's rules of charging, by its own names."""

from __future__ import annotations

from tollhouse.console.desk import Desk, ParametersWish
from tollhouse.console.methods_bring import File
from tollhouse.console.params import Answer, MaybeName, Params


class ConfigImportParameters(Params, frozen=True, kw_only=True):
    """Reads a file of the source's parameters on the appliance's own disk; sets all or, with any problem, nothing."""

    path: File
    dry_run: bool = False
    tenant: MaybeName = ""
    customer: MaybeName = ""

    def run(self, desk: Desk, answer: Answer) -> None:
        desk.import_tariff(ParametersWish(self.path, self.tenant, self.customer, self.dry_run), answer)
