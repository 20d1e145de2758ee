"""Networks: data sets, encoding on device pairs, training, measures."""
