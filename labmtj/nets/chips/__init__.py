"""Networks for chips with a transistor in every cell: on kernels of a fixed size, trained for the chips there are."""
