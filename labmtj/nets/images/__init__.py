"""Sets of images, and what of them goes into a network."""
