"""Options of pytest for the tests that may run against real instruments (tests/bench); pyproject.toml names this file.

A conftest would be too late for `pytest --bench FILE`: its value would be taken for the path of a test.
"""

from __future__ import annotations

from typing import Any


def pytest_addoption(parser: Any) -> None:
    """Declare them."""
    group = parser.getgroup("labmtj")
    group.addoption(
        "--bench",
        metavar="FILE",
        help="run the tests in tests/bench, and no others, on this bench: a file, or the name of a shipped one",
    )
    group.addoption(
        "--bench-pulses",
        action="store_true",
        help="with --bench: also those that pulse cells, which a real bench is spared otherwise",
    )
