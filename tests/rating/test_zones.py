"""A tariff whose day begins at 06:00 by the tenant's clock, from CSV to price, on the days when that clock changes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.configdb.support import NOW, Compiled, compiled, open_database

from tollhouse.configdb.importing import import_folder
from tollhouse.configdb.rows import TenantRow, UnitRow
from tollhouse.rating.cost import cost
from tollhouse.rating.price import Price, resolve
from tollhouse.values.commands import Service
from tollhouse.values.instants import MINUTE, parse_instant
from tollhouse.values.money import parse_amount

FILES = {
    "Destinations.csv": "ALL,49\n",
    "Timings.csv": "NIGHT,,,,,00:00:00\nDAY,,,,,06:00:00\n",
    "Rates.csv": "RT_NIGHT,0,0.01,60s,1s,0s\nRT_DAY,0,0.02,60s,1s,0s\n",
    "DestinationRates.csv": "DR_NIGHT,ALL,RT_NIGHT,*up,4,0,\nDR_DAY,ALL,RT_DAY,*up,4,0,\n",
    "RatingPlans.csv": "RP,DR_NIGHT,NIGHT,10\nRP,DR_DAY,DAY,10\n",
    "RatingProfiles.csv": "berlin,call,*any,2014-01-14T00:00:00Z,RP,\nplain,call,*any,2014-01-14T00:00:00Z,RP,\n",
}


@pytest.fixture(scope="module")
def tariff(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compiled]:
    """Two tenants with one tariff: one in Berlin, one without a zone."""
    directory = tmp_path_factory.mktemp("zones")
    (directory / "folder").mkdir()
    for name, text in FILES.items():
        (directory / "folder" / name).write_text(text)
    database = open_database(directory)
    with database.change("test") as change:
        change.add_unit(UnitRow("EUR", 6))
        change.add_tenant(TenantRow("berlin", "EUR", "Europe/Berlin"))
        change.add_tenant(TenantRow("plain", "EUR"))
    assert import_folder(database, directory / "folder", NOW).problems == ()
    with compiled(database, directory) as one:
        yield one


@pytest.mark.parametrize(
    ("tenant", "start", "minutes", "expected"),
    [
        # Autumn: on 2026-10-25 at 01:00Z Berlin's clock goes from 03:00 back to 02:00.
        ("berlin", "2026-10-24T04:30:00Z", 60, "1.2"),  # 06:30 to 07:30 summer time: 60 x 0.02
        ("berlin", "2026-10-25T04:30:00Z", 60, "0.9"),  # 05:30 to 06:30 winter time: 30 x 0.01 + 30 x 0.02
        ("berlin", "2026-10-24T22:30:00Z", 420, "4.5"),  # 00:30 to 06:30, in 7 hours: 390 x 0.01 + 30 x 0.02
        # Spring: on 2026-03-29 at 01:00Z it goes from 02:00 to 03:00.
        ("berlin", "2026-03-28T03:30:00Z", 60, "0.6"),  # 04:30 to 05:30 winter time
        ("berlin", "2026-03-29T03:30:00Z", 60, "0.9"),  # 05:30 to 06:30 summer time
        ("berlin", "2026-03-29T00:30:00Z", 300, "3.9"),  # 01:30 to 07:30, in 5 hours: 210 x 0.01 + 90 x 0.02
        # Without a zone the same instants are UTC.
        ("plain", "2026-10-25T04:30:00Z", 60, "0.6"),
        ("plain", "2026-10-24T22:30:00Z", 420, "5.1"),  # 22:30 to 05:30: 90 x 0.02 + 330 x 0.01
        ("plain", "2026-03-29T05:30:00Z", 60, "0.9"),
    ],
)
def test_a_call_over_a_change_of_clock(tariff: Compiled, tenant: str, start: str, minutes: int, expected: str) -> None:
    begin = parse_instant(start)
    price = resolve(tariff.reader, tenant, "call", Service.VOICE, "1001", "4930123", begin, minutes * MINUTE)
    assert isinstance(price, Price)
    assert cost(price, begin, minutes * MINUTE) == parse_amount(expected, 6)
