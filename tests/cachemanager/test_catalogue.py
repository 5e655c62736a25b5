"""Named events and products' discounts, from plain SQL to the snapshot: values, faults, and what a change edits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.configdb.support import TENANT, TUTORIAL, Compiled, compiled, open_tenant, sell

from tollhouse.configdb.importing import import_folder
from tollhouse.configdb.rows import NamedEventRow, ProductDiscountRow, ProductRow
from tollhouse.snapshot.products import EventPrice, NamedEvent, RatingDiscount
from tollhouse.values.uses import Timing


@pytest.fixture
def snapshot(tmp_path: Path) -> Iterator[Compiled]:
    """The product of `sell` with a catalogue of one event, and a discount on Saturdays and Sundays."""
    database = open_tenant(tmp_path)
    import_folder(database, TUTORIAL)
    with database.change("test") as change:
        sell(change)
        change.add_sold(
            NamedEventRow(TENANT, "VAS", "RING", "EUR", "0.30"),
            NamedEventRow(TENANT, "VAS", "RING", "second", "60"),
            NamedEventRow(TENANT, "VAS", "RING", "EUR", "0.25", "prepaid"),
            ProductDiscountRow(TENANT, "prepaid", 1, "12.5", "voice", week_days="6;0", starts="08:00:00"),
            ProductDiscountRow(TENANT, "", 1, "20", months="12", month_days="24;25", ends="18:00:00"),
        )
    with compiled(database, tmp_path) as one:
        assert one.cache.problems == ()
        yield one


def test_an_event_is_looked_up_by_tenant_class_and_name(snapshot: Compiled) -> None:
    """Money over 10^9, anything else in the unit's steps."""
    ring = NamedEvent(
        "VAS",
        "RING",
        (
            EventPrice("", "EUR", 300_000_000),
            EventPrice("", "second", 60, money=False),
            EventPrice("prepaid", "EUR", 250_000_000),
        ),
    )
    assert snapshot.reader.named_event(TENANT, "VAS", "RING") == ring
    for key in (("none", "VAS", "RING"), (TENANT, "RING", "VAS"), (TENANT, "VAS", "")):
        assert snapshot.reader.named_event(*key) is None


def test_a_product_has_its_own_discounts_then_those_of_all(snapshot: Compiled) -> None:
    product = snapshot.reader.product(TENANT, "prepaid")
    assert product is not None
    assert product.discounts == (
        RatingDiscount(Timing(week_days=(6, 7), start=8 * 3600), 1250, service="voice"),
        RatingDiscount(Timing(months=(12,), month_days=(24, 25)), 2000, 18 * 3600),
    )


def test_days_are_those_of_the_tenant_s_zone(snapshot: Compiled) -> None:
    snapshot.sql("UPDATE tenants SET zone = 'Asia/Tokyo'")
    product = snapshot.reader.product(TENANT, "prepaid")
    assert product is not None
    assert product.zone == "Asia/Tokyo"


def test_a_new_price_is_in_force_and_a_product_that_goes_takes_its_own_along(snapshot: Compiled) -> None:
    assert snapshot.sql("UPDATE named_events SET price = '0.35' WHERE product = '' AND unit = 'EUR'")
    found = snapshot.reader.named_event(TENANT, "VAS", "RING")
    assert found is not None
    assert found.prices[0] == EventPrice("", "EUR", 350_000_000)
    with snapshot.database.change("test") as change:
        change.connection.exec_driver_sql("UPDATE products SET name = 'gold'")
        change.add_sold(ProductRow(TENANT, "other"))
    snapshot.check()
    found = snapshot.reader.named_event(TENANT, "VAS", "RING")
    assert found is not None
    assert found.prices[-1] == EventPrice("gold", "EUR", 250_000_000)
    snapshot.sql("DELETE FROM account_batches", "DELETE FROM products WHERE name = 'gold'")
    found = snapshot.reader.named_event(TENANT, "VAS", "RING")
    assert found is not None
    assert [one.product for one in found.prices] == ["", ""]
    other = snapshot.reader.product(TENANT, "other")
    assert other is not None
    assert [one.share for one in other.discounts] == [2000]


@pytest.mark.parametrize(
    ("change", "place", "text"),
    [
        (
            "UPDATE named_events SET product = 'none' WHERE product != ''",
            ("named_events", f"{TENANT} VAS RING", "product"),
            "none",
        ),
        (
            "UPDATE named_events SET price = '0.0000000001' WHERE product != ''",
            ("named_events", f"{TENANT} VAS RING", "price"),
            "decimals",
        ),
        (
            "UPDATE named_events SET price = '0.5' WHERE unit = 'second'",
            ("named_events", f"{TENANT} VAS RING", "price"),
            "",
        ),
        (
            "UPDATE named_events SET price = '0' WHERE unit = 'second'",
            ("named_events", f"{TENANT} VAS RING", "price"),
            "above zero",
        ),
        (
            "UPDATE product_discounts SET percent = '100.01' WHERE product = ''",
            ("product_discounts", f"{TENANT}  1", "percent"),
            "100 percent",
        ),
        (
            "UPDATE product_discounts SET ends = '08:00:00' WHERE product != ''",
            ("product_discounts", f"{TENANT} prepaid 1", "ends"),
            "two rows",
        ),
        (
            "UPDATE product_discounts SET week_days = '8' WHERE product != ''",
            ("product_discounts", f"{TENANT} prepaid 1", "week_days"),
            "between",
        ),
        (
            "UPDATE product_discounts SET product = 'none' WHERE product != ''",
            ("product_discounts", f"{TENANT} none 1", "product"),
            "none",
        ),
    ],
)
def test_what_is_wrong_is_named_and_the_old_stays_in_force(
    snapshot: Compiled, change: str, place: tuple[str, str, str], text: str
) -> None:
    before = snapshot.reader.named_event(TENANT, "VAS", "RING")
    assert not snapshot.sql(change)
    assert place in [(one.table, one.row, one.column) for one in snapshot.cache.problems]
    assert any(text in one.text for one in snapshot.cache.problems)
    assert snapshot.reader.named_event(TENANT, "VAS", "RING") == before
