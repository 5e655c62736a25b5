"""Tollhouse: a real-time charging appliance for telecom operators. The map of its rooms is ARCHITECTURE.md."""
