"""Event records as values: what moved, why, and the chain that proves it."""
