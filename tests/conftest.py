"""What holds for all tests."""

import atexit
import os
import shutil
import tempfile

from hypothesis import settings

# How long an example takes says more about the machine than about the code.
# The same examples every time; what explores says so (tests/fuzz, under the mark slow).
settings.register_profile("labmtj", deadline=None, derandomize=True)
settings.load_profile("labmtj")

# Leases, latches and ledgers of tests are nobody else's; processes that tests start inherit the folder.
if "LABMTJ_STATE" not in os.environ:
    os.environ["LABMTJ_STATE"] = tempfile.mkdtemp(prefix="labmtj-tests-")
    atexit.register(shutil.rmtree, os.environ["LABMTJ_STATE"], ignore_errors=True)
