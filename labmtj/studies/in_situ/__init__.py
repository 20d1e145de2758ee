"""Studies of training on the array itself, many arrays side by side."""
