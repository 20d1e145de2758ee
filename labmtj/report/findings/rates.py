"""Write errors, half-select and read disturb: measured rates with their 95 % bounds."""

from __future__ import annotations

from labmtj.records import State
from labmtj.report import html
from labmtj.report.findings import facts
from labmtj.report.maps import COLOURS
from labmtj.report.svg import INK, new_figure, to_svg
from labmtj.runs.netcdf import Group

_TITLES = {
    "write_error": ("Write error rate", "errors a pulse", "errors_{}", "pulses_{}", "rate_{}_bound"),
    "half_select": (
        "Half-select disturb", "flips a half-selected pulse", "flips_{}", "cell_pulses_{}", "flips_per_pulse_{}_bound",
    ),
    "read_disturb": ("Read disturb", "flips a second", "flips_{}", "dose_{}_cell_second", "rate_{}_bound_per_second"),
}  # fmt: skip


def draw(group: Group, key: str) -> str:
    """Draw the rate of each direction, or its bound alone where nothing was seen, on a logarithmic scale."""
    kind = key.rstrip("0123456789")
    title = _TITLES[kind][0] + ("" if key == kind else f" ({key})")
    caption = "Dot: measured; bar: up to the one-sided 95 % bound. No dot: nothing was seen."
    drawings = [(_chart(group, kind, key=key), caption)]
    if "dose" in group.variables:
        drawings.append((_doses(group, key=f"{key}-dose"), "Cells that had left their state when read, of those held."))
    return html.section(title, html.paragraph(str(group.attributes["line"])), html.figures(drawings), facts(group))


def _doses(group: Group, *, key: str) -> str:
    """Flips against the time that the read voltage was held."""
    figure = new_figure(height=2.2)
    axes = figure.add_axes((0.14, 0.25, 0.82, 0.6))
    axes.set_title("Flips against dose")
    axes.set_xlabel("time at the read voltage (s)")
    axes.set_ylabel("cells flipped")
    dose, lost = group.variables["dose"].values, group.variables["lost"].values
    for state, colour in COLOURS.items():
        axes.plot(dose[state], lost[state], "o-", color=colour, markersize=4, label=f"to {state.name}")
    axes.set_xscale("log")
    axes.set_xticks(dose[0], labels=[f"{seconds:.2g}" for seconds in dose[0].tolist()])
    axes.minorticks_off()
    axes.set_ylim(-0.5, max(2.0, 1.15 * float(lost.max())))
    axes.grid(visible=True, color=INK, alpha=0.12, linewidth=0.6)
    axes.legend(fontsize=9, loc="upper left")
    cells = int(group.attributes["cells"])  # pyright: ignore[reportArgumentType]
    return to_svg(figure, alt=f"Flips of {cells} cells against the time at the read voltage.", key=key)


def _chart(group: Group, kind: str, *, key: str) -> str:
    title, label, events, trials, bound = _TITLES[kind]
    figure = new_figure(height=2.2)
    axes = figure.add_axes((0.12, 0.25, 0.84, 0.6))
    axes.set_title(title)
    axes.set_xlabel(label)
    highest, lowest = 0.0, 1.0
    said: list[str] = []
    for state, colour in COLOURS.items():
        end = state.name.lower()
        count, of = float(group.attributes[events.format(end)]), float(group.attributes[trials.format(end)])  # pyright: ignore[reportArgumentType]
        most = float(group.attributes[bound.format(end)])  # pyright: ignore[reportArgumentType]
        highest, lowest = max(highest, most), min(lowest, count / of if count else 0.1 * most)
        axes.plot([count / of if count else 1e-30, most], [int(state)] * 2, color=colour, linewidth=5, alpha=0.4)
        axes.plot([most], [int(state)], "|", color=colour, markersize=14)
        if count:
            axes.plot([count / of], [int(state)], "o", color=colour)
        said.append(f"{int(count)} in {of:.4g} to {state.name}, bound {most:.2g}")
    axes.set_xscale("log")
    axes.set_xlim(0.5 * lowest, 3.0 * highest)
    axes.set_yticks([int(state) for state in State], labels=[f"to {state.name}" for state in State])
    axes.set_ylim(-0.6, 1.6)
    axes.grid(visible=True, axis="x", color=INK, alpha=0.12, linewidth=0.6)
    return to_svg(figure, alt=f"{title}: {'; '.join(said)}.", key=key)
