"""Mapping, writing and inference on chips with a transistor in every cell."""
