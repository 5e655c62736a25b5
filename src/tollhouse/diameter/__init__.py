"""Diameter (RFC 6733) Credit-Control (RFC 8506): codec, conversation, dialects, and the Twisted shell in server."""
