"""Training files: which images and network, which dies at which rates of shorts, trained how, compared in what."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from labmtj.config.quantities import Fraction, Model, Ratio, Voltage

Whole = Annotated[int, Field(ge=1, le=1_000_000)]
Mask = Literal["none", "defects"]
METHODS = ("baseline", "hardware_aware", "statistics_aware", "tuned")
"""Every way to train, in the order in which they are carried out and shown."""


class Images(Model):
    """Images to learn and to be judged by."""

    name: Literal["digits", "mnist", "fashion-mnist"] = "digits"
    """digits comes with scikit-learn (8 x 8 pixels); mnist and fashion-mnist lie in a folder."""
    folder: str | None = None
    """Folder with the four IDX files of mnist or fashion-mnist, plain or .gz; their content is checked."""


class Shape(Model):
    """The network: as many devices as the chip of the bench can hold."""

    side: Annotated[int, Field(ge=2, le=28)] = 8
    """Pixels of an image's side after it is made smaller; side x side inputs."""
    bits: Annotated[int, Field(ge=1, le=8)] = 2
    """Bits of an input; each is a pattern of open gates."""
    hidden: Annotated[int, Field(ge=1, le=10_000)] = 90
    """Hidden units."""
    hidden_bits: Annotated[int, Field(ge=1, le=8)] = 3
    """Bits of what a hidden unit gives to the last layer."""


class Dies(Model):
    """The dies that networks are judged on, and others whose maps give the statistics."""

    count: Annotated[int, Field(ge=1, le=10_000)] = 36
    """Dies that networks are judged on."""
    statistics_from: Annotated[int, Field(ge=1, le=1000)] = 6
    """Other dies, from whose maps the statistics are taken."""
    seed: Annotated[int, Field(ge=0, lt=2**62)] = 0
    """Seed of the first die that is judged; the others have the next numbers, those for the statistics come last."""
    read: Voltage = 0.1
    """Voltage at which maps and products are read."""
    noise: bool = True
    """Maps with the noise of a reading."""
    files: list[str] | None = None
    """Measured die maps (die.h5 of runs) in place of drawn dies: the first `statistics_from` give the statistics."""


class Training(Model):
    """How long and how fast networks learn; a method may say otherwise."""

    epochs: Whole = 60
    """Most epochs; the rate of learning falls along a cosine to zero at the last one."""
    batch: Whole = 128
    """Images of a step."""
    rate: Ratio = 0.01
    """Rate of learning at the beginning."""
    validation: Fraction = 0.1
    """Share of the training images that is not learnt from: the best epoch and the end are chosen by it."""
    patience: Whole | None = None
    """Begin the fall of the rate once validation has not risen for so many epochs, to end early; else all are used."""
    descent: Fraction = 0.4
    """With patience, the share of the epochs over which the rate falls."""


class Method(Model):
    """A way to train; what is not said is as in `train`."""

    epochs: Whole | None = None
    """Most epochs."""
    batch: Whole | None = None
    """Images of a step."""
    rate: Ratio | None = None
    """Rate of learning at the beginning."""
    patience: Whole | None = None
    """Begin the fall of the rate once validation has not risen for so many epochs."""


class OnDies(Method):
    """A way to train that knows chips."""

    shorts: Annotated[list[Ratio], Field(min_length=1)] | None = None
    """At which of the rates of `shorts` networks are trained; at each of them if it is not said."""
    masks: Annotated[list[Mask], Field(min_length=1)] | None = None
    """With which of `masks` networks are trained; with each of them if it is not said."""


class Aware(OnDies):
    """Training with a map that is drawn anew from the statistics for every batch."""

    drawn: Ratio = 1.0
    """So many times the rate of shorts that the statistics have is drawn."""


class Tuned(OnDies):
    """Training of gains and biases alone."""

    epochs: Whole | None = 5
    """Most epochs."""
    batch: Whole | None = 256
    """Images of a step."""
    rate: Ratio | None = 0.002
    """Rate of learning at the beginning."""


class Methods(Model):
    """The ways to train that are compared; one that is not named is not made."""

    baseline: Method | None = None
    """Without any defect or spread, as software would."""
    hardware_aware: OnDies | None = None
    """One network a die, trained with the map of that die."""
    statistics_aware: Aware | None = None
    """One network for all dies, a new map from the statistics for every batch."""
    tuned: Tuned | None = None
    """That network, then gains of every column and biases alone trained for each die; the devices stay as they are."""


class Surface(Model):
    """The loss around each solution: along random directions in its devices, on some of the dies."""

    points: Annotated[int, Field(ge=3, le=101)] = 21
    """Points along each of the two directions."""
    reach: Ratio = 1.0
    """How far the points go to each side, in lengths of the solution itself."""
    dies: Whole = 4
    """Over so many of the dies the loss is the mean; the first ones."""
    images: Whole = 1000
    """So many training images; the first ones."""


class Compare(Model):
    """What else is looked at; what is not named is not made."""

    matrix: bool = True
    """Judge every network that was trained for a die on all other dies, too."""
    surface: Surface | None = None
    measures: bool = True
    """What a network has of itself that may say how it stands defects."""


class TrainingFile(Model):
    """A training file."""

    title: str
    format: Literal[1]
    data: Images = Images()
    network: Shape = Shape()
    bench: str = "simulated-1t1r"
    """The bench file whose chip holds the network, or the name of a shipped one."""
    dies: Dies = Dies()
    shorts: Annotated[list[Ratio], Field(min_length=1)] = Field(default_factory=lambda: [1.0])
    """Rates of shorts at which networks are judged, in multiples of the bench's."""
    masks: Annotated[list[Mask], Field(min_length=1)] = Field(default_factory=lambda: list[Mask](["none", "defects"]))
    """What the reader of a chip does about shorts: nothing, or it leaves their gates closed (their weights are 0)."""
    train: Training = Training()
    methods: Methods
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Seed of all training; networks that are trained side by side draw apart."""
    seeds: Annotated[int, Field(ge=1, le=1000)] = 1
    """How often all is trained, with this seed and the next ones."""
    compare: Compare = Compare()
    report: bool = True
    """Write report.html and its figures at the end."""
