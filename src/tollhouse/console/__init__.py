"""HTTP: JSON-RPC API, metrics, health."""
