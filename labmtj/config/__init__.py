"""Configuration: YAML with positions, bench and model schemas, and the finder of shipped files."""
