"""Compiled configuration as frozen values, and the look-ups declared as protocols."""
