"""Drivers: one module a model; SI properties in, SCPI or TSP text out. They know neither physics nor twin."""
