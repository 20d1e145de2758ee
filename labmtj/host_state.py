"""What a host keeps beside runs: leases, fences, latches, the ledger, and who did what to which bench.

`LABMTJ_STATE` names the folder, else it is shared by all users of the machine in the folder for temporary files
(leases must be seen by everybody); files that a user keeps, like the ledger, are in the user's data folder.
"""

from __future__ import annotations

import getpass
import os
import socket
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labmtj.errors import StorageError

_LONGEST = 1000  # chosen: characters of a command line that are kept


def shared_folder() -> Path:
    """The folder that all users of this machine share; made if it is not there. Raises StorageError."""
    named = os.environ.get("LABMTJ_STATE")
    folder = Path(named) if named else Path(tempfile.gettempdir()) / "labmtj"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not named and hasattr(os, "getuid") and folder.stat().st_uid == os.getuid():
            folder.chmod(0o1777)  # everybody may add a file, only its owner may take it away
    except OSError as error:
        raise _unusable(folder, error) from error
    return folder


def user_folder() -> Path:
    """The folder of what this user keeps; made if it is not there. Raises StorageError."""
    from platformdirs import user_data_path

    named = os.environ.get("LABMTJ_STATE")
    folder = Path(named) if named else user_data_path("labmtj", appauthor=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(folder, error) from error
    return folder


def who() -> dict[str, Any]:
    """This process: user, host, pid, command line and the present time, for a record."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "unknown"  # a number without a name, as in some containers
    name = Path(sys.argv[0]).name if sys.argv and sys.argv[0] else "python"
    return {
        "wall": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "user": user,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "command": " ".join([name, *sys.argv[1:]])[:_LONGEST],
    }


def named(found: Mapping[str, Any]) -> str:
    """A process, from what it has written of itself (`who`), in words."""
    return f"pid {found.get('pid')} of {found.get('user')} on {found.get('host')} since {found.get('wall')}: " + str(
        found.get("command")
    )


def _unusable(folder: Path, error: OSError) -> StorageError:
    return StorageError(f"{folder}: this folder cannot be used: {error.strerror}; name another in LABMTJ_STATE")
