// Elements, made without any HTML text: what a journal says is never taken for markup.

/** The element with this id. */
export const at = (id) => document.getElementById(id);

/** An element with properties (class, text, title, and attributes in `attr`) and children. */
export function make(tag, { text, attr, ...said } = {}, ...children) {
  const element = Object.assign(document.createElement(tag), said);
  if (text !== undefined) element.textContent = text;
  for (const [name, value] of Object.entries(attr ?? {})) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** A table: heads are texts, or [text, "number"] for columns set to the right; a text may be {text, span, title}. */
export function table(heads, rows) {
  const kinds = heads.map((head) => (Array.isArray(head) ? head[1] : ""));
  const names = heads.map((head) => (Array.isArray(head) ? head[0] : head));
  const one = (tag, said, n) => (said?.text === undefined ? make(tag, { text: said, className: kinds[n] })
    : make(tag, { text: said.text, title: said.title ?? "", colSpan: said.span ?? 1, className: said.span ? "" : kinds[n] }));
  const line = (tag, texts) => make("tr", {}, ...texts.map((said, n) => one(tag, said, n)));
  return make("table", {}, make("thead", {}, line("th", names)), make("tbody", {}, ...rows.map((row) => line("td", row))));
}

/** A variable of the style sheet, as it is in the present theme. */
export const shade = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
