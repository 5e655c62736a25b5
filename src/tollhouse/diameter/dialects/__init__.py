"""From a CCR to a command and from an outcome to the CCA."""
