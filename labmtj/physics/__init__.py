"""Physics: pure functions of arrays and compiled kernels; knows no instrument."""
