"""The page of a training study: its sections and figures."""
