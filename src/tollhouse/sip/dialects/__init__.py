"""From an INVITE to a command and from an outcome to the answer."""
