"""Training on the array itself, through the ports."""
