"""Study files of networks of neurons: which network on which images, what the neurons are like, what is shown of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from labmtj.config.quantities import Fraction, Model, Ratio

Whole = Annotated[int, Field(ge=1, le=1_000_000)]
Width = Annotated[int, Field(ge=1, le=100_000)]
Widths = Annotated[list[Width], Field(min_length=1, max_length=8)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Class = Annotated[int, Field(ge=0, lt=10_000)]
Calibrating = Literal["none", "neuron"]
Kind = Literal["measured", "derivative", "output"]


class Images(Model):
    """Images to learn and to be judged by."""

    name: Literal["digits", "mnist", "fashion-mnist", "cifar-10", "cifar-100", "cifar-100-coarse"] = "digits"
    """digits comes with scikit-learn (8 x 8 pixels); all others lie in a folder."""
    folder: str | None = None
    """Folder with the four IDX files of mnist or fashion-mnist, or with the archive of cifar-10 or cifar-100."""
    train: Whole | None = None
    """Only so many of the training images, the first ones; all if it is not said."""
    test: Whole | None = None
    """Only so many of the test images, the first ones; all if it is not said."""


class NeuronNetwork(Model):
    """A network whose hidden units are neurons of one junction each, and how it learns (labmtj.nets.neurons)."""

    hidden: Widths = Field(default_factory=lambda: [256])
    """Widths of the hidden layers; each unit is a neuron. In software they are tanh."""
    body: Annotated[list[Width], Field(max_length=6)] = Field(default_factory=list[int])
    """Channels of convolutional layers in software that come first, each 3 x 3, relu, and half the size; none."""
    epochs: Whole = 20
    """Passes over the training images."""
    batch: Whole = 128
    """Images of a step."""
    rate: Ratio = 2e-3
    """Rate of learning of Adam at the beginning; it falls along a cosine to zero."""
    decay: Fraction = 0.0
    """Weights are pulled towards zero by this share of the rate at every step."""
    average: Fraction = 0.99
    """What a running mean of the weights keeps at a step; it is what is judged. 0: the last weights are."""
    smoothing: Fraction = 0.0
    """Share of the labels that goes to all classes alike."""
    dropout: Fraction = 0.0
    """Share of hidden outputs that are left out at a step of training."""


class Device(Model):
    """The neurons, and how they are driven and read."""

    source: Literal["simulated", "map"] = "simulated"
    """Drawn with the statistics of the bench's simulation, or those of a measured map."""
    map: str | None = None
    """The measured map (neurons.h5 of a run); its neurons are as they are, so `variation` is left out."""
    seed: Annotated[int, Field(ge=0, lt=2**62)] = 0
    """Seed of the first die that is drawn; the others have the next numbers."""
    noise: Fraction = 0.01
    """Noise of one reading, rms, of the read-out at saturation (m = 1)."""
    noise_z: Fraction | None = None
    """That of the z read-out, if it is another."""
    zero: Literal["none", "edge"] = "none"
    """Zero of the z read-out: as it is, or set at the ends of the drive, so that z is there what sech is."""
    bits: Annotated[int, Field(ge=0, le=16)] = 8
    """Bits of the converter that reads x and z, over their range; 0: it does not round."""
    calibration_error: Fraction = 0.0
    """Standard error of m at each point of the curves that simulated dies are calibrated by; a map has its own."""
    margin: Fraction = 0.25
    """So far beyond saturation the converter's range goes; what is read outside stands at its end, and is counted."""
    range: Ratio = 3.5
    """Largest input current, in units of the critical one; what is asked beyond it is held there, and counted."""
    points: Annotated[int, Field(ge=5, le=1025)] = 65
    """Points of a neuron's curves within that range; between them they are straight lines."""
    calibration: Annotated[list[Calibrating], Field(min_length=1)] = Field(
        default_factory=lambda: list[Calibrating](["none", "neuron"])
    )
    """What the host knows: the medians of the die, or each neuron's own critical current, offset and amplitude."""


class Inference(Model):
    """Weights learnt in software, used with neurons; nothing is trained again."""

    dies: Whole = 4
    """Dies that each network is judged on."""


class Training(Model):
    """Networks that learn with the neurons: their x read-out forward, the square of their z read-out backward."""


class Gradient(Model):
    """The same training with other gradients: what it costs that the gradient is a measured one."""

    variation: list[Fraction] | None = None
    """On dies with these variations; all those of the file if it is not said."""
    kinds: Annotated[list[Kind], Field(min_length=1)] = Field(
        default_factory=lambda: list[Kind](["measured", "derivative", "output"])
    )
    """measured: the z read-out squared; derivative: the true slope of x, which no bench can read; output: 1 - x^2."""


class Curves(Model):
    """How far the read-outs are from tanh and sech, and what that alone costs: neurons that are all alike, unnoisy."""

    neurons: Whole = 1000
    """So many neurons are drawn for each variation."""


class Transfer(Model):
    """Layers learnt in software on some classes are kept; the last ones learn the other classes with the neurons."""

    source_classes: Annotated[list[Class], Field(min_length=2)]
    """Classes of the first task, in software; all others are the second one's."""
    hidden: Widths | None = None
    """Widths of the hidden layers, in place of the network's."""
    layers: Annotated[int, Field(ge=1, le=8)] = 1
    """So many of the last hidden layers are neurons and learn anew, with the read-out; the others are kept."""


class Teacher(Model):
    """A software network whose outputs are taught; what is not said is the network's."""

    hidden: Widths | None = None
    """Widths of its hidden layers."""
    epochs: Whole | None = None
    """Passes over the training images."""
    dropout: Fraction | None = None
    """Share of hidden outputs that are left out at a step of training."""


class Distillation(Model):
    """Networks of neurons that learn what a software network says of the training images."""

    teacher: Teacher = Teacher()
    """The software network."""
    temperature: Ratio = 4.0
    """Outputs of both are divided by this before they are compared."""
    weight: Fraction = 0.7
    """Share of the teacher in what is learnt; the rest is the labels'."""


class Bound(Model):
    """What a loss of accuracy is asked to stay below on dies with so much variation; points as percent."""

    up_to: Fraction
    """For variations up to this, and above that of the bound before it."""
    loss: Fraction | None = None
    """Largest mean loss of accuracy against software, in points: 0.1 % is a tenth of a point."""
    upper: Fraction | None = None
    """Largest upper bound of the mean loss, one-sided at 95 %, in points."""


class Bounds(Model):
    """What is asked of the results; the page says which hold."""

    software: Fraction | None = None
    """Accuracy on test images that software has at least, mean over the seeds."""
    device: list[Bound] = Field(
        default_factory=lambda: [Bound(up_to=0.05, loss=0.001, upper=0.002), Bound(up_to=0.2, upper=0.003)]
    )
    """Of the loss in inference and in training, by rising variation."""


class NeuronFile(Model):
    """A study of networks of neurons."""

    title: str
    format: Literal[1]
    data: Images = Images()
    neuron_network: NeuronNetwork
    bench: str = "neurons"
    """The bench file of whose simulated neurons dies are drawn, or the name of a shipped one."""
    device: Device = Device()
    variation: Annotated[list[Fraction], Field(min_length=1)] = Field(default_factory=lambda: [0.0, 0.05, 0.1, 0.2])
    """Relative standard deviations of critical current and TMR; of offset and asymmetry in units of the first and 1."""
    seeds: Annotated[int, Field(ge=1, le=1000)] = 10
    """How often all is trained: each seed has its own weights to begin with, order of images, dies and noise."""
    seed: Seed = 0
    """The first seed; the others have the next numbers."""
    inference: Inference | None = None
    training: Training | None = None
    gradient: Gradient | None = None
    curves: Curves | None = None
    transfer: Transfer | None = None
    distillation: Distillation | None = None
    bounds: Bounds = Bounds()
    report: bool = True
    """Write report.html and its figures at the end."""
