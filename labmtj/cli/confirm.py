"""Confirmations that somebody types: at a terminal, or in an option of the command."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labmtj.protocol.raising import Confirmation


def confirmation(options: Sequence[str]) -> Confirmation:
    """Who confirms that limits are raised: these options, or whoever sits at the terminal, if there is one."""
    from labmtj.protocol.raising import Confirmation, confirmations

    return Confirmation(confirmations(options), _ask if sys.stdin.isatty() and sys.stderr.isatty() else None)


def _ask(question: str) -> str:
    """What is typed; the question goes where it does not mix with what is printed for programs."""
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()
