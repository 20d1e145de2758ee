"""Tuning of copies: every way ends in a `nets.readout.Readout`, for many copies of networks of one shape at once."""
