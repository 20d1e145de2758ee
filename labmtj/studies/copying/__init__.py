"""Copying networks onto simulated dies, many at once: mapping a die, writing, ageing."""
