"""The twin: simulated instruments that share one simulated array; the only place with hidden truth."""
