"""How good copies are: measures of many copies at once, as arrays (networks,)."""
