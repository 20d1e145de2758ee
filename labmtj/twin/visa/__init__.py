"""The PyVISA backend."""
