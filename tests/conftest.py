"""What holds for all tests."""

from hypothesis import settings

# How long an example takes says more about the machine than about the code.
# The same examples every time; what explores says so (tests/fuzz, under the mark slow).
settings.register_profile("labmtj", deadline=None, derandomize=True)
settings.load_profile("labmtj")
