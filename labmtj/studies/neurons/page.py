"""The report of a study of networks of neurons from its tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from labmtj.report.neurons.content import Content
from labmtj.report.neurons.page import write_neuron_report
from labmtj.studies.finishing import Row
from labmtj.studies.neurons.folder import FILE
from labmtj.studies.neurons.load import NeuronJob
from labmtj.studies.tidy import Table


def write_page(
    folder: Path,
    found: Mapping[str, Table],
    *,
    times: Table,
    rows: Sequence[Row],
    job: NeuronJob,
    facts: Mapping[str, str],
) -> Path:
    """Write report.html and its figures. Raises StorageError."""
    words = {name: text for name, text in facts.items() if name not in {FILE, "title"}}
    asked = job.file.bounds.software
    content = Content(job.file.title, found, rows, words, times, software_bound=asked, file=facts[FILE])
    return write_neuron_report(folder, content)
