"""The SCPI engine of simulated instruments."""
