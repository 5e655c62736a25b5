"""From a RADIUS message to a command and from an outcome to the reply."""
