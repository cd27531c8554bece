// What all elements share: controls, pictures, skeletons, charts. No library and no network, so
// that the same text runs in JupyterLab, in Colab and in a published page without a kernel.
const BLUE = "#0072B2", ORANGE = "#E69F00", GREEN = "#009E73";
const RED = "#D55E00", PURPLE = "#CC79A7", GREY = "#808080";
const COLOURS = [BLUE, ORANGE, GREEN, PURPLE, RED, GREY];

const SVG = "http://www.w3.org/2000/svg";
const SVG_TAGS = ["svg", "line", "polyline", "circle", "rect", "text"];

function make(tag, attributes = {}, ...children) {
  const svg = SVG_TAGS.includes(tag);
  const node = svg ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// Controls. Each has a node, a value, and `changed`, which the element sets.
// play: a button that runs through the values, `stride` at a time, every `wait` ms: "once" rests on
// the last, "round" begins again.
function slider(label, options) {
  const { min = 0, max, step = 1, value = min, text = String, play } = options;
  const { stride = step, wait = 350 } = options;
  const input = make("input", { type: "range", min, max, step, value, "aria-label": label });
  const shown = make("output");
  const words = make("span", { class: "mcss-words" }, label);
  const named = make("label", { class: "mcss-control mcss-slider" }, words, input);
  const self = {
    node: make("div", { class: "mcss-valued" }, named, shown),
    get value() {
      return Number(input.value);
    },
    set(value) {
      input.value = value;
      say();
    },
  };
  function say() {
    shown.textContent = text(self.value);
    input.setAttribute("aria-valuetext", shown.textContent);
  }
  input.addEventListener("input", () => {
    say();
    self.changed();
  });
  let longest = 0; // room for it, so that the slider stays under the finger
  for (let v = min; v <= max; v += step) longest = Math.max(longest, text(v).length);
  shown.style.minWidth = longest + "ch";
  say();
  if (play) {
    const last = () => self.value + stride > max + 1e-9;
    const go = (value) => {
      self.set(value);
      self.changed();
    };
    const player = playButton(wait, {
      begin: () => last() && go(min),
      // false: it stays where it is
      next: () => (last() ? play === "round" && (go(min), true) : (go(self.value + stride), true)),
    });
    self.player = player;
    self.node = make("div", { class: "mcss-played" }, self.node, player.node);
  }
  return self;
}

// A button that calls `next` every `wait` ms, until that is false, or it is pressed again, or gone.
function playButton(wait, { begin, next }) {
  const node = make("button", { type: "button", class: "mcss-play" }, "Play");
  let timer = null;
  function stop() {
    clearInterval(timer);
    timer = null;
    node.textContent = "Play";
    aloud("polite");
  }
  function start() {
    if (timer) return;
    node.textContent = "Stop";
    aloud("off"); // nobody can listen to a film
    timer = setInterval(() => (node.isConnected && next()) || stop(), wait);
  }
  node.addEventListener("click", () => {
    if (timer) return stop();
    begin();
    start();
  });
  return { node, start };
}

function aloud(how) {
  for (const note of root.querySelectorAll(".mcss-note")) note.setAttribute("aria-live", how);
}

function choice(label, options, value = 0) {
  const nodes = options.map((text, i) => make("option", { value: i }, text));
  const input = make("select", { "aria-label": label }, ...nodes);
  input.value = value;
  const self = {
    node: make("label", { class: "mcss-control" }, make("span", {}, label), input),
    get value() {
      return Number(input.value);
    },
    set(value) {
      input.value = value;
    },
  };
  input.addEventListener("change", () => self.changed());
  return self;
}

function toggle(label, value = false) {
  const input = make("input", { type: "checkbox" });
  input.checked = value;
  const self = {
    node: make("label", { class: "mcss-control" }, input, make("span", {}, label)),
    get value() {
      return input.checked;
    },
  };
  input.addEventListener("change", () => self.changed());
  return self;
}

// Puts controls over panels, and draws. `draw(state)` returns what is shown, as data, for tests and
// other scripts.
function element(root, controls, panels, draw) {
  const update = () => {
    const values = Object.entries(controls).map(([name, control]) => [name, control.value]);
    root.dataset.shown = JSON.stringify(draw(Object.fromEntries(values)));
    const frame = window.google?.colab?.output;
    if (frame?.resizeIframeToContent) frame.resizeIframeToContent();
  };
  for (const control of Object.values(controls)) control.changed = update;
  const nodes = Object.values(controls).map((control) => control.node);
  root.querySelector(".mcss-wait").replaceWith(
    make("div", { class: "mcss-controls" }, ...nodes),
    make("div", { class: "mcss-panels" }, ...panels.map((panel) => panel.node)),
  );
  update();
}

function note() {
  const node = make("p", { class: "mcss-note", "aria-live": "polite" });
  const show = (text) => {
    node.textContent = text;
  };
  return { node, show };
}

function table() {
  const node = make("table", { class: "mcss-table" });
  const head = (scope) => (cell) => make("th", { scope }, cell);
  const line = ([first, ...cells]) => {
    return make("tr", {}, head("row")(first), ...cells.map((cell) => make("td", {}, cell)));
  };
  const show = (heads, rows) => {
    node.replaceChildren(make("tr", {}, ...heads.map(head("col"))), ...rows.map(line));
  };
  return { node, show };
}

// Panels one under the other, beside those before.
function column(...panels) {
  return { node: make("div", { class: "mcss-column" }, ...panels.map(({ node }) => node)) };
}

// Pictures cut out of sheets {src, columns, rows}. Items: {sheet, index, caption, frame}.
// share: of the element's width, at most, in %. together: so many never part at the end of a row.
// beside: the next panel stands to the right, where there is room; half: both are as wide.
function pictures(width = 112, options = {}) {
  const { share = 30, together = 1, beside = false, half = false } = options;
  const place = beside ? " mcss-beside" : half ? " mcss-half" : "";
  const node = make("div", { class: "mcss-pictures" + place });
  const most = beside ? 100 : share;
  const style = `width: min(${together * width}px, ${most}%)`;
  function show(items) {
    node.replaceChildren();
    for (let i = 0; i < items.length; i += together) {
      const group = items.slice(i, i + together).map(pictureOf);
      node.append(make("div", { class: "mcss-together", style }, ...group));
    }
  }
  return { node, show };
}

function pictureOf({ sheet, index, caption = "", frame }) {
  const { src, columns, rows } = sheet;
  const at = (k, n) => (n > 1 ? (100 * k) / (n - 1) : 0) + "%";
  const x = at(index % columns, columns);
  const y = at(Math.floor(index / columns), rows);
  const label = caption || "picture " + index;
  const picture = make("div", { class: "mcss-picture", role: "img", "aria-label": label });
  picture.style.cssText =
    `background-image:url("${src}");` +
    `background-size:${columns * 100}% ${rows * 100}%;` +
    `background-position:${x} ${y};` +
    (frame ? `outline:4px solid ${frame};outline-offset:-4px` : "");
  return make("figure", {}, picture, ...(caption ? [make("figcaption", {}, caption)] : []));
}
