// Stop, safe, and the answer to a question: each asks once more, in the page itself.
import { at, make } from "./dom.js";
import { command } from "./net.js";

const STOP = "Stop after the cell in hand? The bench is left safe, and the run can be resumed.";
const SAFE_HERE = "Stop at once? Sources go to 0 V and off, relays open; the cell in hand may be half written. The run can be resumed.";
const SAFE_BENCH = "Bring every source to 0 V and off and open every relay, now? Whoever has the bench is shut out; a run that goes on fails, and can be resumed.";

/** The buttons; `said({text, bad, stops})` is told what came of one, and whether it stops the run that is shown. */
export class Buttons {
  constructor(said) {
    Object.assign(this, { said, private: true, todo: null, number: null });
    at("stop").addEventListener("click", () => this.#ask(STOP, "stop"));
    at("safe").addEventListener("click", () => this.#ask(this.private ? SAFE_HERE : SAFE_BENCH, "safe"));
    at("confirm-yes").addEventListener("click", () => this.#do());
    at("confirm-no").addEventListener("click", () => this.#leave());
    at("confirm").addEventListener("keydown", (event) => { if (event.key === "Escape") this.#leave(); });
  }

  /** What may be pressed now. */
  update(run, bench, lookOnly) {
    this.private = bench?.private ?? true;
    at("buttons").hidden = lookOnly || (!run && this.private);
    const going = Boolean(run?.reachable);
    at("stop").disabled = !going || run.asked.length > 0;
    at("safe").disabled = this.private && !going;
    if (this.todo === "stop" && !going) this.#leave();
    this.#question(run?.question ?? null, lookOnly);
  }

  #ask(text, todo) {
    this.todo = todo;
    at("confirm-text").textContent = text;
    at("confirm-yes").textContent = todo === "stop" ? "Yes, stop" : "Yes, make it safe";
    at("confirm").hidden = false;
    at("confirm-yes").focus();
  }

  #leave() {
    const from = this.todo;
    this.todo = null;
    at("confirm").hidden = true;
    if (from) at(from).focus();
  }

  async #do() {
    const { todo } = this;
    this.#leave();
    if (todo) await this.#send(todo, {});
  }

  async #send(name, content) {
    const stops = name === "stop" || (name === "safe" && this.private);
    try {
      const { ok, text } = await command(name, content);
      this.said({ text, bad: !ok, stops });
    } catch (error) {
      this.said({ text: error.message, bad: true });
    }
  }

  /** What the run waits for, with a button for each answer. */
  #question(question, lookOnly) {
    const box = at("question");
    box.hidden = question === null;
    if (question === null) { this.number = null; return; }
    if (this.number === question.number) return;
    this.number = question.number;
    const buttons = lookOnly ? [] : question.answers.map((answer) => {
      const button = make("button", { text: answer, type: "button" });
      button.addEventListener("click", async () => {
        for (const other of box.querySelectorAll("button")) other.disabled = true;
        await this.#send("answer", { number: question.number, answer });
      });
      return button;
    });
    box.replaceChildren(make("p", { text: `The run asks: ${question.text}` }), ...buttons);
  }
}
