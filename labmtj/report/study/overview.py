"""What a study found, in words made from its figures, and the table by diameter and wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from labmtj.report import html
from labmtj.report.content import NONE, percent
from labmtj.report.study import paper
from labmtj.report.study.ablation import worst_alone
from labmtj.report.study.content import PARTS, Content
from labmtj.report.study.drawing import Section
from labmtj.report.study.groups import WORDS, ordered, signed

_SAMPLES = {"train": "the training samples", "test": "the test samples", "all": "all samples"}
_TABLED = ("software", "software_scale", "untuned", "scale", "best")


def found(content: Content) -> Section:
    """Say what was found: first from the summary, then the sentences that came with the content."""
    sentences = [*in_words(content), *content.sentences.get("found", ())]
    return Section("What was found", tuple(html.paragraph(sentence) for sentence in sentences))


def in_words(content: Content) -> list[str]:
    """Make the sentences: each is a number of the table and says no more."""
    rows = [Known(row) for row in content.shown_summary]
    if not rows:
        return ["The study has no rows: nothing was found."]
    said = [_size(rows)]
    if content.place:
        said.append(f"Figures and tables show the placement {content.place}; the section on placement compares all.")
    said += _fidelity(rows)
    said += _software(rows)
    for name in ("untuned", "scale", "best"):
        said += _tuning(rows, name)
    return said + worst_alone(content.ablation)


class Known:
    """A row of the summary, with nothing for what it does not know."""

    def __init__(self, row: Mapping[str, str | int | float | None]) -> None:
        self.row = row

    def number(self, name: str) -> float | None:
        """Give a number, None if it is not known."""
        value = self.row.get(name)
        return float(value) if isinstance(value, int | float) else None

    @property
    def kind(self) -> str:
        """Name the kind of die."""
        return f"{self.number('diameter_nm') or 0:g} nm and {self.number('r_wire_ohm') or 0:g} ohm"

    def count(self, name: str) -> int:
        """Give a count, 0 if it is not known."""
        return int(self.number(name) or 0)


def _size(rows: Sequence[Known]) -> str:
    copies, failed = sum(row.count("copies") for row in rows), sum(row.count("failed") for row in rows)
    diameters = {row.row.get("diameter_nm") for row in rows}
    wires = {row.row.get("r_wire_ohm") for row in rows}
    networks, dies = max(row.count("networks") for row in rows), max(row.count("dies") for row in rows)
    of_kinds = "of one kind" if len(rows) == 1 else f"of each of {len(rows)} kinds"
    text = (
        f"{'1 copy was' if copies == 1 else f'{copies} copies were'} judged: {_many(networks, 'network')} on "
        f"{_many(dies, 'die')} {of_kinds} ({_many(len(diameters), 'diameter')}, "
        f"{_many(len(wires), 'wire resistance')})."
    )
    return text + (f" {failed} more could not be judged and are in no figure." if failed else "")


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _extremes(rows: Sequence[Known], name: str) -> tuple[Known, Known] | None:
    known = [row for row in rows if row.number(name) is not None]
    if not known:
        return None
    rising = sorted(known, key=lambda row: row.number(name) or 0.0)
    return rising[0], rising[-1]


def _fidelity(rows: Sequence[Known]) -> list[str]:
    ends = _extremes(rows, "write_fidelity_median")
    if ends is None:
        return []
    low, high = ends
    if len(rows) == 1:
        return [f"The median write fidelity is {percent(low.number('write_fidelity_median'))}."]
    return [
        f"The median write fidelity lies between {percent(low.number('write_fidelity_median'))} ({low.kind}) and "
        f"{percent(high.number('write_fidelity_median'))} ({high.kind})."
    ]


def _software(rows: Sequence[Known]) -> list[str]:
    train, test = rows[0].number("train_software_scale_mean"), rows[0].number("test_software_scale_mean")
    if train is None:
        return []
    tested = "" if test is None else f" and {percent(test)} on the test samples"
    return [
        f"Software with its scale tuned reaches a mean of {percent(train)} on the training samples{tested}; every gap "
        "below is paired with it, network by network."
    ]


def _tuning(rows: Sequence[Known], name: str) -> list[str]:
    ends = _extremes(rows, f"train_{name}_median")
    if ends is None:
        return []
    low, high = ends
    known = [row for row in rows if row.number(f"train_{name}_median") is not None]
    reached = sum((row.number(f"train_{name}_median") or 0.0) >= paper.ACCURACY - 1e-9 for row in known)
    title = {"untuned": "Untuned", "scale": "With one tuned scale", "best": "With the best tuning"}[name]
    text = (
        f"{title}, the median training accuracy is {percent(low.number(f'train_{name}_median'))} at {low.kind}"
        + (f" and {percent(high.number(f'train_{name}_median'))} at {high.kind}" if len(known) > 1 else "")
        + f"; it is 141 of 148 (the paper's 95.3 %) or more for {reached} of {_many(len(known), 'kind')}."
    )
    gaps = _extremes(rows, f"train_{name}_gap_mean")
    if gaps is not None:
        worst, best = gaps
        text += f" The mean paired gap is {_points(worst.number(f'train_{name}_gap_mean'))} points at {worst.kind}"
        text += f", {_points(best.number(f'train_{name}_gap_mean'))} at {best.kind}." if len(known) > 1 else "."
    return [text]


def _points(gap: float | None) -> str:
    return NONE if gap is None else signed(100 * gap)


def tables(content: Content) -> Section:
    """Tabulate write fidelity, accuracies and gaps by diameter and wire."""
    rows = [Known(row) for row in content.shown_summary]
    if not rows:
        return Section("By diameter and wire")
    first = html.paragraph(
        "Fidelity: the median write fidelity, in percent. Accuracies in percent: mean / median / 5th percentile over "
        "networks and dies. Gaps in points: mean / 5th percentile of what a copy has more than software with its scale "
        "tuned.",
        kind="soft",
    )
    names = [name for name in ordered(_TABLED) if any(row.number(f"train_{name}_mean") is not None for row in rows)]
    open_tables = [first, _accuracies(rows, names, "train"), _gaps(rows, names)]
    folded = [html.details(f"The same on {_SAMPLES[part]}", _accuracies(rows, names, part)) for part in ("test", "all")]
    return Section("By diameter and wire", (*open_tables, *folded))


def _accuracies(rows: Sequence[Known], names: Sequence[str], part: str) -> str:
    lines: list[list[str]] = []
    for row in rows:
        fidelity = row.number("write_fidelity_median")
        judged, failed = row.count("copies"), row.count("failed")
        counts = f"{judged} of {judged + failed}" if failed else f"{judged}"
        cells = [
            " / ".join(_percent(row.number(f"{part}_{name}_{key}")) for key in ("mean", "median", "p5"))
            for name in names
        ]
        lines.append([_kind(row), counts, _percent(fidelity), *cells])
    head = ["diameter, wires", "copies", "fidelity", *(WORDS[name] for name in names)]
    caption = f"Accuracy on {_SAMPLES[part]}, %."
    return html.table(head, lines, caption=caption, numbers=len(head) - 1, kind="wide dense")


def _gaps(rows: Sequence[Known], names: Sequence[str]) -> str:
    shown = [name for name in names if any(row.number(f"train_{name}_gap_mean") is not None for row in rows)]
    if not shown:
        return ""
    lines = [
        [
            _kind(row),
            *(
                " / ".join(_points(row.number(f"{part}_{name}_gap_{key}")) for key in ("mean", "p5"))
                for name in shown
                for part in PARTS
            ),
        ]
        for row in rows
    ]
    head = ["diameter, wires", *(f"{WORDS[name]}, {part}" for name in shown for part in PARTS)]
    caption = "Paired gap to software with its scale tuned, points."
    return html.table(head, lines, caption=caption, numbers=len(head) - 1, kind="wide dense")


def _kind(row: Known) -> str:
    return f"{row.number('diameter_nm') or 0:g} nm, {row.number('r_wire_ohm') or 0:g} ohm"


def _percent(value: float | None) -> str:
    return NONE if value is None else f"{100 * value:.2f}"
