"""Which account is asking, and who pays."""
