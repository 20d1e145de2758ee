"""The panic button of a bench: shut out whoever has it, and make every instrument safe."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labmtj.bench.commands import note
from labmtj.bench.fence import SharedFence
from labmtj.bench.lease import alive, canonical, holder, lock_of
from labmtj.bench.panic import Made, make_safe, prepare
from labmtj.bench.reach import Target, resource_manager, targets
from labmtj.bench.taking import private
from labmtj.config.bench import load_bench
from labmtj.errors import StorageError
from labmtj.host_state import who


@dataclass(frozen=True)
class Pressed:
    """What pressing it has done."""

    bench: str
    simulated: bool
    shut_out: tuple[str, ...]
    made: tuple[Made, ...]

    @property
    def safe(self) -> bool:
        """Whether every instrument has said that it is safe."""
        return all(made.safe for made in self.made)


def press(
    bench: str | Path,
    settings: Sequence[str] = (),
    *,
    tell: Callable[[Made], None],
    more: Mapping[str, Any] | None = None,
) -> Pressed:
    """Shut out the processes that have instruments of a bench, and make all of them safe; `tell` of each as it is done.

    `more` is what else the host's record of commands is to hold of it.
    Raises InputError for a file that cannot be used; instruments that do not answer stand in the result.
    """
    file = load_bench(bench, overrides=settings)
    manager = resource_manager(file)
    title = file.bench.title
    if private(manager):
        return Pressed(title, True, (), ())
    places = targets(file)
    instruments = prepare(places)
    shut_out = tuple(_shut_out(places))
    made = tuple(make_safe(manager, instruments, tell=tell))
    failures = {entry.name: entry.error for entry in made if not entry.safe}
    note("safe", title, shut_out=shut_out, failures=failures, **(more or {}))
    return Pressed(title, False, shut_out, made)


def _shut_out(places: Sequence[Target]) -> list[str]:
    """Shut the fences of all processes that have an instrument; who they are, in words."""
    me = who()
    reason = f"{me['user']} on {me['host']} has made the bench safe at {me['wall']} (pid {me['pid']}: {me['command']})"
    found: dict[str, str] = {}
    for target in places:
        entry = holder(lock_of(canonical(target.address)))
        identity = entry.get("identity")
        entries = [entry, holder(lock_of(identity)) if isinstance(identity, str) else {}]
        for said in entries:
            if said and str(said.get("fence")) not in found and _is_shut(said, reason):
                found[str(said["fence"])] = f"pid {said.get('pid')} of {said.get('user')}: {said.get('command')}"
    return list(found.values())


def _is_shut(said: dict[str, Any], reason: str) -> bool:
    """Whether somebody who is still there was shut out just now."""
    path = said.get("fence")
    if not isinstance(path, str) or not alive(said):
        return False
    try:
        fence = SharedFence(Path(path))
    except StorageError:
        return False  # it has left the bench, and its fence went with it
    fence.shut_out(reason)
    return True
