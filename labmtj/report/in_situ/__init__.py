"""Pages about training on the array itself."""
