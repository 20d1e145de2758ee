"""Where the layers of many networks lie on one die."""
