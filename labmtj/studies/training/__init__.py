"""Training for chips: networks by several methods, judged on the maps of many dies."""
