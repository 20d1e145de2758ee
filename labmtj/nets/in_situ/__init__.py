"""Training on the array itself: rules, and what an array that learns has to offer."""
