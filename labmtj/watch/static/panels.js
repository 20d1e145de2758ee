// The parts of the page beside the map: each takes what the server says of it.
import { at, make, table } from "./dom.js";
import { about, clock, count, moment, percent, quantity } from "./units.js";

const SIGNS = { done: "✓", runs: "▶", waits: "·" };

/** The head: what is run, by whom, how it stands. */
export function head(run, bench) {
  const waits = `${bench?.title ?? "bench"}: waits for its next run`;
  at("title").textContent = run ? run.title || "A run" : waits;
  document.title = `${run ? run.title : bench?.title ?? "labmtj"} · labmtj watch`;
  at("state").textContent = run ? run.words : "no run";
  at("state").className = `pill ${run?.how ?? ""}`;
  const criteria = Object.entries(run?.abort ?? {}).map(([name, value]) => `${name} ${typeof value === "object" ? JSON.stringify(value) : value}`);
  const facts = !run ? { bench: bench?.title } : {
    operator: run.operator || "not said",
    sample: run.sample || "not said",
    bench: bench?.title,
    begun: moment(run.begun),
    ended: run.ended ? moment(run.ended) : null,
    "bench time": clock(run.time) + (run.simulated ? ", simulated" : ""),
    pulses: count(run.pulses) + (run.unresolved ? `, ${run.unresolved} ${run.process ? "in hand" : "without an outcome: to be read, not repeated"}` : ""),
    readings: count(run.readings),
    resumed: run.returns ? (run.returns === 1 ? "once" : `${run.returns} times`) : null,
    "ends if": criteria.length ? criteria.join(", ") : null,
    process: run.process.replace(/^process /, "") || null,
    folder: run.folder,
  };
  const rows = Object.entries(facts).filter(([, value]) => value);
  at("facts").replaceChildren(...rows.map(([name, value]) => make("div", {}, make("dt", { text: name }), make("dd", { text: value }))));
}

/** What has to be said aloud: why it ended, interlocks, faults of lines, what the guardian did. */
export function notices({ run, array, instruments, problem, lost, done }) {
  const said = [];
  const add = (text, kind = "") => text && said.push(make("div", { className: `notice ${kind}` }, make("p", { text })));
  add(lost, "bad");
  add(problem, "bad");
  const told = done?.stops && !done.bad && (!run?.process || run.asked.length > 0); // the run itself says it now
  if (!told) add(done?.text, done?.bad ? "bad" : "good");
  if (run?.size && run.read < run.size - 4096) add(`reading the journal: ${Math.round((100 * run.read) / run.size)} %`);
  for (const { what, user, wall } of run?.asked ?? []) {
    add(what === "stop" ? `${user} asked it to stop at ${moment(wall)}: after the cell in hand` : `${user} pressed safe at ${moment(wall)}`);
  }
  add(run?.aborted, "bad");
  if (run?.error) add(run.error, run.how === "stopped" ? "" : "bad");
  if (run && run.how !== "done") add(run.safety);
  const past = run?.aborted ? ' --past-abort "what you found"' : "";
  if (["stopped", "failed", "aborted", "interrupted"].includes(run?.how)) add(`continue with: labmtj resume ${run.folder}${past}`);
  for (const { name, latch } of instruments ?? []) add(latch && `${name}: ${latch}`, "bad");
  for (const [axis, number, text] of array?.faults ?? []) add(`${axis} ${number} ${text}`);
  const box = at("notices");
  if (box.textContent !== said.map((one) => one.textContent).join("")) box.replaceChildren(...said);
}

/** The list of steps and the time that is left. */
export function steps({ steps: listed, left, now }, going) {
  const rows = listed.map((step) => {
    const how = step.how === "runs" && !going ? "waits" : step.how;
    const name = step.name.replaceAll("_", " ") + (step.layer ? ` layer ${step.layer}` : "");
    const amount = step.items ? `${count(step.done)} of ${count(step.items)}` : "";
    const item = make("li", { className: how }, make("span", { className: "sign", text: SIGNS[how], attr: { "aria-label": how } }),
      make("span", { text: name }), make("span", { className: "soft", text: how === "done" ? clock(step.seconds) : amount }));
    if (step.number === now && step.items) item.append(make("progress", { value: step.done, max: step.items, attr: { "aria-label": `${name}: ${amount}` } }));
    if (step.line) item.append(make("span", { className: "line", text: step.line.replace(/ {2,}/g, " · ") }));
    return item;
  });
  at("steps").replaceChildren(...rows);
  const texts = [];
  if (left?.step !== null && left?.step !== undefined) texts.push(`about ${about(left.step)} left in this step`);
  const unknown = [...new Set(left?.unknown)].join(", ").replaceAll("_", " ");
  if (left?.run && left.run !== left.step) texts.push(`about ${about(left.run)} for the run${unknown ? ` without ${unknown}` : ""}`);
  else if (unknown) texts.push(`no estimate yet for ${unknown}`);
  if (left?.step || left?.run) texts.push("estimates, from the pace so far");
  at("left").textContent = texts.join(" · ");
}

/** The last readings and pulses, the latest first. */
export function readings(latest) {
  const result = (one) => {
    if (one.kind === "pulse") return quantity(one.width, "s");
    return one.ohm === undefined ? quantity(one.i, "A") : { text: quantity(one.ohm, "Ω"), title: quantity(one.i, "A") };
  };
  const rows = latest.toReversed().map((one) => [
    one.t === null ? "no outcome" : clock(one.t), `${one.kind} ${one.what}`, quantity(one.v, "V", 3), result(one)]);
  const heads = ["time", "what", ["voltage", "number"], ["result, width", "number"]];
  at("readings").replaceChildren(rows.length ? table(heads, rows) : make("p", { className: "soft", text: "Nothing was read yet." }));
}

/** How good the network is so far. */
export function accuracy(found) {
  const { rows = [], running = null, note = "" } = found ?? {};
  const lines = rows.map((row) => [row.label, percent(row.train), percent(row.test), percent(row.all) + (row.count ? ` of ${count(row.count)}` : "")]);
  if (running) lines.push([running.label, "", "", `${percent(running.all)} ${count(running.count)} of ${count(running.of)} ${running.what}`]);
  const parts = lines.length ? [table(["", ["train", "number"], ["test", "number"], ["all", "number"]], lines)] : [];
  if (!lines.length) parts.push(make("p", { className: "soft", text: "No inference yet." }));
  if (note) parts.push(make("p", { className: "soft", text: note }));
  at("accuracy").replaceChildren(...parts);
}

/** Instruments, who has them, and whether an interlock is latched. */
export function instruments(found, bench, uses) {
  const own = (name) => uses.filter(({ plug }) => plug === name || plug.startsWith(`${name}.`) || plug.startsWith(`${name} channel`));
  const closed = uses.reduce((sum, use) => sum + use.closed, 0);
  const last = (name, plugs) => (plugs.length || !closed ? own(name).map((use) => `${use.plug} ${use.does} ${use.lines}${use.volts === null ? "" : ` at ${quantity(use.volts, "V")}`}`).join(", ")
    : `${closed} relays closed`);
  const parts = found.map(({ name, title, address, serial, plugs, lease, latch }) => make("div", { className: "instrument" },
    make("div", {}, make("b", { text: name }), title + (serial ? `, serial ${serial}` : "")),
    make("div", { className: "soft", text: [address, ...plugs].join(" · ") }),
    last(name, plugs) ? make("div", { className: "soft", text: `last: ${last(name, plugs)}` }) : null,
    lease ? make("div", { className: "soft", text: lease === "free" ? "nobody has it" : `in the hands of ${lease}` }) : null,
    latch ? make("div", { className: "latched", text: latch }) : null));
  if (bench?.private) parts.push(make("p", { className: "soft", text: "Simulated in the process of the run: it has no leases and needs no guardian." }));
  at("instruments").replaceChildren(...parts);
}

/** Relays and channels of the last entry. */
export function wiring(uses, going) {
  const note = make("p", { className: "soft", text: uses.length
    ? `${going ? "" : "So it was at the last entry, before the process went. "}Derived from the last entry of the journal and the bench file; no instrument was asked.`
    : "None: no run is at work, or the last entry is about no lines." });
  const lines = uses.map(({ does, plug, lines: which, relays, closed, volts }) => [
    (plug === does ? does : `${plug} ${does}`.trim()) + (volts === null ? "" : ` at ${quantity(volts, "V")}`), which, relays.length ? `${relays.join(", ")} (${closed})` : ""]);
  at("wiring").replaceChildren(...(uses.length ? [table(["what", "lines", "closed relays"], lines)] : []), note);
}

/** Who did what to this bench. */
export function commands(found) {
  const rows = found.toReversed().map((one) => make("li", { text: `${moment(one.wall)} · ${one.what} · ${one.user} on ${one.host}${one.how ? `, by the ${one.how}` : ""}${one.why ? `: ${one.why}` : ""}` }));
  at("commands").replaceChildren(...(rows.length ? rows : [make("li", { className: "soft", text: "None that this host knows of." })]));
}
