"""Composition roots: settings, wiring, start and stop. Nothing imports this room."""
