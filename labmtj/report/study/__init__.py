"""The report of a study: many networks copied to many dies, on one page, every figure a file of its own."""
