"""The TSP engine of simulated instruments: Lua in a sandbox."""
