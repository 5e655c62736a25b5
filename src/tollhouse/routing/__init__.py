"""Where may a call go, in which order."""
