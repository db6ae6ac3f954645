"use strict";
// Draws what `scratchrs status --json` says, which is in the element `data`. Names come from the
// disk and are hostile: they reach the page as text only.

const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const DAY = 24 * 60 * 60 * 1000, now = Date.parse(data.generated);

// --- What people read ---
/** A text in which what cannot be seen, or turns the line around, can be seen. */
const visible = (text) => text.replace(
  /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/g,
  (hidden) => `\\u{${hidden.charCodeAt(0).toString(16)}}`,
);
const number = (value) => value.toLocaleString("en");
const counted = (value, one) => `${number(value)} ${one}${value === 1 ? "" : "s"}`;

/** A size in binary units, as in the program. */
function size(bytes) {
  if (bytes < 1024) return counted(bytes, "byte");
  const units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
  let value = bytes / 1024;
  while (value >= 1023.95 && units.length > 1) { value /= 1024; units.shift(); }
  return `${value.toFixed(1)} ${units[0]}`;
}

/** How long ago, in days of the calendar. */
function age(time) {
  if (time === null) return "never logged";
  const date = time.slice(0, 10);
  const days = Math.round((Date.parse(data.generated.slice(0, 10)) - Date.parse(date)) / DAY);
  if (!(days >= 0)) return `on ${date}`;
  if (days < 2) return days === 0 ? "today" : "yesterday";
  if (days < 60) return `${days} days ago`;
  return days < 730 ? `${Math.floor(days / 30)} months ago` : `${Math.floor(days / 365)} years ago`;
}

function referencedBy(entry) {
  const names = entry.is_orphan ? 0 : entry.names;
  const parts = [[entry.manifests, "manifest"], [entry.artifact_files, "artifact file"], [entry.projects, "project"], [names, "name"]]
    .filter(([count]) => count > 0).map(([count, one]) => counted(count, one));
  if (entry.is_held) parts.push("perhaps an unreadable file");
  if (parts.length > 0) return parts.join(", ");
  return stateOf(entry) === 2 && entry.until !== null ? `nothing (deletable on ${entry.until.slice(0, 10)})` : "nothing";
}

// --- Ways to tell entries apart: for each a name, its classes and the class of an entry ---
const references = (entry) => entry.manifests + entry.artifact_files + entry.projects + entry.names;
const STATES = ["in use", "perhaps in use", "unreachable, pending", "deletable"];
function stateOf(entry) {
  if (!entry.is_orphan) return references(entry) > 0 ? 0 : 1;
  return entry.until !== null && Date.parse(entry.until) <= now ? 3 : 2;
}
const KINDS = ["package", "artifact", "space", "clone", "store"];
const AGES = [["within a week", 7], ["within a month", 30], ["within 3 months", 91], ["within a year", 365], ["longer ago", Infinity], ["never logged"]];
const SIZES = [["1 GiB and more", 2 ** 30], ["100 MiB to 1 GiB", 100 * 2 ** 20], ["10 to 100 MiB", 10 * 2 ** 20], ["1 to 10 MiB", 2 ** 20], ["less than 1 MiB", 0]];
const ageOf = (entry) => {
  if (entry.last_used === null) return 5;
  const days = (now - Date.parse(entry.last_used)) / DAY;
  return Math.max(0, AGES.findIndex(([, limit]) => !(days > limit)));
};
const CLASSES = {
  kind: { title: "kind", names: KINDS.map((kind) => kind === "store" ? kind : `${kind}s`), of: (entry) => KINDS.indexOf(entry.kind) },
  state: { title: "reachable or not", names: STATES, of: stateOf },
  age: { title: "last use", names: AGES.map(([name]) => name), of: ageOf },
  size: { title: "size", names: SIZES.map(([name]) => name), of: (entry) => SIZES.findIndex(([, least]) => entry.bytes >= least) },
};
const GROUPS = {
  package: { title: "package", name: (entry) => entry.package ?? "no known package" },
  none: { title: "nothing", name: () => "everything" },
};
for (const [key, { title, names, of }] of Object.entries(CLASSES)) {
  GROUPS[key] = { title, name: (entry) => names[of(entry)] };
}

// --- The treemap: what is shown, and where ---
/** Below these areas, in square pixels, items are shown together as "and N smaller". */
const LEAST_TILE = 260, LEAST_GROUP = 9000;
/** However small they are, so many are shown; however large the window is, no more than so many. */
const AT_LEAST = 40, AT_MOST = 400;
const HEAD = 20;

const sum = (items) => items.reduce((total, item) => total + item.bytes, 0);

/** The largest of `items`, which are sorted, with their weights, and what is left as one item. */
function largest(items, area, leastArea, atLeast) {
  const total = Math.max(sum(items), 1);
  let count = items.findIndex((item, index) =>
    index >= AT_MOST || (index >= atLeast && item.bytes / total * area < leastArea));
  if (count < 0 || count === items.length - 1) count = items.length;
  // What is empty has its place, too.
  const floor = total * Math.min(leastArea / area, 0.5 / items.length);
  const shown = items.slice(0, count).map((item) => ({ item, weight: Math.max(item.bytes, floor) }));
  const rest = items.slice(count);
  if (rest.length > 0) {
    // Many small ones leave room for those that can be seen.
    const room = shown.reduce((all, { weight }) => all + weight, 0);
    const weight = Math.min(Math.max(sum(rest), floor), room / 2);
    shown.push({ rest, weight, isToScale: weight >= sum(rest) });
  }
  return shown;
}

/** The rectangles of weights in a rectangle: the squarified treemap of Bruls, Huizing and van Wijk. */
function squarify(weights, { x, y, w, h }) {
  const scale = w * h / weights.reduce((total, weight) => total + weight, 0);
  const areas = weights.map((weight) => weight * scale);
  const placed = [];
  while (placed.length < areas.length) {
    const start = placed.length, side = Math.min(w, h);
    let end = start, area = 0, worst = Infinity, least = Infinity, most = 0;
    for (; end < areas.length; end++) {
      const next = area + areas[end];
      least = Math.min(least, areas[end]);
      most = Math.max(most, areas[end]);
      const ratio = Math.max(side * side * most / (next * next), next * next / (side * side * least));
      if (ratio > worst) break;
      worst = ratio;
      area = next;
    }
    const depth = area / side;
    let along = 0;
    for (const part of areas.slice(start, end)) {
      const length = part / depth;
      placed.push(w <= h ? { x: x + along, y, w: length, h: depth } : { x, y: y + along, w: depth, h: length });
      along += length;
    }
    if (w <= h) { y += depth; h = Math.max(h - depth, 1e-6); } else { x += depth; w = Math.max(w - depth, 1e-6); }
  }
  return placed;
}

/** The entries in groups, the largest group first. */
function grouped(entries, name) {
  const groups = new Map();
  for (const entry of entries) {
    const key = name(entry);
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(entry);
  }
  const withSums = [...groups].map(([name, entries]) => ({ name, entries, bytes: sum(entries) }));
  return withSums.sort((a, b) => b.bytes - a.bytes);
}

// --- The treemap: on the page ---
const currentKey = () => cells.find(({ button }) => button.tabIndex === 0)?.key;

/** The views that were opened, one in the other; each has a title, entries, and whether in groups. */
let views = [];
/** The tiles that are shown, with where they are. */
let cells = [];

const element = (name, { role, label, ...properties } = {}, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  if (role) made.setAttribute("role", role);
  if (label) made.setAttribute("aria-label", label);
  made.append(...children);
  return made;
};

function place(node, { x, y, w, h }) {
  Object.assign(node.style, { left: `${x}px`, top: `${y}px`, width: `${w}px`, height: `${h}px` });
}

/** Adds a button to the map. `origin` is where its parent stands. */
function addCell(parent, origin, rect, key, label, texts, classes, open) {
  const button = element("button", { type: "button", className: classes, tabIndex: -1, title: label, label, onclick: open });
  if (rect.w > 34 && rect.h > 15) button.append(...texts.slice(0, rect.h > 34 ? 2 : 1).map((text) => element("span", { textContent: text })));
  if (rect.w < 12 || rect.h < 12) button.style.padding = "0";
  place(button, { ...rect, x: rect.x - origin.x, y: rect.y - origin.y });
  const cell = { button, key, ...rect };
  button.addEventListener("focus", () => setCurrent(cell));
  parent.append(button);
  cells.push(cell);
}

function drawEntries(parent, origin, entries, rect) {
  if (rect.w < 4 || rect.h < 4 || entries.length === 0) return;
  const shown = largest(entries, rect.w * rect.h, LEAST_TILE, views.at(-1).isGrouped ? 1 : AT_LEAST);
  squarify(shown.map(({ weight }) => weight), rect).forEach((room, index) => {
    const { item, rest, isToScale } = shown[index];
    if (rest) return addRest(parent, origin, room, rest, "", isToScale, () => openView(`${number(rest.length)} smaller`, rest, false));
    const name = visible(item.label), scheme = CLASSES[$("colour").value];
    const label = `${name}, ${item.kind}, ${size(item.bytes)}, ${item.is_orphan ? "unreachable since" : "last used"} ${age(item.last_used)}, ${STATES[stateOf(item)]}`;
    const classes = `tile c${scheme.of(item)}${item.is_orphan ? " orphan" : ""}`;
    addCell(parent, origin, room, item.path, label, [name, size(item.bytes)], classes, () => showDetails(item));
  });
}

function addRest(parent, origin, rect, rest, what, isToScale, open) {
  const text = `and ${number(rest.length)} smaller${what}`;
  const label = `${text}, ${size(sum(rest))}${isToScale ? "" : ", not drawn to scale"}`;
  addCell(parent, origin, rect, `rest of ${rest[0].path ?? rest[0].name}`, label, [text, size(sum(rest))], "tile rest", open);
}

function drawGroups(map, groups, rect) {
  const shown = largest(groups, rect.w * rect.h, LEAST_GROUP, 1);
  squarify(shown.map(({ weight }) => weight), rect).forEach((room, index) => {
    const { item, rest, isToScale } = shown[index];
    if (rest) {
      const entries = rest.flatMap((group) => group.entries).sort((a, b) => b.bytes - a.bytes);
      return addRest(map, rect, room, rest, " groups", isToScale, () => openView(`${number(rest.length)} smaller groups`, entries, true));
    }
    const name = visible(item.name);
    const label = `${name}: ${size(item.bytes)}, ${number(item.entries.length)} in it`;
    const node = element("div", { className: "group", role: "group", label });
    place(node, room);
    map.append(node);
    const inside = { x: room.x, y: room.y, w: room.w - 2, h: Math.min(HEAD, room.h) };
    addCell(node, room, inside, `group ${item.name}`, `${label}. Open`, [`${name}  ${size(item.bytes)}`], "head", () => openView(name, item.entries, false));
    drawEntries(node, room, item.entries, { ...inside, y: room.y + HEAD, h: room.h - HEAD - 2 });
  });
}

function drawMap() {
  const map = $("map"), view = views.at(-1), group = GROUPS[$("group").value];
  const rect = { x: 0, y: 0, w: map.clientWidth, h: map.clientHeight };
  const before = currentKey(), hadFocus = map.contains(document.activeElement);
  cells = [];
  map.replaceChildren();
  map.setAttribute("aria-label", `Treemap of ${view.title}, ${size(sum(view.entries))}${view.isGrouped ? `, by ${group.title}` : ""}`);
  if (view.entries.length === 0) map.append(element("p", { textContent: "Nothing to show." }));
  else if (view.isGrouped) drawGroups(map, grouped(view.entries, group.name), rect);
  else drawEntries(map, rect, view.entries, rect);
  const cell = cells.find(({ key }) => key === before) ?? cells[0];
  if (cell) setCurrent(cell);
  if (cell && hadFocus) cell.button.focus();
  drawTrail();
}

function drawTrail() {
  const steps = views.map((view, index) => element("button", {
    type: "button", textContent: view.title, disabled: index === views.length - 1, onclick: () => closeViews(index + 1),
  }));
  $("trail").replaceChildren(...steps.flatMap((step, index) => (index === 0 ? [step] : ["›", step])));
}

function openView(title, entries, isGrouped) {
  views.push({ title, entries, isGrouped, from: currentKey() });
  drawMap();
  cells[0]?.button.focus();
}

/** Goes back until `count` views are left, to the tile that the first of the others was opened from. */
function closeViews(count) {
  const [closed] = views.splice(count);
  drawMap();
  (cells.find(({ key }) => key === closed?.from) ?? cells[0])?.button.focus();
}

/** Makes a tile the one that Tab comes to. */
function setCurrent(current) {
  for (const { button } of cells) button.tabIndex = -1;
  current.button.tabIndex = 0;
}

/** The nearest tile in a direction, those straight ahead first. */
function neighbour(from, [dx, dy]) {
  const gap = (a, length, b, other) => Math.max(0, b - (a + length), a - (b + other));
  const cost = (to) => {
    const ahead = dx > 0 ? to.x - from.x - from.w : dx < 0 ? from.x - to.x - to.w : dy > 0 ? to.y - from.y - from.h : from.y - to.y - to.h;
    const aside = dx ? gap(from.y, from.h, to.y, to.h) : gap(from.x, from.w, to.x, to.w);
    const off = dx ? Math.abs(from.y + from.h / 2 - to.y - to.h / 2) : Math.abs(from.x + from.w / 2 - to.x - to.w / 2);
    return to === from || ahead < -4 ? Infinity : ahead + 4 * aside + off / 10;
  };
  const best = cells.reduce((best, to) => (cost(to) < cost(best) ? to : best), from);
  return best === from ? undefined : best;
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
$("map").addEventListener("keydown", (event) => {
  const at = cells.find(({ button }) => button === event.target);
  const ends = { Home: cells[0], End: cells.at(-1) };
  const to = event.key in ARROWS ? at && neighbour(at, ARROWS[event.key]) : ends[event.key];
  if (event.key in ARROWS || event.key in ends) event.preventDefault();
  to?.button.focus();
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.target.matches("input, select")) return;
  if ($("details").contains(document.activeElement)) opener?.focus();
  else if (views.length > 1) closeViews(views.length - 1);
});

// --- Details ---
/** Where the details were opened from. */
let opener = null;

function showDetails(entry) {
  opener = document.activeElement;
  const facts = [
    ["Kind", entry.kind], ["Package", entry.package ?? "unknown"], ["Path", entry.path],
    ["Size", entry.freed === entry.bytes ? size(entry.bytes) : `${size(entry.bytes)}, of which ${size(entry.freed)} are freed by its deletion`],
    [entry.is_orphan ? "Unreachable since" : "Last used", entry.last_used === null ? "never logged" : `${age(entry.last_used)} (${entry.last_used.slice(0, 16).replace("T", " ")})`],
    ["State", STATES[stateOf(entry)]], ["Referenced by", referencedBy(entry)],
  ];
  const list = element("dl", {}, ...facts.flatMap(([term, fact]) => [element("dt", { textContent: term }), element("dd", { textContent: visible(fact) })]));
  $("details").replaceChildren(element("h2", { textContent: visible(entry.label) }), list);
  $("details").focus();
}

// --- The table ---
const PAGE = 100;
const COLUMNS = [
  { title: "Name", by: (entry) => entry.label, text: (entry) => entry.label },
  { title: "Kind", by: (entry) => entry.kind, text: (entry) => entry.kind },
  { title: "Package", by: (entry) => entry.package ?? "", text: (entry) => entry.package ?? "" },
  { title: "Size", by: (entry) => entry.bytes, text: (entry) => size(entry.bytes), isNumber: true },
  { title: "Last used", by: (entry) => entry.last_used ?? "", text: (entry) => age(entry.last_used) },
  { title: "State", by: stateOf, text: (entry) => STATES[stateOf(entry)] },
  { title: "Referenced by", by: references, text: referencedBy },
];
let order = { column: COLUMNS[3], isDescending: true }, rows = [];

function sortTable() {
  const { column, isDescending } = order;
  const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  rows = views[0].entries.slice().sort((a, b) => (isDescending ? -1 : 1) * compare(column.by(a), column.by(b)));
  document.querySelectorAll("th").forEach((head, index) => {
    const isIt = COLUMNS[index] === column;
    head.setAttribute("aria-sort", isIt ? (isDescending ? "descending" : "ascending") : "none");
    head.firstChild.textContent = `${COLUMNS[index].title}${isIt ? (isDescending ? " ▾" : " ▴") : ""}`;
  });
  document.querySelector("tbody").replaceChildren();
  addRows();
}

function addRows() {
  const body = document.querySelector("tbody");
  const first = body.rows.length;
  for (const entry of rows.slice(first, first + PAGE)) {
    const onclick = () => showDetails(entry);
    const name = element("button", { type: "button", textContent: visible(entry.label), title: visible(entry.path), onclick });
    body.append(element("tr", {}, ...COLUMNS.map(({ text, isNumber }, index) =>
      element("td", { className: isNumber ? "number" : "" }, index === 0 ? name : visible(text(entry))))));
  }
  const left = rows.length - body.rows.length;
  $("more").hidden = left === 0;
  $("more").textContent = `Show ${number(Math.min(left, PAGE))} of ${number(left)} more`;
  if (first > 0) body.rows[first]?.querySelector("button").focus();
}

// --- What is chosen ---
function update() {
  const text = $("filter").value.trim().toLowerCase(), only = $("only").value;
  const isMeant = (entry) => (only === "" || stateOf(entry) === Number(only))
    && (text === "" || [entry.label, entry.package ?? "", entry.path].some((part) => part.toLowerCase().includes(text)));
  const entries = data.entries.filter(isMeant);
  const title = entries.length === data.entries.length ? "everything" : "filtered";
  views = [{ title, entries, isGrouped: $("group").value !== "none" }];
  $("count").textContent = `${number(entries.length)} of ${counted(data.entries.length, "item")}, ${size(sum(entries))}`;
  drawMap();
  drawLegend(entries);
  sortTable();
}

function drawLegend(entries) {
  const { names, of } = CLASSES[$("colour").value];
  const sums = names.map(() => 0);
  for (const entry of entries) sums[of(entry)] += entry.bytes;
  $("legend").replaceChildren(...names.map((name, index) =>
    element("li", {}, element("i", { className: `c${index}` }), `${name}: ${size(sums[index])}`)));
}

function begin() {
  const reclaimable = data.kinds.reduce((total, kind) => total + kind.reclaimable, 0);
  const depots = data.depots.map(visible).join(", ");
  document.title = `Depot report: ${depots}`;
  $("depots").textContent = depots;
  const shared = data.bytes - data.freed;
  $("totals").textContent = `${size(data.bytes)} on disk, ${size(reclaimable)} reclaimable${shared > 0 ? `, ${size(shared)} in files with several names` : ""}${data.saved > 0 ? `, ${size(data.saved)} saved by sharing in the store` : ""}; as of ${data.generated.slice(0, 16).replace("T", " ")}, by ScratchRS ${data.version}`;
  if (data.skipped.length > 0) {
    $("skipped").hidden = false;
    $("skipped").firstElementChild.textContent = `${counted(data.skipped.length, "remark")} about what could not be read or was left alone`;
    $("skipped").lastElementChild.append(...data.skipped.map(({ path, line, column, message }) =>
      element("li", { textContent: visible([path, line, column].filter((part) => part !== null).join(":") + ` ${message}`) })));
  }
  const option = ([value, text]) => element("option", { value, textContent: text });
  const choices = (of) => Object.entries(of).map(([key, { title }]) => option([key, title]));
  const { package: byPackage, none, ...classes } = GROUPS;
  $("group").append(...choices({ ...classes, package: byPackage, none }));
  $("colour").append(...choices(CLASSES));
  $("colour").value = "state";
  $("only").append(option(["", "everything"]), ...STATES.map((name, index) => option([index, name])));
  document.querySelector("thead tr").append(...COLUMNS.map((column) => {
    const onclick = () => {
      order = { column, isDescending: order.column === column ? !order.isDescending : Boolean(column.isNumber) };
      sortTable();
    };
    const button = element("button", { type: "button", onclick });
    return element("th", { scope: "col", className: column.isNumber ? "number" : "" }, button);
  }));
  for (const id of ["group", "colour", "only", "filter"]) $(id).addEventListener("input", update);
  $("controls").addEventListener("submit", (event) => event.preventDefault());
  $("more").addEventListener("click", addRows);
  update();
  new ResizeObserver(drawMap).observe($("map"));
}

begin();
