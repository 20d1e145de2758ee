"""The documentation: its sources, what makes its reference pages and its HTML, and what opens it."""
