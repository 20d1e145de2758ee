"""Neurons made of one junction each: their curves measured, fitted, and sorted."""
