"""Faults that a bench can be given."""
