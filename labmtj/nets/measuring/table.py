"""All measures of many copies under the names of a table's columns, each (networks,)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from labmtj.nets.dataset import Dataset
from labmtj.nets.measuring.agreement import layers_agreements
from labmtj.nets.measuring.decisions import decisions
from labmtj.nets.measuring.predictor import Expected, Predictor
from labmtj.nets.measuring.pseudo import pseudo_inputs
from labmtj.nets.measuring.sensitivity import loss_slopes
from labmtj.nets.measuring.spread import plateau_width
from labmtj.nets.measuring.writing import distance, write_errors
from labmtj.nets.network import Trace
from labmtj.nets.readout import Readout, nominal
from labmtj.nets.stack import NetworkStack
from labmtj.nets.tune import scale_grid
from labmtj.nets.tuning.copies import Copies, Software, one_scale
from labmtj.nets.tuning.scales import right_at
from labmtj.records import Floats, Ints

UNTUNED = "untuned"


@dataclass(frozen=True, eq=False)
class Reference:
    """What copies are measured against, made once for all copies of the same networks.

    `slopes` are |dL/dw| of each layer, `predictor` holds the pseudo-inputs, `expected` what
    software makes of them at its nominal scale and at its best one.
    """

    slopes: tuple[Floats, ...]
    predictor: Predictor
    expected: tuple[Expected, Expected]


def inputs_like(data: Dataset, voters: NetworkStack, *, scale: Floats, seed: int = 0) -> Floats:
    """Pseudo-inputs of which no more is known than mean and covariance of the training inputs, and `voters`' votes.

    `voters` are all networks of a study, each at its `scale` (networks,) in software, so that the measures of a
    network do not depend on which others are measured with it.
    """
    training = data.inputs[data.train]
    mean, covariance = training.mean(axis=0), np.cov(training.T, bias=True)
    return pseudo_inputs(voters, mean=mean, covariance=covariance, readout=one_scale(voters, scale), seed=seed)


def reference(stack: NetworkStack, data: Dataset, *, software: Software, inputs: Floats) -> Reference:
    """The reference of networks, with the pseudo-inputs of `inputs_like`."""
    best = one_scale(stack, software.scale)
    predictor = Predictor(stack, inputs, best=best)
    expected = predictor.software(nominal(stack)), predictor.software(best)
    return Reference(loss_slopes(stack, data), predictor, expected)


def of_writing(known: Reference, *, target: Sequence[Ints], seen: Sequence[Ints]) -> dict[str, Floats]:
    """Measures of what was written: error rates with bounds, Hamming distances; `State` values of each layer."""
    out: dict[str, Floats] = {}
    for name, found in zip(("p", "ap"), write_errors(target, seen), strict=True):
        out |= {f"m_wer_{name}": found.rate, f"m_wer_{name}_low": found.low, f"m_wer_{name}_high": found.high}
    apart = distance(target, seen, slopes=known.slopes)
    return out | {
        "m_hamming": apart.raw, "m_hamming_pairs": apart.pairs, "m_hamming_weighted": apart.weighted
    }  # fmt: skip


def of_map(copies: Copies, known: Reference, readouts: Mapping[str, Readout]) -> dict[str, Floats]:
    """Measures of a verified map: predictions in each readout, the plateau of the scale, errors of the weights.

    An untuned copy is compared with software at scale 1, a tuned one with software at its best scale. `m_weights_N`
    is the root mean square error of the weights of layer N over that of the ideal ones, one gain of all corrected.
    """
    out: dict[str, Floats] = {}
    for name, readout in readouts.items():
        expected = known.expected[0 if name == UNTUNED else 1]
        found = known.predictor.predict(copies.weights, readout=readout, expected=expected)
        out |= {
            f"m_predicted_drop_{name}": found.drop,
            f"m_predicted_rise_{name}": found.rise,
            f"m_predicted_flips_{name}": found.disagreement,
        }
    out["m_plateau"] = plateau_width(right_at(copies.weights, copies.bias, copies.data), scale_grid())
    for layer, weights in enumerate(copies.weights):
        ideal = copies.stack.weights(layer)
        power = np.einsum("nio,nio->n", ideal, ideal)
        gain = np.einsum("nio,nio->n", weights, ideal) / np.where(power > 0.0, power, 1.0)
        error = weights / np.where(gain > 0.0, gain, 1.0)[:, np.newaxis, np.newaxis] - ideal
        out[f"m_weights_{layer + 1}"] = np.sqrt(np.einsum("nio,nio->n", error, error) / np.maximum(power, 1.0))
    return out


def of_inference(copies: Copies, traces: Mapping[str, Trace]) -> dict[str, Floats]:
    """Measures of what arrays computed of all samples, by the name of the readout; software is its counterpart.

    Pre-activations of layer N are those of `m_..._N_READOUT`; McNemar's test is about all samples.
    """
    out: dict[str, Floats] = {}
    for name, trace in traces.items():
        expected = copies.software.nominal if name == UNTUNED else copies.software.tuned
        for layer, found in enumerate(layers_agreements(trace, expected), start=1):
            out |= {
                f"m_pearson_{layer}_{name}": found.pearson,
                f"m_slope_{layer}_{name}": found.slope,
                f"m_offset_{layer}_{name}": found.offset,
                f"m_nrmse_{layer}_{name}": found.nrmse,
                f"m_bits_{layer}_{name}": found.effective_bits,
            }
        decided = decisions(trace.scores, expected.scores, copies.data.labels)
        out |= {
            f"m_margin_shift_{name}": decided.margin_shift,
            f"m_flip_rate_{name}": decided.flip_rate,
            f"m_agreement_{name}": decided.agreement,
            f"m_mcnemar_{name}": decided.mcnemar,
        }
    return out
