"""SIP redirect server (RFC 3261): codec, conversation, dialects, and the Twisted shell in server."""
