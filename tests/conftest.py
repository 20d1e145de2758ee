"""What holds for all tests."""

import os

import pytest
from hypothesis import settings

# How long an example takes says more about the machine than about the code.
# The same examples every time; what explores says so (tests/fuzz, under the mark slow).
settings.register_profile("labmtj", deadline=None, derandomize=True)
settings.load_profile("labmtj")


@pytest.fixture(scope="session", autouse=True)
def host_state(tmp_path_factory):
    """Leases, latches and the record of commands are those of these tests, not of this machine."""
    before = os.environ.get("LABMTJ_STATE")
    os.environ["LABMTJ_STATE"] = str(tmp_path_factory.mktemp("host-state"))
    yield
    os.environ.pop("LABMTJ_STATE") if before is None else os.environ.update(LABMTJ_STATE=before)
