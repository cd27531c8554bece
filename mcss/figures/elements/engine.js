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
function slider(label, { min = 0, max, step = 1, value = min, text = String, play = false }) {
  const input = make("input", { type: "range", min, max, step, value, "aria-label": label });
  const shown = make("output");
  const words = make("span", {}, label + ": ", shown);
  const self = {
    node: make("label", { class: "mcss-control" }, words, input),
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
    const advance = () => {
      self.set(self.value >= Number(input.max) ? min : self.value + step);
      self.changed();
    };
    self.node = make("span", { class: "mcss-control" }, self.node, playButton(self, advance));
  }
  return self;
}

// A button that calls `advance` again and again, until it is pressed again or its control is gone.
function playButton(control, advance) {
  const button = make("button", { type: "button", class: "mcss-play" }, "Play");
  let timer = null;
  function stop() {
    clearInterval(timer);
    timer = null;
    button.textContent = "Play";
  }
  button.addEventListener("click", () => {
    if (timer) return stop();
    button.textContent = "Stop";
    timer = setInterval(() => (control.node.isConnected ? advance() : stop()), 350);
  });
  return button;
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
  const row = (cells, tag) => {
    return make("tr", {}, ...cells.map((cell, i) => make(i ? tag : "th", {}, cell)));
  };
  const show = (head, rows) => {
    node.replaceChildren(row(head, "th"), ...rows.map((cells) => row(cells, "td")));
  };
  return { node, show };
}

// Pictures cut out of sheets {src, columns, rows}. Items: {sheet, index, caption, frame}.
// share: of the element's width, at most, in %. together: so many never part at the end of a row.
// beside: the next panel stands to the right, where there is room.
function pictures(width = 112, { share = 30, together = 1, beside = false } = {}) {
  const node = make("div", { class: beside ? "mcss-pictures mcss-beside" : "mcss-pictures" });
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

// Skeletons of 17 joints in millimetres, Z up, seen from the side; a slider, the pointer or the
// arrow keys turn them.
const BONES = [
  [0, 1], [1, 2], [2, 3],
  [0, 4], [4, 5], [5, 6],
  [0, 7], [7, 8], [8, 9], [9, 10],
  [8, 11], [11, 12], [12, 13],
  [8, 14], [14, 15], [15, 16]
];
const LEFT = [4, 5, 6, 11, 12, 13];
const RIGHT = [1, 2, 3, 14, 15, 16];
const SIDES = "Blue: the person's left side; orange: the right.";

function sideOf(joint) {
  if (LEFT.includes(joint)) return BLUE;
  return RIGHT.includes(joint) ? ORANGE : GREY;
}

function skeleton(label, { turn = 0, axes = false, turnable = true } = {}) {
  const svg = make("svg", {
    viewBox: "-1000 -1090 2000 2320",
    class: "mcss-skeleton",
    role: "img",
  });
  const control = slider("turn", {
    max: 350,
    step: 10,
    value: turn,
    text: (v) => v + "°",
  });
  const node = make(
    "div",
    { class: turnable ? "mcss-panel" : "mcss-panel mcss-narrow" },
    make("div", { class: "mcss-title" }, label),
    svg,
    ...(turnable ? [control.node] : []),
  );
  const tilt = 0.17;
  let last = [];

  function project([x, y, z]) {
    const a = (control.value * Math.PI) / 180;
    const depth = -x * Math.sin(a) + y * Math.cos(a);
    return [
      x * Math.cos(a) + y * Math.sin(a),
      -z * Math.cos(tilt) - depth * Math.sin(tilt),
    ];
  }

  function line(from, to, stroke, width, dash) {
    const [x1, y1] = project(from);
    const [x2, y2] = project(to);
    const pen = { stroke, "stroke-width": width, "stroke-linecap": "round" };
    if (dash) pen["stroke-dasharray"] = dash;
    return make("line", { x1, y1, x2, y2, ...pen });
  }

  function word(text, at, fill = "currentColor") {
    const [x, y] = project(at);
    const centred = { "text-anchor": "middle", "dominant-baseline": "middle" };
    return make("text", { x, y, fill, "font-size": turnable ? 110 : 170, ...centred }, text);
  }

  // The point at an angle (radians) and a distance from the middle, on the floor.
  const around = (angle, radius, floor) => {
    return [radius * Math.cos(angle), radius * Math.sin(angle), floor];
  };

  // skeletons: [{joints, dashed}]; marks: [{at, text}] on the floor around.
  function show(skeletons, marks = [], description = label) {
    last = [skeletons, marks, description];
    const heights = skeletons.flatMap(({ joints }) => joints.map((joint) => joint[2]));
    const floor = Math.min(...heights) - 40;
    const circle = [...Array(37).keys()].map((k) => around((k * Math.PI) / 18, 800, floor));
    const points = circle.map((point) => project(point).join(",")).join(" ");
    svg.replaceChildren(
      make("polyline", { points, fill: "none", stroke: GREY, "stroke-width": 6 }),
    );
    if (axes) {
      const origin = [0, 0, floor];
      svg.append(
        line(origin, [600, 0, floor], GREEN, 14),
        word("x", [690, 0, floor], GREEN),
        line(origin, [0, 600, floor], PURPLE, 14),
        word("y", [0, 690, floor], PURPLE),
      );
    }
    for (const { at, text } of marks) svg.append(word(text, around(at, 900, floor)));
    for (const { joints, dashed } of skeletons) {
      const [width, dash] = dashed ? [20, "30 40"] : [34, ""];
      for (const [a, b] of BONES) {
        svg.append(line(joints[a], joints[b], sideOf(b), width, dash));
      }
    }
    svg.setAttribute("aria-label", description);
  }

  function turnBy(degrees) {
    control.set((((control.value + degrees) % 360) + 360) % 360);
    show(...last);
  }

  control.changed = () => show(...last);
  if (turnable) turnedByHand(svg, turnBy);
  return { node, show };
}

// Calls `turnBy` with 10 or -10 degrees where the arrow keys or a finger turn a drawing.
function turnedByHand(svg, turnBy) {
  svg.setAttribute("tabindex", 0);
  svg.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    turnBy(event.key === "ArrowLeft" ? -10 : 10);
    event.preventDefault();
  });
  let from = null;
  svg.addEventListener("pointerdown", (event) => {
    from = event.clientX;
    svg.setPointerCapture(event.pointerId);
  });
  svg.addEventListener("pointermove", (event) => {
    if (from === null || Math.abs(event.clientX - from) <= 5) return;
    turnBy(10 * Math.sign(from - event.clientX));
    from = event.clientX;
  });
  for (const end of ["pointerup", "pointercancel"]) {
    svg.addEventListener(end, () => {
      from = null;
    });
  }
}

// Round numbers between low and high, about four.
function ticks(low, high) {
  const raw = (high - low) / 4 || 1;
  const unit = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((k) => k * unit).find((s) => s >= raw);
  const all = [];
  for (let t = Math.ceil(low / step) * step; t <= high + 1e-9; t += step) {
    all.push(Number(t.toPrecision(6)));
  }
  return all;
}

// Lines over x with a cursor. series: [{name, y}].
function chart(xLabel, yLabel) {
  const W = 460, H = 260, left = 56, right = 12, top = 30, bottom = 46;
  const svg = make("svg", { viewBox: `0 0 ${W} ${H}`, class: "mcss-chart", role: "img" });
  const middle = { "text-anchor": "middle" };

  function text(x, y, words, more = {}) {
    return make("text", { x, y, fill: "currentColor", "font-size": 15, ...more }, words);
  }

  function show(x, series, cursor = null, description = "") {
    const values = series.flatMap((s) => s.y);
    const low = Math.min(0, ...values);
    const high = Math.max(...values) * 1.05;
    const first = x[0];
    const last = x[x.length - 1];
    const X = (v) => left + ((v - first) / (last - first)) * (W - left - right);
    const Y = (v) => H - bottom - ((v - low) / (high - low)) * (H - top - bottom);
    svg.replaceChildren();
    for (const t of ticks(low, high)) {
      const ends = { x1: left, x2: W - right, y1: Y(t), y2: Y(t) };
      svg.append(
        make("line", { ...ends, stroke: GREY, "stroke-opacity": 0.35 }),
        text(left - 6, Y(t) + 5, String(t), { "text-anchor": "end" }),
      );
    }
    for (const t of ticks(first, last)) {
      svg.append(text(X(t), H - bottom + 18, String(t), middle));
    }
    const centre = (H - bottom) / 2 + 10;
    const upwards = { transform: `rotate(-90 14 ${centre})` };
    svg.append(
      text((left + W) / 2, H - 6, xLabel, middle),
      text(14, centre, yLabel, { ...middle, ...upwards }),
    );
    series.forEach(({ name, y }, k) => {
      const colour = COLOURS[k % COLOURS.length];
      const points = y.map((v, i) => `${X(x[i])},${Y(v)}`).join(" ");
      const key = left + (k * (W - left)) / series.length;
      svg.append(
        make("polyline", { points, fill: "none", stroke: colour, "stroke-width": 2.5 }),
        make("rect", { x: key, y: 8, width: 14, height: 4, fill: colour }),
        text(key + 20, 15, name),
      );
    });
    if (cursor !== null) {
      const ends = { x1: X(cursor), x2: X(cursor), y1: top - 6, y2: H - bottom };
      const pen = { stroke: "currentColor", "stroke-width": 1.5, class: "mcss-cursor" };
      svg.append(make("line", { ...ends, ...pen }));
    }
    svg.setAttribute("aria-label", description);
  }

  return { node: make("div", { class: "mcss-panel mcss-wide" }, svg), show };
}

// Points in the plane, coloured (and shaped, for those who see no colours) by group. `picked(i)` is
// called on hover and touch.
function scatter(label, picked = null) {
  const svg = make("svg", { viewBox: "-12 -12 424 424", class: "mcss-scatter", role: "img" });
  const legend = make("div", { class: "mcss-legend" });
  let places = [];

  function show(points, groups, names, chosen = null, description = label) {
    places = fitted(points, 400);
    svg.replaceChildren(
      ...places.map((place, i) => mark(groups[i], place, { "fill-opacity": 0.8 })),
    );
    if (chosen !== null) {
      const [cx, cy] = places[chosen];
      const pen = { fill: "none", stroke: "currentColor", "stroke-width": 2.5 };
      svg.append(make("circle", { cx, cy, r: 9, ...pen, class: "mcss-chosen" }));
    }
    legend.replaceChildren(...names.map((name, group) => {
      const box = { viewBox: "0 0 12 12", width: 12, height: 12, "aria-hidden": true };
      return make("span", {}, make("svg", box, mark(group, [6, 6])), " " + name);
    }));
    svg.setAttribute("aria-label", description);
  }

  // The point nearest to the pointer, if it is near.
  function pick(event) {
    const box = svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * 424 - 12;
    const y = ((event.clientY - box.top) / box.height) * 424 - 12;
    let best = 0;
    let least = Infinity;
    places.forEach(([px, py], i) => {
      const squared = (px - x) ** 2 + (py - y) ** 2;
      if (squared < least) [best, least] = [i, squared];
    });
    if (least < 400) picked(best);
  }

  if (picked) {
    svg.addEventListener("pointermove", pick);
    svg.addEventListener("pointerdown", pick);
  }
  const title = make("div", { class: "mcss-title" }, label);
  return { node: make("div", { class: "mcss-panel" }, title, svg, legend), show };
}

// Points scaled alike in x and y to fill a square of `size`, y upwards.
function fitted(points, size) {
  const xs = points.map((point) => point[0]);
  const ys = points.map((point) => point[1]);
  const [left, low] = [Math.min(...xs), Math.min(...ys)];
  const extent = Math.max(Math.max(...xs) - left, Math.max(...ys) - low) || 1;
  return points.map(([x, y]) => [
    ((x - left) / extent) * size,
    size - ((y - low) / extent) * size,
  ]);
}

// A point of a group: its colour, and one of three shapes; a shape and a colour meet once.
function mark(group, [x, y], more = {}) {
  const r = 5;
  const fill = COLOURS[group % COLOURS.length];
  const shape = (group + Math.floor(group / COLOURS.length)) % 3;
  if (shape === 0) return make("circle", { cx: x, cy: y, r, fill, ...more });
  const square = { x: x - r * 0.9, y: y - r * 0.9, width: 1.8 * r, height: 1.8 * r, fill };
  const turned = shape === 2 ? { transform: `rotate(45 ${x} ${y})` } : {};
  return make("rect", { ...square, ...turned, ...more });
}
