"""Prices are found by the name of their destination: one change of a million is read in milliseconds."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the index."""
    op.execute("CREATE INDEX tariff_destination_rates_destination ON tariff_destination_rates (plan, destination)")
