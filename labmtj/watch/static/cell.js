// The panel of one cell: its values, and its whole history, asked for when somebody points at it.
import { at, make, table } from "./dom.js";
import { history } from "./net.js";
import { clock, quantity } from "./units.js";

const STATES = ["P", "AP"];
const DEFECTS = ["", "short", "open", "stuck"];
const REST = 120; // [ms] that a pointer rests on a cell before its history is asked for
const FRESH = 1500; // [ms] before the history of a cell that changes is asked for again

/** What is shown of a cell; `map` is told which one it is. */
export class CellPanel {
  constructor(map) {
    Object.assign(this, { map, place: -1, kept: false, timer: null, asked: 0, cells: null });
  }

  /** The pointer, a click or a key is at a place; -1 for none. */
  point(place, how) {
    if (how === "hover" && (this.kept || place < 0)) return;
    if (how === "click") this.kept = place >= 0 && !(this.kept && place === this.place);
    if (how === "key") this.kept = true;
    if (place < 0) {
      this.map.choose(-1);
      this.place = -1;
      at("cell").replaceChildren();
      return;
    }
    const other = place !== this.place;
    this.place = place;
    this.map.choose(place);
    if (other) this.#values(null);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#ask(), how === "hover" ? REST : 0);
  }

  /** The cells have changed: what is shown may be old. */
  refresh() {
    if (this.place < 0 || performance.now() - this.asked < FRESH) return;
    this.#ask();
  }

  /** Another run. */
  forget(cells) {
    this.cells = cells;
    this.kept = false;
    this.point(-1, "click");
  }

  async #ask() {
    const { place } = this;
    if (place < 0 || this.cells === null) return;
    this.asked = performance.now();
    try {
      const found = await history(...this.cells.lines(place));
      if (place === this.place) this.#values(found);
    } catch (error) {
      if (place === this.place) at("cell").replaceChildren(make("p", { text: error.message }));
    }
  }

  #values(found) {
    const { layers } = this.cells;
    const { place } = this;
    const [row, col] = this.cells.lines(place);
    const said = [
      Number.isNaN(layers.ohm[place]) ? null : quantity(layers.ohm[place], "Ω"),
      layers.state[place] < 0 ? "state not known" : `in ${STATES[layers.state[place]]}`,
      layers.target[place] < 0 ? null : `target ${STATES[layers.target[place]]}`,
      DEFECTS[layers.defect[place]] || null,
      `${layers.pulses[place]} pulses`,
      `${layers.readings[place]} readings`,
    ];
    const kernel = this.cells.kernels > 1 ? `, kernel ${Math.floor((row - 1) / this.cells.each) + 1} row ${((row - 1) % this.cells.each) + 1}` : "";
    const name = this.cells.kind === "neurons" ? `Neuron ${col}, ${row % 2 ? "x" : "z"} terminal on row ${row}` : `Cell (${row}, ${col})${kernel}`;
    const parts = [make("h3", { text: name }), make("p", { className: "soft", text: said.filter(Boolean).join(" · ") })];
    if (found !== null) parts.push(this.#events(found));
    at("cell").replaceChildren(...parts);
  }

  #events({ events, more }) {
    if (!events.length) return make("p", { className: "soft", text: "Nothing was done to this cell alone; sums of whole lines are not listed." });
    const rows = events.toReversed().map((event) => (event.kind === "verdict" ? ["", event.step || "", { text: event.text, span: 5 }] : [
      event.t === undefined ? "" : clock(event.t),
      event.step || "",
      event.kind,
      event.v === undefined ? "" : quantity(event.v, "V"),
      event.kind === "pulse" ? quantity(event.width, "s") : quantity(event.i, "A"),
      event.ohm === undefined ? "" : quantity(event.ohm, "Ω"),
      event.text,
    ]));
    const heads = ["time", ["step", "number"], "what", ["voltage", "number"], ["current, width", "number"], ["resistance", "number"], ""];
    const note = more ? make("p", { className: "soft", text: `and ${more} older ones, in the journal` }) : null;
    return make("div", { className: "scroll", tabIndex: 0, attr: { role: "region", "aria-label": "History of the cell, the latest first" } }, table(heads, rows), note);
  }
}
