"""Runs: the journal and what is built from it."""
