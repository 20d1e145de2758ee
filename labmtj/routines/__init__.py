"""Routines: what is done with an array, written against ports only."""
