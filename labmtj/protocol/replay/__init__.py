"""A run over its own journal: what the bench has answered once is answered again, and then the bench goes on."""
