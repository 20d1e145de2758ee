"""Matrix products on one thread: two gain little, and lose a factor of 50 where cores are busy."""

from __future__ import annotations

import functools
from contextlib import AbstractContextManager
from typing import Any

from threadpoolctl import ThreadpoolController


@functools.cache
def _libraries() -> Any:
    return ThreadpoolController()


def one_thread() -> AbstractContextManager[Any]:
    """Keep numpy's linear algebra on one thread."""
    return _libraries().limit(limits=1, user_api="blas")
