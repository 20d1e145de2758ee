// The cells of the array: typed arrays, one a layer, and where each cell stands in the picture.

const TYPES = { target: Int8Array, state: Int8Array, ohm: Float32Array, pulses: Uint32Array, readings: Uint32Array, defect: Int8Array };

function bytes(text) {
  const raw = atob(text);
  const found = new Uint8Array(raw.length);
  for (let n = 0; n < raw.length; n += 1) found[n] = raw.charCodeAt(n);
  return found.buffer;
}

/** Layers of one array; row and col count from 1, places from 0, row by row. */
export class Cells {
  constructor({ rows, cols, kernels, kind }) {
    Object.assign(this, { rows, cols, kernels, kind, layers: {} });
    for (const [name, Type] of Object.entries(TYPES)) this.layers[name] = new Type(rows * cols);
    this.layers.target.fill(-1);
    this.layers.state.fill(-1);
    this.layers.ohm.fill(NaN);
    this.#layOut();
  }

  /** Take what the server sent: all cells, or those at `places`. */
  take(packed) {
    const places = packed.places ? new Uint32Array(bytes(packed.places)) : null;
    for (const [name, Type] of Object.entries(TYPES)) {
      const values = new Type(bytes(packed[name]));
      if (places === null) this.layers[name] = values;
      else places.forEach((place, n) => { this.layers[name][place] = values[n]; });
    }
  }

  place(row, col) {
    return (row - 1) * this.cols + col - 1;
  }

  /** [row, col] of a place, from 1. */
  lines(place) {
    return [Math.floor(place / this.cols) + 1, (place % this.cols) + 1];
  }

  /** Whether a place is drawn: of neurons only their own terminals are, x and z of neuron n on rows 2n - 1 and 2n. */
  shown(place) {
    return this.kind !== "neurons" || Math.floor(Math.floor(place / this.cols) / 2) === place % this.cols;
  }

  /** Kernels of a chip stand side by side, a gap between two; an array without any is one. */
  #layOut() {
    if (this.kind === "neurons") {
      Object.assign(this, { across: 1, each: this.rows, step: [2, this.cols], high: 2, wide: this.cols });
      return;
    }
    const each = this.rows / this.kernels;
    const across = this.kernels === 1 ? 1 : Math.ceil(Math.sqrt((2 * this.kernels * each) / this.cols));
    const gap = this.kernels === 1 ? 0 : 1;
    this.across = Math.min(across, this.kernels);
    this.step = [each + gap, this.cols + gap];
    this.each = each;
    this.high = Math.ceil(this.kernels / this.across) * this.step[0] - gap;
    this.wide = this.across * this.step[1] - gap;
  }

  /** Where a place is drawn: [x, y], from 0. */
  drawn(place) {
    const row = Math.floor(place / this.cols);
    if (this.kind === "neurons") return [place % this.cols, row % 2];
    const kernel = Math.floor(row / this.each);
    const x = (kernel % this.across) * this.step[1] + (place % this.cols);
    return [x, Math.floor(kernel / this.across) * this.step[0] + (row % this.each)];
  }

  /** The place that is drawn at x, y; -1 in a gap or outside. */
  under(x, y) {
    if (this.kind === "neurons") return x < 0 || y < 0 || x >= this.wide || y > 1 ? -1 : (2 * x + y) * this.cols + x;
    const [tx, ty] = [Math.floor(x / this.step[1]), Math.floor(y / this.step[0])];
    const [col, row] = [x - tx * this.step[1], y - ty * this.step[0]];
    const kernel = ty * this.across + tx;
    if (x < 0 || y < 0 || col >= this.cols || row >= this.each || tx >= this.across || kernel >= this.kernels) return -1;
    return (kernel * this.each + row) * this.cols + col;
  }

  /** Rows of the picture for a layer; null in gaps and where `none(value)`. */
  picture(values, none) {
    const lines = Array.from({ length: this.high }, () => new Array(this.wide).fill(null));
    for (let place = 0; place < values.length; place += 1) {
      if (none(values[place]) || !this.shown(place)) continue;
      const [x, y] = this.drawn(place);
      lines[y][x] = values[place];
    }
    return lines;
  }

  /** Labels of the axes: where, and what. */
  ticks() {
    if (this.kernels > 1) {
      const middle = (n, step) => n * step + (step - 2) / 2;
      const down = Math.ceil(this.kernels / this.across);
      return {
        x: { at: [...Array(this.across).keys()].map((n) => middle(n, this.step[1])), text: [...Array(this.across).keys()].map((n) => `${n + 1}`) },
        y: { at: [...Array(down).keys()].map((n) => middle(n, this.step[0])), text: [...Array(down).keys()].map((n) => `${n * this.across + 1}..`) },
        names: ["kernels, counted across", "first kernel of the line"],
      };
    }
    if (this.kind === "neurons") {
      const numbers = [...Array(this.cols).keys()];
      return { x: { at: numbers, text: numbers.map((n) => `${n + 1}`) }, y: { at: [0, 1], text: ["x", "z"] }, names: ["neuron", "terminal"] };
    }
    const some = (total) => {
      const every = [1, 2, 5, 10, 20, 50, 100, 200].find((size) => total / size <= 20) ?? 500;
      const found = [...Array(total).keys()].map((n) => n + 1).filter((n) => n === 1 || n % every === 0);
      return { at: found.map((n) => n - 1), text: found.map(String) };
    };
    return { x: some(this.cols), y: some(this.rows), names: ["column (bit line)", "row (word line)"] };
  }
}
