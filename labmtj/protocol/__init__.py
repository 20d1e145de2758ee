"""Protocols: schema, loading and the engine that runs them."""
