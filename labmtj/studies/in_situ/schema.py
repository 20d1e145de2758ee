"""Study files of training on the array: what is learnt on which dies, by which variants, and what is shown of it."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field

from labmtj.config.quantities import Fraction, Model, Ratio, Time

Variant = Literal["stochastic", "deterministic", "software_real", "software_ternary", "transferred"]
OnArray = Literal["stochastic", "deterministic", "transferred"]
Without = Literal["ideal", "spread", "wires", "defects", "noise", "disturb"]
VARIANTS: tuple[str, ...] = get_args(Variant)
"""Every variant, in the order in which they are carried out and shown."""
WITHOUT: tuple[str, ...] = get_args(Without)
Whole = Annotated[int, Field(ge=1, le=1_000_000)]
Lines = Annotated[int, Field(ge=2, le=256)]


class Samples(Model):
    """What is learnt, and how it is divided."""

    name: Literal["wine", "digits"] = "wine"
    """178 wines of 13 features, or 1,797 digits of 8 x 8 pixels; both come with scikit-learn."""
    splits: Annotated[int, Field(ge=1, le=1000)] = 20
    """Stratified random splits: every die learns on each of them."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Seed of the first split; the others have the next numbers."""
    samples: Whole | None = None
    """So many of the training samples of a split, the first ones of a permutation; all if it is not said."""


class Dies(Model):
    """The dies that learn; on passive arrays a network takes one die a layer."""

    count: Annotated[int, Field(ge=1, le=10_000)] = 20
    """Dies (on passive arrays: pairs of dies) with the statistics of the bench's."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Seed of the first die; the others have the next numbers."""
    together: Annotated[int, Field(ge=1, le=10_000)] = 5
    """So many of them, with all splits, are one block of the study, computed side by side."""


class Real(Model):
    """What is different for software with real weights: its best values, as ternary weights have theirs."""

    gain: Ratio = 0.7
    """Inputs less their mean, times this, held within -1..1."""
    gate: Fraction = 1.0
    """A sample whose class has a probability above it asks for no change."""
    scale: Ratio = 1.0
    """The sums of a layer are divided by this."""


class Learning(Model):
    """How networks of two layers learn on the arrays (labmtj.nets.in_situ.task.Recipe)."""

    hidden: Annotated[int, Field(ge=1, le=1000)] = 6
    """Hidden units."""
    gain: Ratio = 2.0
    """Inputs less their mean, times this, held within -1..1."""
    epochs: Annotated[int, Field(ge=1, le=10_000)] = 60
    """Passes over the training samples."""
    eta: Ratio = 0.2
    """Factor of the flip probabilities at the first step."""
    eta_end: Ratio = 0.01
    """The same at the last step; it falls by a constant factor a step."""
    gate: Fraction = 0.7
    """A sample whose class has a probability above it asks for no change."""
    scale: Ratio = 2.0
    """The sums of a layer, in windows of a device, are divided by this."""
    smoothing: Fraction = 0.1
    """Share of the target that goes to all classes alike."""
    bias_rate: Ratio = 0.05
    """Rate of the digital biases; falls to 0 along a line."""
    hidden_rate: Ratio = 0.02
    """Rate of the hidden weights of the deterministic rule and of software; falls to 0 along a line."""
    judged: Annotated[int, Field(ge=1, le=100)] = 4
    """So many times an epoch all training samples are classified; the best state is kept."""
    sharpness: Ratio = 3.0
    """Factor of the logits when states are judged."""
    restore: bool = True
    """Write the best state back at the end of an epoch that did not beat it."""
    refresh: Whole = 10
    """Steps after which the host reads the second layer's weights anew, which take errors back to the first."""
    width: Time = 100e-6
    """Width of an update's pulses."""
    shapes: Literal["die", "cell"] = "cell"
    """Amplitudes from what is known of the die as a whole, or of every cell."""
    real: Real = Real()
    """What is different for software with real weights."""


class Comparison(Model):
    """Variants beside one another, paired by die and split."""

    variants: Annotated[list[Variant], Field(min_length=1)] = Field(
        default_factory=lambda: list[Variant](get_args(Variant))
    )
    """The stochastic rule, a deterministic one with hidden real weights, software with real and with ternary weights,
    and those ternary weights written by write-verify."""


class Some(Model):
    """A part of the study that may be smaller than the comparison."""

    dies: Whole | None = None
    """So many of the dies, the first ones, and no more than there are; all if it is not said."""
    splits: Whole | None = None
    """So many of the splits, the first ones, and no more than there are; all if it is not said."""


class Ablation(Some):
    """The same with one imperfection of the arrays left out at a time."""

    variants: Annotated[list[OnArray], Field(min_length=1)] = Field(
        default_factory=lambda: list[OnArray](["stochastic", "deterministic"])
    )
    """Which variants."""
    without: Annotated[list[Without], Field(min_length=1)] = Field(
        default_factory=lambda: list[Without](get_args(Without))
    )
    """What is left out: ideal leaves all of it out; spread, wires, defects, noise of readings, and disturb, the flips
    of devices that no update asked for."""


class Spread(Some):
    """The same with other spreads of the devices."""

    factors: Annotated[list[Ratio], Field(min_length=1)] = Field(default_factory=lambda: [2.0])
    """Multiples of all the bench's standard deviations between devices."""
    variants: Annotated[list[OnArray], Field(min_length=1)] = Field(
        default_factory=lambda: list[OnArray](["stochastic", "deterministic"])
    )
    """Which variants."""


class Immunity(Some):
    """Accuracy against the spread of switching voltage and resistance, at several widths of the pulses."""

    sigmas: Annotated[list[Fraction], Field(min_length=1)] = Field(default_factory=lambda: [0.0, 0.05, 0.1, 0.2])
    """Relative standard deviations of both V_c and R_P."""
    widths: Annotated[list[Time], Field(min_length=1)] = Field(default_factory=lambda: [10e-9, 100e-6])
    """Widths of the update's pulses."""
    variants: Annotated[list[OnArray], Field(min_length=1)] = Field(
        default_factory=lambda: list[OnArray](["stochastic"])
    )
    """Which variants."""
    shapes: Literal["die", "cell"] = "die"
    """Amplitudes from what is known of the die's mean, or of every cell."""


class BadDies(Some):
    """In-situ training against transferred weights on the same bad dies."""

    shorts: Annotated[list[Ratio], Field(min_length=1)] = Field(default_factory=lambda: [1.0, 5.0])
    """Rates of shorts, multiples of the bench's."""
    wires: Annotated[list[Ratio], Field(min_length=1)] = Field(default_factory=lambda: [1.0, 4.0])
    """Resistances of wires, multiples of the bench's; each with each rate of shorts."""
    variants: Annotated[list[OnArray], Field(min_length=1)] = Field(
        default_factory=lambda: list[OnArray](["stochastic", "deterministic", "transferred"])
    )
    """Which variants."""


class Timing(Model):
    """Time of one update on the virtual clock against the number of lines."""

    lines: Annotated[list[Lines], Field(min_length=1)] = Field(default_factory=lambda: [15, 32, 64, 128, 256])
    """Rows, and as many columns."""


class Realised(Model):
    """The flip probability that an update asks for against the one that it gets, on characterised dies."""

    dies: Whole = 4
    """So many of the dies, the first ones, and no more than there are."""
    asked: Annotated[list[Fraction], Field(min_length=1)] = Field(
        default_factory=lambda: [0.01, 0.03, 0.1, 0.3, 0.5, 0.7, 0.9]
    )
    """Probabilities asked for."""
    widths: Annotated[list[Time], Field(min_length=1)] = Field(default_factory=lambda: [10e-9, 100e-6])
    """Widths of the pulses."""
    pulses: Whole = 200
    """Calibration pulses a cell, resets included."""


class InSituFile(Model):
    """A study of training on the array itself."""

    title: str
    format: Literal[1]
    data: Samples = Samples()
    bench: str = "simulated-15x15"
    """The bench file whose dies or chips learn, or the name of a shipped one."""
    dies: Dies = Dies()
    in_situ: Learning
    comparison: Comparison = Comparison()
    ablation: Ablation | None = None
    spread: Spread | None = None
    immunity: Immunity | None = None
    bad_dies: BadDies | None = None
    time: Timing | None = None
    realised: Realised | None = None
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Seed of all training: where networks begin, the order of samples, and the draws of the arrays."""
    report: bool = True
    """Write report.html and its figures at the end."""
