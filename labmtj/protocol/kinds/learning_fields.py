"""Fields of the train_array step: what is learnt, how, and where the layers lie."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from labmtj.config.quantities import Fraction, Model, Ratio
from labmtj.protocol.kinds.fields import Lines

Numbers = Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(strict=False, min_length=2)]
Side = Annotated[int, Field(ge=2, le=32)]


def _kind(value: object) -> str:
    return "<text>" if isinstance(value, str) else "<list>"


Regions = Annotated[
    Annotated[Literal["blocks"], Tag("<text>")]
    | Annotated[Annotated[tuple[Lines, ...], Field(strict=False, min_length=2, max_length=2)], Tag("<list>")],
    Discriminator(_kind),
]


class LearningRate(Model):
    """The factor of |x delta| in the flip probability: at the first sample, and at the last one."""

    first: Annotated[Ratio, Field(le=10.0)] = 0.2
    last: Annotated[Ratio, Field(le=10.0)] = 0.01


class RecipeFields(Model):
    """How a network learns; see labmtj.nets.in_situ.task.Recipe.

    `gate`: a sample whose class is that probable asks for nothing; `gain` multiplies inputs less their mean; `scale`
    divides sums, in windows; `judged`: so many times an epoch all training samples are classified, and the best state
    is kept; with `restore` it is written back after an epoch that did not beat it. `refresh`: samples after which
    the weights of the last layer are read for errors of the hidden one.
    """

    eta: LearningRate = LearningRate()
    gate: Fraction = 0.7
    gain: Annotated[Ratio, Field(le=100.0)] = 2.0
    scale: Annotated[Ratio, Field(le=1000.0)] = 2.0
    smoothing: Fraction = 0.1
    bias_rate: Fraction = 0.05
    hidden_rate: Fraction = 0.02
    judged: Annotated[int, Field(ge=1, le=100)] = 4
    restore: bool = True
    refresh: Annotated[int, Field(ge=1, le=1_000_000)] = 10
