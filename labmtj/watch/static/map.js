// The map: one heat map of a layer, marks over it, and which cell is under the pointer. Cividis looks the same to
// colour-blind eyes (Nunez, Anderton, Renslow 2018, doi:10.1371/journal.pone.0199239).
/* global Plotly */
import { at, make, shade } from "./dom.js";
import { quantity } from "./units.js";

const MARKS = [null, ["short", "x", "short"], ["open", "circle", "open"], ["stuck", "triangle-up", "stuck"], ["not at its target, as last read", "diamond", "card"]];
const WAIT = { few: 500, many: 1000 }; // [ms] between two pictures; 20,000 cells take some 50 ms each

export const LAYERS = {
  ohm: { name: "resistance", unit: "Ω" },
  state: { name: "state" },
  target: { name: "target" },
  pulses: { name: "pulses", unit: "pulses" },
  readings: { name: "readings", unit: "readings" },
  defect: { name: "defects" },
};

/** The map of one array; `onCell(place, how)` is told of cells that are hovered, clicked, or reached by keys. */
export class ArrayMap {
  constructor(onCell) {
    Object.assign(this, { onCell, layer: "ohm", marks: true, cells: null, chosen: -1, drawn: 0, timer: null });
    this.element = at("map");
    this.element.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => this.#size() && this.redraw(true)).observe(this.element);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.redraw(true));
    this.#choices();
  }

  /** Another array, or the same one with other lines left out. */
  show(cells, array) {
    this.array = array;
    this.cells = cells;
    this.redraw(true);
  }

  /** Draw soon; at once if `now`. */
  redraw(now = false) {
    if (this.cells === null || !globalThis.Plotly) return;
    clearTimeout(this.timer);
    const many = this.cells.layers.state.length > 5000;
    const wait = now ? 0 : Math.max(0, this.drawn + (many ? WAIT.many : WAIT.few) - performance.now());
    this.timer = setTimeout(() => this.#draw(), wait);
  }

  /** Mark a cell; -1 for none. */
  choose(place) {
    this.chosen = place;
    if (this.cells !== null && this.element.data) Plotly.relayout(this.element, { shapes: this.#shapes() });
  }

  #choices() {
    const row = at("layers");
    for (const [key, { name }] of Object.entries(LAYERS)) {
      const button = make("button", { text: name, type: "button", attr: { role: "radio", "data-layer": key } });
      button.addEventListener("click", () => this.#turn(key));
      row.append(button);
    }
    row.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const keys = Object.keys(LAYERS);
      this.#turn(keys[(keys.indexOf(this.layer) + step + keys.length) % keys.length]);
      row.querySelector("[aria-checked=true]").focus();
    });
    at("marks").addEventListener("change", (event) => { this.marks = event.target.checked; this.redraw(true); });
    this.#turn(this.layer);
  }

  #turn(key) {
    this.layer = key;
    for (const button of at("layers").children) {
      button.setAttribute("aria-checked", String(button.dataset.layer === key));
      button.tabIndex = button.dataset.layer === key ? 0 : -1;
    }
    this.redraw(true);
  }

  #size() {
    if (this.cells === null) return false;
    const width = this.element.clientWidth;
    const ratio = this.cells.high / this.cells.wide;
    const most = Math.max(300, Math.min(680, 0.72 * window.innerHeight));
    const height = Math.round(Math.max(240, Math.min(most, (width - 110) * ratio + 64)));
    const other = this.width !== width || this.height !== height;
    Object.assign(this, { width, height });
    return other;
  }

  /** Values of the layer, colours and what the legend says. */
  #look() {
    const { layers } = this.cells;
    const [low, high, none] = [shade("p"), shade("ap"), shade("none")];
    const steps = (colours) => colours.flatMap((colour, n) => [[n / colours.length, colour], [(n + 1) / colours.length, colour]]);
    if (this.layer === "state" || this.layer === "target") {
      const missing = this.layer === "state" ? "not known" : "no target";
      return { values: layers[this.layer], none: (value) => value < 0, scale: steps([low, high]), range: [0, 1],
        legend: [["P, low resistance", low], ["AP, high resistance", high], [missing, none]] };
    }
    if (this.layer === "defect") {
      const colours = [none, shade("short"), shade("open"), shade("stuck")];
      return { values: layers.defect, none: () => false, scale: steps(colours), range: [0, 3],
        legend: [["good, or not known", none], ["short", colours[1]], ["open", colours[2]], ["stuck", colours[3]]] };
    }
    const values = layers[this.layer];
    const { unit } = LAYERS[this.layer];
    if (this.layer === "ohm") {
      const known = Array.from(values).filter(Number.isFinite).sort((a, b) => a - b);
      const share = (part) => known[Math.round(part * (known.length - 1))] ?? 0;
      const range = [share(0.02), share(0.98)];
      if (range[0] === range[1]) range[1] = range[0] + 1;
      return { values, none: (value) => !Number.isFinite(value), scale: "Cividis", range, bar: "Ω",
        legend: known.length ? [[`the last reading; colours end at ${quantity(range[0], unit, 3)} and ${quantity(range[1], unit, 3)}, where 2 % lie below and above`, null], ["not read, or no current", none]] : [["nothing was read yet", none]] };
    }
    let most = 1;
    for (const value of values) if (value > most) most = value;
    return { values, none: () => false, scale: "Cividis", range: [0, most], bar: unit, legend: [[`${unit} in the whole run, at most ${most}`, null]] };
  }

  /** What stands between the kernels of a chip. */
  #gaps() {
    const { step, wide, high, kernels } = this.cells;
    if (kernels === 1) return [];
    const paint = { type: "rect", fillcolor: shade("card"), line: { width: 0 }, layer: "above" };
    const shapes = [];
    for (let x = step[1] - 1; x < wide; x += step[1]) shapes.push({ ...paint, x0: x - 0.5, x1: x + 0.5, y0: -0.5, y1: high - 0.5 });
    for (let y = step[0] - 1; y < high; y += step[0]) shapes.push({ ...paint, y0: y - 0.5, y1: y + 0.5, x0: -0.5, x1: wide - 0.5 });
    return shapes;
  }

  #shapes() {
    const shapes = this.#gaps();
    const paint = { fillcolor: shade("open"), opacity: 0.25, line: { width: 0 }, layer: "above" };
    for (const [axis, number] of this.array?.out ?? []) {
      const kernels = this.cells.kind === "neurons" ? [] : this.cells.kernels === 1 || axis === "row" ? [0] : [...Array(this.cells.kernels).keys()];
      for (const kernel of kernels) {
        const row = axis === "row" ? number : kernel * this.cells.each + 1;
        const [x, y] = this.cells.drawn(this.cells.place(row, axis === "row" ? 1 : number));
        const [w, h] = axis === "row" ? [this.cells.cols, 1] : [1, this.cells.each];
        shapes.push({ type: "rect", x0: x - 0.5, x1: x - 0.5 + w, y0: y - 0.5, y1: y - 0.5 + h, ...paint });
      }
    }
    if (this.chosen >= 0) {
      const [x, y] = this.cells.drawn(this.chosen);
      const box = { type: "rect", x0: x - 0.5, x1: x + 0.5, y0: y - 0.5, y1: y + 0.5, layer: "above" };
      shapes.push({ ...box, line: { color: "#000000", width: 4 } }, { ...box, line: { color: "#ffffff", width: 2 } });
    }
    return shapes;
  }

  #markers() {
    if (!this.marks) return [];
    const groups = new Map();
    const { defect, state, target } = this.cells.layers;
    for (let place = 0; place < defect.length; place += 1) {
      if (!this.cells.shown(place)) continue;
      const kind = defect[place] > 0 ? defect[place] : state[place] >= 0 && target[place] >= 0 && state[place] !== target[place] ? 4 : 0;
      if (kind) groups.set(kind, [...(groups.get(kind) ?? []), this.cells.drawn(place)]);
    }
    const own = (0.5 * this.width) / this.cells.wide;
    return [...groups].map(([kind, points]) => {
      const [name, symbol, colour] = MARKS[kind];
      const size = Math.max(kind === 4 ? 2 : 6, Math.min(11, own)); // targets are missed by many, defects by few
      return { type: "scatter", mode: "markers", name, x: points.map((point) => point[0]), y: points.map((point) => point[1]), hoverinfo: "skip", showlegend: false,
        marker: { symbol, size, color: shade(kind === 4 && size < 6 ? "ink" : colour), line: { width: size > 6 ? 1 : 0, color: shade(kind === 4 ? "ink" : "card") } } };
    });
  }

  #draw() {
    this.#size();
    this.drawn = performance.now();
    const look = this.#look();
    const ticks = this.cells.ticks();
    const font = { color: shade("ink"), size: 12, family: "inherit" };
    const heat = { type: "heatmap", z: this.cells.picture(look.values, look.none), zmin: look.range[0], zmax: look.range[1],
      colorscale: look.scale, hoverinfo: "none", showscale: look.bar !== undefined, xgap: this.cells.wide < 40 ? 1 : 0, ygap: this.cells.wide < 40 ? 1 : 0,
      colorbar: { title: { text: look.bar, side: "top", font }, thickness: 12, tickfont: font, outlinewidth: 0, exponentformat: "SI" } };
    const axis = (which, name) => ({ tickvals: ticks[which].at, ticktext: ticks[which].text, title: { text: name, font, standoff: 6 }, tickfont: font,
      showgrid: false, zeroline: false, ticks: "", constrain: "domain" });
    const layout = { width: this.width, height: this.height, margin: { l: 56, r: 8, t: 46, b: 8 }, uirevision: "map", hovermode: "closest",
      dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom", paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: shade("none"), font, shapes: this.#shapes(),
      xaxis: { ...axis("x", ticks.names[0]), side: "top", range: [-0.5, this.cells.wide - 0.5] },
      yaxis: { ...axis("y", ticks.names[1]), range: [this.cells.high - 0.5, -0.5], scaleanchor: "x" } };
    const markers = this.#markers();
    const first = !this.element.data;
    Plotly.react(this.element, [heat, ...markers], layout, { displayModeBar: false, responsive: false, doubleClick: "reset" });
    if (first) this.#listen();
    this.#legend(look, markers);
  }

  #legend(look, markers) {
    const signs = { x: "✕", circle: "●", "triangle-up": "▲", diamond: "◇" };
    const said = look.legend.map(([text, colour]) => {
      const swatch = colour === null ? null : make("i", { className: "swatch" });
      if (swatch) swatch.style.background = colour;
      return make("span", {}, swatch, text);
    });
    for (const { name, x, marker } of markers) {
      const sign = make("b", { text: signs[marker.symbol] });
      sign.style.color = marker.symbol === "diamond" ? "" : marker.color;
      said.push(make("span", {}, sign, `${name}: ${x.length}`));
    }
    const out = this.array?.out ?? [];
    if (out.length) said.push(make("span", { text: `▒ left out since the contact check: ${out.map(([axis, number]) => `${axis} ${number}`).join(", ")}` }));
    at("legend").replaceChildren(...said);
  }

  #listen() {
    const place = ({ points }) => (points?.length ? this.cells.under(Math.round(points[0].x), Math.round(points[0].y)) : -1);
    this.element.on("plotly_hover", (event) => this.onCell(place(event), "hover"));
    this.element.on("plotly_unhover", () => this.onCell(-1, "hover"));
    this.element.on("plotly_click", (event) => this.onCell(place(event), "click"));
  }

  #key(event) {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (this.cells === null) return;
    if (event.key === "Escape") this.onCell(-1, "click");
    else if (event.key === "Enter") this.onCell(this.chosen, "click");
    else if (step) {
      event.preventDefault();
      let [x, y] = this.cells.drawn(Math.max(0, this.chosen));
      do [x, y] = [x + step[0], y + step[1]];
      while (this.chosen >= 0 && this.cells.under(x, y) < 0 && x >= 0 && y >= 0 && x < this.cells.wide && y < this.cells.high);
      const next = this.chosen < 0 ? 0 : this.cells.under(x, y);
      if (next >= 0) this.onCell(next, "key");
    }
  }
}
