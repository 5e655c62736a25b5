"""Hold, take, give back: functions from state to state."""
