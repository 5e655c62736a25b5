"""The only room that knows the config SQL: schema history, rows, import."""
