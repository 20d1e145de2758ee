"""A run folder as evidence: its journal held against itself, and every file beside it against the journal."""
