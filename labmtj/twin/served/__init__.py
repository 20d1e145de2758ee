"""A bench served to other processes."""
