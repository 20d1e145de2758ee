"""What holds for all tests."""

import atexit
import os
import shutil
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

from hypothesis import settings

from labmtj.config.finder import shipped_names

# How long an example takes says more about the machine than about the code.
# The same examples every time; what explores says so (tests/fuzz, under the mark slow).
settings.register_profile("labmtj", deadline=None, derandomize=True)
settings.load_profile("labmtj")

ON_BENCH = Path(__file__).with_name("bench")  # the tests that may run against real instruments


def pytest_configure(config):
    # Leases, latches and ledgers of tests are nobody else's; processes that tests start inherit the folder. On a bench
    # that somebody names they are the true ones: others may be at work there.
    if config.getoption("--bench") is None and "LABMTJ_STATE" not in os.environ:
        os.environ["LABMTJ_STATE"] = tempfile.mkdtemp(prefix="labmtj-tests-")
        atexit.register(shutil.rmtree, os.environ["LABMTJ_STATE"], ignore_errors=True)


def pytest_ignore_collect(collection_path, config):
    """With --bench nothing but the tests for benches is even looked at."""
    if config.getoption("--bench") is None:
        return None
    inside = collection_path == ON_BENCH or ON_BENCH in collection_path.parents
    return None if inside or collection_path in ON_BENCH.parents else True


def pytest_terminal_summary(terminalreporter, config):
    """What the benches under test lack, and how many tests were skipped for it."""
    named = config.getoption("--bench")
    names = shipped_names("benches") if named is None else [Path(named).stem]
    skipped = defaultdict(Counter)
    for report in terminalreporter.stats.get("skipped", []):
        if report.nodeid.startswith("tests/bench/") and isinstance(report.longrepr, tuple):
            fitting = [name for name in names if f"[{name}" in report.nodeid]
            skipped[report.longrepr[2].removeprefix("Skipped: ")][max(fitting, key=len, default="all")] += 1
    if skipped:
        terminalreporter.section("what these benches lack")
    for reason, benches in sorted(skipped.items()):
        shown = ", ".join(f"{bench} ({count})" for bench, count in sorted(benches.items()))
        terminalreporter.write_line(f"{reason}: skipped on {shown}")
