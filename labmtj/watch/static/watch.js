// The page: takes the news and gives each part of it to whom it belongs.
import { Buttons } from "./buttons.js";
import { CellPanel } from "./cell.js";
import { Cells } from "./cells.js";
import { readingsChart, scaleCurve } from "./charts.js";
import { at } from "./dom.js";
import { ArrayMap } from "./map.js";
import { follow } from "./net.js";
import * as panels from "./panels.js";

const CHART = 1000; // [ms] between two pictures of the last readings: a bench computer has other things to do

const known = { lost: null, done: null };
let cells = null;

const map = new ArrayMap((place, how) => panel.point(place, how));
const panel = new CellPanel(map);
const buttons = new Buttons((said) => { known.done = said; panels.notices(known); });

let chartDue = null;

/** Draw the last readings, not at once each time. */
function chart() {
  chartDue ??= setTimeout(() => {
    chartDue = null;
    readingsChart(known.readings ?? []);
  }, CHART);
}

function array(found) {
  known.array = found;
  at("map-title").textContent = found.kind === "neurons" ? "Neurons" : "Array";
  const same = cells !== null && cells.rows === found.rows && cells.cols === found.cols && cells.kernels === found.kernels;
  if (!same) {
    cells = new Cells(found);
    panel.forget(cells);
    document.body.classList.toggle("broad", cells.wide > 60);
  }
  map.show(cells, found);
}

function forget() {
  cells = null;
  for (const name of Object.keys(known)) known[name] = null;
}

function take(news, fresh) {
  if (fresh) forget();
  const { parts } = news;
  Object.assign(known, parts);
  if (parts.array) array(parts.array);
  if (news.cells && cells) {
    cells.take(news.cells);
    map.redraw();
    panel.refresh();
  }
  const going = ["running", "waiting"].includes(known.run?.how);
  if (parts.run || parts.bench) panels.head(known.run, known.bench);
  document.body.classList.toggle("waits", !known.run);
  if (parts.steps || parts.run) panels.steps(known.steps ?? { steps: [] }, going);
  if (parts.readings) { panels.readings(parts.readings); chart(); }
  if (parts.accuracy || fresh) { panels.accuracy(known.accuracy); scaleCurve(known.accuracy?.curve ?? {}); }
  if (parts.instruments || parts.bench || parts.wiring) panels.instruments(known.instruments ?? [], known.bench, known.wiring ?? []);
  if (parts.wiring || parts.run) panels.wiring(known.wiring ?? [], going);
  if (parts.commands) panels.commands(parts.commands);
  buttons.update(known.run, known.bench, news.look_only);
  panels.notices(known);
}

function lost(text) {
  if (known.lost === text) return;
  known.lost = text;
  panels.notices(known);
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  readingsChart(known.readings ?? []);
  scaleCurve(known.accuracy?.curve ?? {});
});
// plotly.js is a plain script, deferred like this module and before it: it is there when this runs.
follow(take, lost);
