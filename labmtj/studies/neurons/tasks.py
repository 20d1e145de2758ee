"""What a study's networks are made of: images as a task, forms and recipes from the words of its file."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import replace
from pathlib import Path

from labmtj.errors import FileProblems, InputError, LabmtjError, MissingFile
from labmtj.nets.images.sets import load
from labmtj.nets.neurons.activation import Gradient
from labmtj.nets.neurons.engine import Softening
from labmtj.nets.neurons.network import Form
from labmtj.nets.neurons.recipe import Recipe
from labmtj.nets.neurons.task import Task
from labmtj.nets.neurons.ways import Transfer
from labmtj.runs.neuron_map import read_neuron_map
from labmtj.studies.neurons.load import NeuronJob


@functools.lru_cache(maxsize=2)
def _images(name: str, folder: str | None) -> Task:
    return Task.of(load(name, folder=None if folder is None else Path(folder)))


def task(job: NeuronJob) -> Task:
    """The images that a study's networks learn and are judged by. Raises InputError or MissingFile."""
    said = job.file.data
    found = _images(said.name, said.folder)
    if said.train is not None:
        found = found.first(said.train)
    if said.test is not None:
        if said.test > len(found.test):
            raise InputError(f"{found.name}: {said.test} images to test with; there are {len(found.test)}")
        found = replace(found, test=found.test[: said.test], test_labels=found.test_labels[: said.test])
    return found


def recipe(job: NeuronJob, *, gradient: str = "") -> Recipe:
    """How a study's networks learn."""
    said = job.file.neuron_network
    kind = Gradient(gradient) if gradient else Gradient.MEASURED
    return Recipe(said.epochs, said.batch, said.rate, said.decay, said.average, said.smoothing, said.dropout, kind)


def form(job: NeuronJob) -> Form:
    """The network of a study, all its hidden layers of neurons."""
    said, found = job.file.neuron_network, task(job)
    return Form(found.shape, found.classes, tuple(said.hidden), body=tuple(said.body))


def source_task(job: NeuronJob) -> Task:
    """What is learnt first, in software, where a study transfers."""
    assert job.file.transfer is not None
    return task(job).part(job.file.transfer.source_classes)


def target_task(job: NeuronJob) -> Task:
    """What is learnt then: all other classes."""
    assert job.file.transfer is not None
    found, first = task(job), job.file.transfer.source_classes
    return found.part([number for number in range(found.classes) if number not in first])


def transfer_form(job: NeuronJob, *, classes: int) -> Form:
    """The network that transfers; its last layers are of neurons."""
    said = job.file.transfer
    assert said is not None
    hidden = tuple(said.hidden or job.file.neuron_network.hidden)
    flags = tuple(place >= len(hidden) - said.layers for place in range(len(hidden)))
    return Form(task(job).shape, classes, hidden, flags, tuple(job.file.neuron_network.body))


def transfer_way(job: NeuronJob) -> Transfer:
    """What is kept of the first task's network."""
    said = job.file.transfer
    assert said is not None
    return Transfer(len(said.hidden or job.file.neuron_network.hidden) - said.layers)


def teacher(job: NeuronJob) -> tuple[Form, Recipe]:
    """The software network that teaches, and how it learns."""
    assert job.file.distillation is not None
    said, own = job.file.distillation.teacher, form(job)
    hidden = own.hidden if said.hidden is None else tuple(said.hidden)
    how = recipe(job)
    dropout = how.dropout if said.dropout is None else said.dropout
    shape = Form(own.inputs, own.classes, hidden, body=own.body).in_software
    return shape, replace(how, epochs=said.epochs or how.epochs, dropout=dropout)


def softening(job: NeuronJob) -> Softening:
    """How the teacher's outputs count."""
    assert job.file.distillation is not None
    return Softening(job.file.distillation.temperature, job.file.distillation.weight)


def fitting(job: NeuronJob) -> None:
    """Raise FileProblems where images are missing, or networks do not fit them."""
    problem = job.source.problem
    try:
        found = task(job)
    except (InputError, MissingFile) as error:
        raise FileProblems([problem(("data",), str(error), key="data" in job.source.data)]) from error
    try:
        shape = form(job)
    except InputError as error:
        raise FileProblems([problem(("neuron_network",), str(error), key=True)]) from error
    if len(found.train) < job.file.neuron_network.batch:
        text = f"batches of {job.file.neuron_network.batch}, but only {len(found.train)} images to learn from"
        raise FileProblems([problem(("neuron_network",), text, key=True)])
    if job.file.transfer is not None:
        try:
            first, then = source_task(job), target_task(job)
            transfer_way(job).head(transfer_form(job, classes=then.classes))
            fewest = min(len(first.train), len(then.train))
            if fewest < job.file.neuron_network.batch:
                raise InputError(f"only {fewest} images of some classes: too few for a batch")
        except InputError as error:
            raise FileProblems([problem(("transfer",), str(error), key=True)]) from error
    if job.file.distillation is not None:
        teacher(job)
    if job.file.device.map is not None:
        try:
            good = int(read_neuron_map(Path(job.file.device.map)).good.sum())
        except LabmtjError as error:
            raise FileProblems([problem(("device", "map"), str(error))]) from error
        if not good:
            raise FileProblems([problem(("device", "map"), f"none of its neurons works; {shape.neurons} are needed")])


def digest(job: NeuronJob) -> str:
    """SHA-256 of images and measured neurons."""
    found, content = hashlib.sha256(), task(job)
    for array in (content.train, content.train_labels, content.test, content.test_labels):
        found.update(repr(array.shape).encode())
        found.update(array.tobytes())
    if job.file.device.map is not None:
        found.update(Path(job.file.device.map).read_bytes())
    return found.hexdigest()
