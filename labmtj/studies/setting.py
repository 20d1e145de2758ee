"""What every block of a study has in common: read once, and given to each process that computes blocks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from labmtj.studies.grid import Task, tasks
from labmtj.studies.load import StudyJob
from labmtj.studies.population import Population, population


@dataclass(frozen=True, eq=False)
class Setting:
    """A study with its networks and data; `folder` is where it is kept, once it has one."""

    job: StudyJob
    networks: Population
    folder: Path | None = None

    @property
    def tasks(self) -> list[Task]:
        """All blocks in their order."""
        return tasks(self.job, networks=len(self.networks.stack))


def setting(job: StudyJob) -> Setting:
    """Read what a study names. Raises FileProblems with the place in the study."""
    return Setting(job, population(job))
