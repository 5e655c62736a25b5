"""Config rows to snapshot: watch, compile, publish."""
