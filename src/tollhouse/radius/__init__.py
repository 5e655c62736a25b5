"""RADIUS (RFC 2865, 2866, 5080, 5997): codec, conversation, dialects, and the Twisted shell in server."""
