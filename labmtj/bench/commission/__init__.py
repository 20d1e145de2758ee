"""Commissioning: the checklist that takes a bench from nothing to one that can be trusted, at 10 mV."""
