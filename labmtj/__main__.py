"""`python -m labmtj` is `labmtj`."""

from labmtj.cli import main

main()
