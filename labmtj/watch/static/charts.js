// The two small charts: the last readings, and accuracy against the scale.
/* global Plotly */
import { at, shade } from "./dom.js";

const CONFIG = { displayModeBar: false, responsive: true, staticPlot: false };

function layout(x, y, more = {}) {
  const font = { color: shade("ink"), size: 11, family: "inherit" };
  const axis = (name) => ({ title: { text: name, font, standoff: 4 }, tickfont: font, gridcolor: shade("line"), zeroline: false, exponentformat: "SI", automargin: true });
  return { margin: { l: 48, r: 8, t: 6, b: 34 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font,
    xaxis: axis(x), yaxis: axis(y), showlegend: false, hovermode: "closest", dragmode: false, ...more };
}

/** Resistances of the last readings of cells; where there are none, currents. */
export function readingsChart(readings) {
  at("readings-chart").hidden = !readings.length;
  if (!globalThis.Plotly || !readings.length) return;
  const read = readings.filter((reading) => reading.kind === "read" && reading.t !== null);
  const ohms = read.filter((reading) => reading.ohm !== undefined && reading.ohm > 0);
  const shown = ohms.length > 2 ? ohms : read.filter((reading) => reading.i !== null);
  const value = (reading) => (ohms.length > 2 ? reading.ohm : reading.i);
  const values = shown.map(value);
  const wide = ohms.length > 2 && Math.max(...values) > 20 * Math.min(...values);
  const points = { type: "scatter", mode: "lines+markers", x: shown.map((reading) => reading.t), y: values, text: shown.map((reading) => reading.what),
    hovertemplate: `%{text}<br>%{y:.4s}${ohms.length > 2 ? "Ω" : "A"}<extra></extra>`, marker: { size: 5, color: shade("accent") }, line: { width: 1, color: shade("line") } };
  const said = layout("bench time [s]", ohms.length > 2 ? "resistance [Ω]" : "current [A]");
  if (wide) said.yaxis.type = "log";
  Plotly.react(at("readings-chart"), [points], said, CONFIG);
}

/** Accuracy of training and test samples against the scale, and the scale that was chosen. */
export function scaleCurve({ scales, train, test, software_train: software, scale }) {
  const element = at("curve");
  element.hidden = !scales;
  if (!scales || !globalThis.Plotly) return;
  const line = (y, name, color, dash) => ({ type: "scatter", mode: "lines", x: scales, y: y.map((v) => 100 * v), name, line: { color, dash, width: 2 },
    hovertemplate: `${name}: %{y:.2f} %<extra></extra>` });
  const chosen = { type: "line", x0: scale, x1: scale, yref: "paper", y0: 0, y1: 1, line: { color: shade("soft"), width: 1, dash: "dot" } };
  const said = layout("scale f", "right [%]", { shapes: [chosen], showlegend: true, legend: { orientation: "h", y: 1.2, font: { size: 11, color: shade("ink") } } });
  Plotly.react(element, [line(train, "training", shade("accent"), "solid"), line(test, "test", shade("stuck"), "solid"), line(software, "software", shade("soft"), "dash")], said, CONFIG);
}
