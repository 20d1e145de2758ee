// Asking the server: news in a loop, a cell's history, commands. The cookie that came with the page holds the token.

const PAUSE = 500; // [ms] between two pieces of news: nobody reads faster
const HIDDEN = 3000; // [ms] while nobody looks
const GONE = 2000; // [ms] before the server is tried again

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** What the server says, as an object; throws with its words where it refuses. */
async function ask(path, options) {
  const answer = await fetch(path, { credentials: "same-origin", cache: "no-store", ...options });
  const text = await answer.text();
  let said;
  try {
    said = JSON.parse(text);
  } catch {
    said = { error: text };
  }
  if (!answer.ok) throw Object.assign(new Error(said.error ?? answer.statusText), { status: answer.status });
  return said;
}

/** For ever: `take` each piece of news; `lost` with a text when the server does not answer, with null when it does. */
export async function follow(take, lost) {
  let edition = 0;
  let epoch = -1;
  for (;;) {
    try {
      const hold = document.hidden ? 0 : 1;
      const news = await ask(`/news?since=${edition}&epoch=${epoch}&hold=${hold}`);
      lost(null);
      const fresh = news.epoch !== epoch;
      ({ edition, epoch } = news);
      await take(news, fresh);
      await pause(document.hidden ? HIDDEN : PAUSE);
    } catch (error) {
      if (error.status === 403 || error.status === 421) {
        lost("This page is not known to the server any more: open the address that labmtj watch has printed.");
        return;
      }
      if (!(error instanceof TypeError) && error.status === undefined) console.error(error);
      lost("The page's server does not answer: was it ended? The run is not touched by that.");
      await pause(GONE);
    }
  }
}

/** The history of a cell, lines from 1. */
export const history = (row, col) => ask(`/cell?row=${row}&col=${col}`);

/** Send a command; what was done, in words. */
export const command = (name, said = {}) =>
  ask(`/${name}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(said) });
