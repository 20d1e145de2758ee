"""Studies: many networks on many dies, and what the copies have in common."""
