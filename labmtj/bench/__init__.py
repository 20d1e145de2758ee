"""The bench: limits, routes, intent and outcome of every pulse, safe state."""
