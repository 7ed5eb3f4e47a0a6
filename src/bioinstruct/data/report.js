"use strict";
const at = (id) => document.getElementById(id);
const list = at("list"), space = at("space"), panel = at("item"), over = at("over");
const SELECTS = ["task", "seen", "pattern", "sort"];
let index = {systems: [], tasks: [], task: [], id: [], seen: [], flagged: [], score: []};
let total = 0, ready = 0, texts = [], hay = [], shown = [], chosen = -1, words = [], height = 84;
let narrowed = null; /* the last search: its words, and the items that have them all */
const notes = new Map();

function made(tag, kind, text) {
  const element = document.createElement(tag);
  if (kind) element.className = kind;
  if (text !== undefined) element.textContent = text;
  return element;
}
function say(text) { at("status").textContent = text; }
const count = (number) => number.toLocaleString("en");

/* Control characters and marks of direction are shown, so that none can hide or turn a text. */
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
function visible(text) {
  return String(text).replace(HIDDEN, (one) => "\\u" + one.charCodeAt(0).toString(16).padStart(4, "0"));
}

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;,=>?@^_`{|}~";
const DIGITS = new Uint8Array(128);
[...ALPHABET].forEach((letter, digit) => { DIGITS[letter.charCodeAt(0)] = digit; });

/* Four bytes for five letters; a last group that is shorter is filled up with the highest digit. */
function decode(text) {
  const whole = text.length - text.length % 5, rest = text.length - whole;
  const bytes = new Uint8Array(whole / 5 * 4 + (rest ? rest - 1 : 0));
  let to = 0;
  for (let from = 0; from < text.length; from += 5) {
    let value = 0;
    for (let unit = 0; unit < 5; unit++)
      value = value * 85 + (from + unit < text.length ? DIGITS[text.charCodeAt(from + unit)] : 84);
    bytes[to++] = value >>> 24; /* what lies outside of a typed array is dropped */
    bytes[to++] = value >>> 16;
    bytes[to++] = value >>> 8;
    bytes[to++] = value;
  }
  return bytes;
}

async function unpack(text) {
  const stream = new Blob([decode(text)]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

async function load() {
  const parts = [...document.querySelectorAll("script.items")];
  if (!parts.length) { say("No items."); return; }
  if (typeof DecompressionStream === "undefined") {
    say("This browser cannot unpack the items: it needs one of 2023 or later.");
    return;
  }
  index = await unpack(parts[0].textContent);
  parts[0].remove();
  total = index.task.length;
  controls();
  readAddress();
  for (const part of parts.slice(1)) {
    add(await unpack(part.textContent));
    part.remove();
    say(`Unpacking: ${Math.round(100 * ready / total)} %`);
  }
  matching(["\u0000"]); /* compiled once, so that the first key is as fast as the next */
  narrowed = null;
  filter(true);
}

/* Take over a portion of texts; what is searched is in lower case, each item as one string. */
function add(portion) {
  const size = portion.id ? portion.id.length : portion.input.length;
  for (let place = 0; place < size; place++) {
    texts.push([portion, place]);
    const said = portion.answers.map((column) => column.answer[place] || "");
    hay.push([portion.instructions[portion.instruction[place]], portion.input[place], portion.gold[place],
      ...said, index.id[ready + place], portion.document[place]].join("\n").toLowerCase());
  }
  ready += size;
}

function controls() {
  const often = new Map();
  for (const task of index.task) often.set(task, (often.get(task) || 0) + 1);
  at("task").replaceChildren(new Option("all", ""), ...index.tasks.map((task, number) =>
    new Option(`${visible(task.name)}, ${visible(task.split)} (${count(often.get(number) || 0)})`, String(number))));
  const sorts = [["", "as asked"], ["length", "longest input"], ["short", "shortest input"]];
  index.systems.forEach((name, number) => sorts.push([`s${number}`, `score of ${visible(name)}, lowest first`]));
  if (index.systems.length > 1) sorts.push(["gain", "gain of the last, highest first"], ["loss", "gain of the last, lowest first"]);
  at("sort").replaceChildren(...sorts.map(([value, name]) => new Option(name, value)));
  at("verdicts").replaceChildren(...index.systems.map((name, number) => {
    const label = made("label", "", visible(name)), select = document.createElement("select");
    select.id = `verdict-${number}`;
    select.append(new Option("all", ""), new Option("right", "right"), new Option("partly right", "part"),
      new Option("wrong", "wrong"), new Option("not counted", "none"));
    select.addEventListener("change", () => filter(true));
    label.append(select);
    return label;
  }));
}

function verdict(score) {
  return score < 0 ? "none" : score === 100 ? "right" : score === 0 ? "wrong" : "part";
}

function terms(text) {
  return [...text.toLowerCase().matchAll(/"([^"]+)"|[^\s"]+/g)].map((found) => found[1] || found[0]);
}

/* Items with all words: of those that the last search left, if each of its words is in a new one. */
function matching(wanted) {
  if (!wanted.length) { narrowed = null; return null; }
  const within = narrowed && narrowed.ready === ready && narrowed.words.every((old) => wanted.some((word) => word.includes(old)));
  const from = within ? narrowed.places : null, places = [];
  const longest = [...wanted].sort((a, b) => b.length - a.length);
  for (let number = 0; number < (from ? from.length : ready); number++) {
    const place = from ? from[number] : number, text = hay[place];
    if (longest.every((word) => text.includes(word))) places.push(place);
  }
  narrowed = {words: wanted, places, ready};
  return places;
}

function filter(moved) {
  const started = performance.now();
  words = terms(at("find").value);
  const found = matching(words), task = at("task").value, seen = at("seen").value, pattern = at("pattern").value;
  const wanted = index.systems.map((_, number) => [number, at(`verdict-${number}`).value]).filter(([, value]) => value);
  const kept = [], score = index.score, systems = index.systems.length;
  for (let number = 0; number < (found ? found.length : ready); number++) {
    const place = found ? found[number] : number;
    if (task && String(index.task[place]) !== task) continue;
    if (seen && String(index.seen[place]) !== seen) continue;
    if (pattern && !fits(pattern, place, score, systems)) continue;
    if (wanted.every(([system, value]) => score[system][place] !== -2 && verdict(score[system][place]) === value)) kept.push(place);
  }
  const before = chosen >= 0 ? shown[chosen] : -1;
  shown = sorted(kept);
  chosen = before >= 0 ? shown.indexOf(before) : -1;
  if (moved) list.scrollTop = 0;
  if (chosen < 0) {
    list.removeAttribute("aria-activedescendant");
    panel.replaceChildren(made("p", "quiet", shown.length ? "Choose an item." : "Nothing to show."));
  }
  say(`${count(shown.length)} of ${count(total)} items`);
  measure();
  if (chosen >= 0 && words.length) detail(shown[chosen]);
  writeAddress();
  document.documentElement.dataset.filtered = (performance.now() - started).toFixed(1);
}

function fits(pattern, place, score, systems) {
  if (pattern === "flagged") return index.flagged[place] === 1;
  if (pattern === "noted") return notes.has(key(place));
  let first = "";
  for (let system = 0; system < systems; system++) {
    const value = score[system][place];
    if (value === -2) continue;
    const now = verdict(value);
    if (pattern !== "apart" && now !== pattern) return false;
    if (pattern === "apart" && first && now !== first) return true;
    first = now;
  }
  return pattern !== "apart" && first !== "";
}

function sorted(places) {
  const by = at("sort").value, score = index.score, last = score.length - 1;
  const length = (place) => texts[place][0].input[texts[place][1]].length;
  const gain = (place) => Math.max(0, score[last][place]) - Math.max(0, score[0][place]);
  const of = by === "length" ? (place) => -length(place) : by === "short" ? length
    : by === "gain" ? (place) => -gain(place) : by === "loss" ? gain
      : by ? (place) => score[Number(by.slice(1))][place] : null;
  if (!of) return places;
  const values = new Map(places.map((place) => [place, of(place)]));
  return places.sort((a, b) => values.get(a) - values.get(b) || a - b);
}

function measure() {
  height = 5.25 * parseFloat(getComputedStyle(document.documentElement).fontSize);
  space.style.height = `${shown.length * height}px`;
  draw();
}

/* Only the rows in view are in the document. */
function draw() {
  const first = Math.max(0, Math.floor(list.scrollTop / height) - 4);
  const last = Math.min(shown.length, Math.ceil((list.scrollTop + list.clientHeight) / height) + 4);
  const rows = [];
  for (let place = first; place < last; place++) rows.push(line(place));
  space.replaceChildren(...rows);
}

function line(place) {
  const item = shown[place], [portion, row] = texts[item], element = made("div", "row");
  element.id = `row-${place}`;
  element.style.top = `${place * height}px`;
  element.setAttribute("role", "option");
  element.setAttribute("aria-selected", String(place === chosen));
  element.setAttribute("aria-setsize", String(shown.length));
  element.setAttribute("aria-posinset", String(place + 1));
  element.dataset.place = String(place);
  const marks = made("div", "marks");
  index.systems.forEach((name, system) => {
    const score = index.score[system][item];
    if (score === -2) return;
    if (marks.childNodes.length) marks.append(" \u00b7 ");
    marks.append(made("span", verdict(score), `${visible(name)} ${word(score)}`));
  });
  const text = portion.input[row] || portion.instructions[portion.instruction[row]];
  element.append(made("div", "meta", visible(index.tasks[index.task[item]].name)), made("div", "", visible(text.slice(0, 200))), marks);
  return element;
}

function word(score) {
  return {right: "right", wrong: "wrong", none: "not counted"}[verdict(score)] || `.${String(score).padStart(2, "0")}`;
}

/* A text with the words that were searched, and with spans: lists of start, end and class. */
function marked(element, text, spans) {
  const letters = [...text], kinds = letters.map(() => "");
  for (const [start, end, kind] of spans || [])
    for (let place = start; place < end && place < kinds.length; place++)
      if (!kinds[place].includes(kind)) kinds[place] += ` ${kind}`;
  if (words.length) {
    const lower = letters.map((one) => one.toLowerCase().slice(0, one.length)), whole = lower.join("");
    const places = [];
    lower.forEach((one, number) => { for (let unit = 0; unit < one.length; unit++) places.push(number); });
    for (const wanted of words)
      for (let from = whole.indexOf(wanted); from >= 0; from = whole.indexOf(wanted, from + 1))
        for (let unit = from; unit < from + wanted.length; unit++)
          if (!kinds[places[unit]].includes("found")) kinds[places[unit]] += " found";
  }
  let start = 0;
  for (let place = 1; place <= letters.length; place++) {
    if (place < letters.length && kinds[place] === kinds[start]) continue;
    const part = visible(letters.slice(start, place).join(""));
    if (!kinds[start]) element.append(part);
    else element.append(made(kinds[start].includes("found") ? "mark" : "span", kinds[start].trim(), part));
    start = place;
  }
  return element;
}

function detail(item) {
  const [portion, row] = texts[item], task = index.tasks[index.task[item]], parts = [];
  const instruction = portion.instructions[portion.instruction[row]], input = portion.input[row];
  const heading = (text) => parts.push(made("h3", "", text));
  heading("Instruction");
  parts.push(marked(made("p", "text"), instruction));
  if (input) {
    heading("Input");
    const gold = portion.spans[row] || [];
    parts.push(marked(made("p", "text input"), input, gold.map(([start, end]) => [start, end, "in-gold"])));
  }
  heading("Gold");
  parts.push(marked(made("p", "text gold"), portion.gold[row]));
  heading("Answers");
  const answers = made("div", "answers");
  index.systems.forEach((_, system) => { if (index.score[system][item] !== -2) answers.append(answer(system, item)); });
  parts.push(answers);
  task.frames.forEach((frame, number) => {
    if (!frame.length) return;
    const who = index.systems.filter((_, system) => task.of[system] === number || (task.of[system] === -1 && task.frames.length === 1));
    const fold = made("details"), text = made("pre", "text");
    fold.append(made("summary", "", `Prompt as given to ${who.map(visible).join(", ")}`), text);
    text.textContent = visible(frame[input ? 0 : 1].replaceAll("\ue000instruction\ue000", () => bare(instruction)).replaceAll("\ue000input\ue000", () => bare(input)));
    parts.push(fold);
  });
  parts.push(about(item, portion, row, task), note(item));
  panel.replaceChildren(...parts);
}

/* The layouts put a backslash before a line of a record that looks like one of their marks. */
function bare(text) {
  return text.replace(/^([^\S\n]*)(###[^\S\n]*(?:Instruction|Input|Response|Output)[^\S\n]*:)/gm, "$1\\$2");
}

function answer(system, item) {
  const [portion, row] = texts[item], column = portion.answers[system], score = index.score[system][item];
  const box = made("div", "answer"), said = column.answer[row];
  const head = made("h4", "", `${visible(index.systems[system])}: `);
  head.append(made("span", verdict(score), word(score)));
  box.append(head);
  if (said === null) box.append(made("p", "quiet", "no answer"));
  else box.append(said === "" ? made("p", "quiet", "nothing written") : marked(made("p", "text"), said));
  const spans = column.spans[row];
  if (spans && spans.length + (portion.spans[row] || []).length) {
    const both = [...(portion.spans[row] || []).map(([start, end]) => [start, end, "in-gold"]), ...spans.map(([start, end]) => [start, end, "in-said"])];
    box.append(made("p", "quiet", "found (underlined) and gold (green):"), marked(made("p", "text"), portion.input[row], both));
  }
  const likelihoods = column.likelihoods[row], options = portion.choices[portion.options[row]];
  if (likelihoods) {
    const table = document.createElement("table"), order = options.map((_, number) => number).sort((a, b) => likelihoods[b] - likelihoods[a]);
    const top = table.createTHead().insertRow();
    for (const name of ["option", "log-likelihood"]) { const cell = made("th", "", name); cell.scope = "col"; top.append(cell); }
    const body = table.createTBody();
    for (const number of order) {
      const line = body.insertRow();
      line.append(made("td", options[number] === portion.gold[row] ? "right" : "", visible(options[number])), made("td", "n", likelihoods[number].toFixed(2)));
    }
    box.append(table);
  }
  if (column.flags[row]) box.append(made("p", "quiet", column.flags[row].map(visible).join(", ")));
  return box;
}

function about(item, portion, row, task) {
  const list = document.createElement("dl"), seen = {1: "seen", 0: "unseen"}[index.seen[item]] || "not known";
  const form = portion.form[row];
  const facts = [["task", `${task.name}, ${task.split}, ${task.how}`], ["scored by", task.metric], ["training data", seen],
    ["document", portion.document[row]], ["id", index.id[item]]];
  if (form) facts.push(["form", `order ${form[1]}, wording ${form[2]}`]);
  for (const [name, value] of facts) list.append(made("dt", "", name), made("dd", "", visible(value)));
  return list;
}

function key(item) {
  const task = index.tasks[index.task[item]];
  return `${task.name}/${task.split}/${index.id[item]}`;
}

function note(item) {
  const label = made("label", "", "Note"), text = document.createElement("textarea");
  text.id = "note";
  text.value = notes.get(key(item)) || "";
  text.addEventListener("input", () => {
    if (text.value) notes.set(key(item), text.value); else notes.delete(key(item));
    writeAddress();
  });
  label.append(text);
  return label;
}

function choose(place, scroll = true) {
  if (place < 0 || place >= shown.length) return;
  chosen = place;
  const top = place * height;
  if (scroll && top < list.scrollTop) list.scrollTop = top;
  if (scroll && top + height > list.scrollTop + list.clientHeight) list.scrollTop = top + height - list.clientHeight;
  draw();
  list.setAttribute("aria-activedescendant", `row-${place}`);
  detail(shown[place]);
  panel.parentElement.scrollTop = 0;
  writeAddress();
}

/* The address has the filters, the item and the notes: it can be sent with the file. */
let wanted = "", waitingAddress = 0;
function readAddress() {
  let found;
  try { found = new URLSearchParams(location.hash.slice(1)); } catch { return; }
  at("find").value = found.get("q") || "";
  for (const name of SELECTS) pick(at(name), found.get(name) || "");
  (found.get("v") || "").split(".").forEach((value, system) => { const select = at(`verdict-${system}`); if (select) pick(select, value); });
  wanted = found.get("item") || "";
  try {
    for (const [name, text] of JSON.parse(found.get("notes") || "[]")) notes.set(String(name), String(text));
  } catch { /* not ours */ }
}
function pick(select, value) {
  if ([...select.options].some((option) => option.value === value)) select.value = value;
}
function writeAddress() {
  if (ready < total) return;
  if (wanted) { /* the item that the address named, once there are items */
    const place = shown.findIndex((item) => key(item) === wanted);
    wanted = "";
    if (place >= 0) { choose(place); open(); at("items").scrollIntoView(); return; }
  }
  clearTimeout(waitingAddress);
  waitingAddress = setTimeout(store, 150);
}
function store() {
  const state = new URLSearchParams();
  if (at("find").value) state.set("q", at("find").value);
  for (const name of SELECTS) if (at(name).value) state.set(name, at(name).value);
  const verdicts = index.systems.map((_, system) => at(`verdict-${system}`).value);
  if (verdicts.some(Boolean)) state.set("v", verdicts.join("."));
  if (chosen >= 0) state.set("item", key(shown[chosen]));
  const text = JSON.stringify([...notes]), fit = text.length < 4000;
  if (notes.size && fit) state.set("notes", text);
  at("noted").textContent = notes.size ? `${count(notes.size)} note${notes.size > 1 ? "s" : ""}${fit ? ", kept in the address" : ": too long for the address, export them"}` : "";
  const hash = state.toString();
  if (hash || location.hash) history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
}
at("export").addEventListener("click", () => {
  const text = [...notes].map(([item, note]) => JSON.stringify({item, note})).join("\n");
  const link = made("a"), url = URL.createObjectURL(new Blob([text ? `${text}\n` : ""], {type: "application/jsonl"}));
  link.href = url;
  link.download = "notes.jsonl";
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
});
addEventListener("hashchange", () => { if (ready === total && location.hash !== "#items") { readAddress(); filter(true); } });

const narrow = matchMedia("(max-width: 55.99rem)");
function open() {
  if (!narrow.matches || chosen < 0 || over.open) return;
  over.append(panel);
  over.showModal();
}
over.addEventListener("close", () => { at("side").append(panel); list.focus({preventScroll: true}); });
narrow.addEventListener("change", () => { if (over.open) over.close(); });
at("close").addEventListener("click", () => over.close());
at("before").addEventListener("click", () => choose(chosen - 1));
at("after").addEventListener("click", () => choose(chosen + 1));
list.addEventListener("scroll", draw, {passive: true});
addEventListener("resize", measure);
list.addEventListener("click", (event) => {
  const row = event.target.closest(".row");
  if (row) { choose(Number(row.dataset.place)); open(); }
});
list.addEventListener("keydown", (event) => {
  const page = Math.max(1, Math.floor(list.clientHeight / height) - 1);
  const to = {ArrowDown: chosen + 1, ArrowUp: Math.max(0, chosen - 1), PageDown: Math.min(shown.length - 1, chosen + page),
    PageUp: Math.max(0, chosen - page), Home: 0, End: shown.length - 1}[event.key];
  if (to !== undefined) { event.preventDefault(); choose(to); }
  else if (event.key === "Enter") { event.preventDefault(); open(); }
});
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
  if (event.key === "j") choose(chosen + 1);
  else if (event.key === "k") choose(Math.max(0, chosen - 1));
  else if (event.key === "/" && !over.open) { event.preventDefault(); at("find").focus(); }
});
at("find").addEventListener("input", () => filter(true));
for (const name of SELECTS) at(name).addEventListener("change", () => filter(true));
at("tools").addEventListener("submit", (event) => { event.preventDefault(); filter(true); });
load();
