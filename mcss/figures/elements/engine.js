// What all elements share: controls, pictures, skeletons, charts. No library and no network, so that the same text
// runs in JupyterLab, in Colab and in a published page without a kernel.
const BLUE = "#0072B2", ORANGE = "#E69F00", GREEN = "#009E73", RED = "#D55E00", PURPLE = "#CC79A7", GREY = "#808080";
const COLOURS = [BLUE, ORANGE, GREEN, PURPLE, RED, GREY];

function make(tag, attributes = {}, ...children) {
  const svg = ["svg", "line", "polyline", "circle", "rect", "text"].includes(tag);
  const node = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// Controls. Each has a node, a value, and `changed`, which the element sets.
function slider(label, { min = 0, max, step = 1, value = min, text = String, play = false }) {
  const input = make("input", { type: "range", min, max, step, value, "aria-label": label });
  const shown = make("output");
  const self = { node: make("label", { class: "mcss-control" }, make("span", {}, label + ": ", shown), input), get value() { return Number(input.value); } };
  const say = () => { shown.textContent = text(self.value); input.setAttribute("aria-valuetext", shown.textContent); };
  input.addEventListener("input", () => { say(); self.changed(); });
  self.set = (value) => { input.value = value; say(); };
  let longest = 0; // room for it, so that the slider stays under the finger
  for (let v = min; v <= max; v += step) longest = Math.max(longest, text(v).length);
  shown.style.minWidth = longest + "ch";
  say();
  if (play) {
    let timer = null;
    const button = make("button", { type: "button", class: "mcss-play" }, "Play");
    button.addEventListener("click", () => {
      const stop = () => { clearInterval(timer); timer = null; button.textContent = "Play"; };
      if (timer) return stop();
      button.textContent = "Stop";
      timer = setInterval(() => {
        if (!self.node.isConnected) return stop();
        self.set(self.value >= Number(input.max) ? min : self.value + step);
        self.changed();
      }, 350);
    });
    self.node = make("span", { class: "mcss-control" }, self.node, button);
  }
  return self;
}

function choice(label, options, value = 0) {
  const input = make("select", { "aria-label": label }, ...options.map((text, i) => make("option", { value: i }, text)));
  input.value = value;
  const self = { node: make("label", { class: "mcss-control" }, make("span", {}, label), input), get value() { return Number(input.value); } };
  input.addEventListener("change", () => self.changed());
  return self;
}

function toggle(label, value = false) {
  const input = make("input", { type: "checkbox" });
  input.checked = value;
  const self = { node: make("label", { class: "mcss-control" }, input, make("span", {}, label)), get value() { return input.checked; } };
  input.addEventListener("change", () => self.changed());
  return self;
}

// Puts controls over panels, and draws. `draw(state)` returns what is shown, as data, for tests and other scripts.
function element(root, controls, panels, draw) {
  const update = () => {
    const state = Object.fromEntries(Object.entries(controls).map(([name, control]) => [name, control.value]));
    root.dataset.shown = JSON.stringify(draw(state));
    if (window.google?.colab?.output?.resizeIframeToContent) google.colab.output.resizeIframeToContent();
  };
  for (const control of Object.values(controls)) control.changed = update;
  root.querySelector(".mcss-wait").replaceWith(
    make("div", { class: "mcss-controls" }, ...Object.values(controls).map((c) => c.node)),
    make("div", { class: "mcss-panels" }, ...panels.map((p) => p.node)));
  update();
}

function note() {
  const node = make("p", { class: "mcss-note", "aria-live": "polite" });
  return { node, show: (text) => { node.textContent = text; } };
}

function table() {
  const node = make("table", { class: "mcss-table" });
  const row = (cells, tag) => make("tr", {}, ...cells.map((cell, i) => make(i ? tag : "th", {}, cell)));
  return { node, show: (head, rows) => node.replaceChildren(row(head, "th"), ...rows.map((cells) => row(cells, "td"))) };
}

// Pictures cut out of sheets {src, columns, rows}. Items: {sheet, index, caption, frame}. share: of the element's width, at most, in %.
// together: so many never part at the end of a row. beside: the next panel stands to the right, where there is room.
function pictures(width = 112, { share = 30, together = 1, beside = false } = {}) {
  const node = make("div", { class: beside ? "mcss-pictures mcss-beside" : "mcss-pictures" });
  const figure = ({ sheet, index, caption = "", frame }) => {
    const column = index % sheet.columns, row = Math.floor(index / sheet.columns);
    const place = (k, n) => (n > 1 ? (100 * k) / (n - 1) : 0) + "%";
    const picture = make("div", { class: "mcss-picture", role: "img", "aria-label": caption || "picture " + index });
    picture.style.cssText = `background-image:url("${sheet.src}");background-size:${sheet.columns * 100}% ${sheet.rows * 100}%;` +
      `background-position:${place(column, sheet.columns)} ${place(row, sheet.rows)};` + (frame ? `outline:4px solid ${frame};outline-offset:-4px` : "");
    return make("figure", {}, picture, ...(caption ? [make("figcaption", {}, caption)] : []));
  };
  function show(items) {
    node.replaceChildren();
    for (let i = 0; i < items.length; i += together)
      node.append(make("div", { class: "mcss-together", style: `width: min(${together * width}px, ${beside ? 100 : share}%)` }, ...items.slice(i, i + together).map(figure)));
  }
  return { node, show };
}

// Skeletons of 17 joints in millimetres, Z up, seen from the side; a slider, the pointer or the arrow keys turn them.
const BONES = [[0, 1], [1, 2], [2, 3], [0, 4], [4, 5], [5, 6], [0, 7], [7, 8], [8, 9], [9, 10], [8, 11], [11, 12], [12, 13], [8, 14], [14, 15], [15, 16]];
const SIDES = "Blue: the person's left side; orange: the right.";
const sideOf = (joint) => ([4, 5, 6, 11, 12, 13].includes(joint) ? BLUE : [1, 2, 3, 14, 15, 16].includes(joint) ? ORANGE : GREY);

function skeleton(label, { turn = 0, axes = false, turnable = true } = {}) {
  const svg = make("svg", { viewBox: "-1000 -1090 2000 2320", class: "mcss-skeleton", role: "img" });
  const control = slider("turn", { max: 350, step: 10, value: turn, text: (v) => v + "°" });
  const node = make("div", { class: turnable ? "mcss-panel" : "mcss-panel mcss-narrow" }, make("div", { class: "mcss-title" }, label), svg, ...(turnable ? [control.node] : []));
  let last = [];
  const tilt = 0.17;
  function project([x, y, z]) {
    const a = (control.value * Math.PI) / 180, depth = -x * Math.sin(a) + y * Math.cos(a);
    return [x * Math.cos(a) + y * Math.sin(a), -z * Math.cos(tilt) - depth * Math.sin(tilt)];
  }
  function line(from, to, colour, width, dash) {
    const [x1, y1] = project(from), [x2, y2] = project(to);
    return make("line", { x1, y1, x2, y2, stroke: colour, "stroke-width": width, "stroke-linecap": "round", ...(dash ? { "stroke-dasharray": dash } : {}) });
  }
  function word(text, at, colour = "currentColor") {
    const [x, y] = project(at);
    return make("text", { x, y, fill: colour, "font-size": turnable ? 110 : 170, "text-anchor": "middle", "dominant-baseline": "middle" }, text);
  }
  // skeletons: [{joints, dashed}]; marks: [{at, text}] on the floor around.
  function show(skeletons, marks = [], description = label) {
    last = [skeletons, marks, description];
    const floor = Math.min(...skeletons.flatMap(({ joints }) => joints.map((j) => j[2]))) - 40;
    const ring = [...Array(37).keys()].map((k) => project([800 * Math.cos((k * Math.PI) / 18), 800 * Math.sin((k * Math.PI) / 18), floor]).join(",")).join(" ");
    svg.replaceChildren(make("polyline", { points: ring, fill: "none", stroke: GREY, "stroke-width": 6 }));
    if (axes) svg.append(line([0, 0, floor], [600, 0, floor], GREEN, 14), word("x", [690, 0, floor], GREEN), line([0, 0, floor], [0, 600, floor], PURPLE, 14), word("y", [0, 690, floor], PURPLE));
    for (const { at, text } of marks) svg.append(word(text, [900 * Math.cos(at), 900 * Math.sin(at), floor]));
    for (const { joints, dashed } of skeletons)
      for (const [a, b] of BONES) svg.append(line(joints[a], joints[b], sideOf(b), dashed ? 20 : 34, dashed ? "30 40" : ""));
    svg.setAttribute("aria-label", description);
  }
  control.changed = () => show(...last);
  if (turnable) {
    svg.setAttribute("tabindex", 0);
    const by = (degrees) => { control.set((((control.value + degrees) % 360) + 360) % 360); show(...last); };
    svg.addEventListener("keydown", (e) => { if (e.key === "ArrowLeft" || e.key === "ArrowRight") { by(e.key === "ArrowLeft" ? -10 : 10); e.preventDefault(); } });
    let from = null;
    svg.addEventListener("pointerdown", (e) => { from = e.clientX; svg.setPointerCapture(e.pointerId); });
    svg.addEventListener("pointermove", (e) => { if (from !== null && Math.abs(e.clientX - from) > 5) { by(10 * Math.sign(from - e.clientX)); from = e.clientX; } });
    for (const end of ["pointerup", "pointercancel"]) svg.addEventListener(end, () => { from = null; });
  }
  return { node, show };
}

// Lines over x with a cursor. series: [{name, y}].
function chart(xLabel, yLabel) {
  const W = 460, H = 260, left = 56, right = 12, top = 30, bottom = 46;
  const svg = make("svg", { viewBox: `0 0 ${W} ${H}`, class: "mcss-chart", role: "img" });
  function ticks(low, high) {
    const raw = (high - low) / 4 || 1, unit = 10 ** Math.floor(Math.log10(raw)), step = [1, 2, 5, 10].map((k) => k * unit).find((s) => s >= raw);
    const all = [];
    for (let t = Math.ceil(low / step) * step; t <= high + 1e-9; t += step) all.push(Number(t.toPrecision(6)));
    return all;
  }
  function show(x, series, cursor = null, description = "") {
    const low = Math.min(0, ...series.flatMap((s) => s.y)), high = Math.max(...series.flatMap((s) => s.y)) * 1.05;
    const X = (v) => left + ((v - x[0]) / (x[x.length - 1] - x[0])) * (W - left - right), Y = (v) => H - bottom - ((v - low) / (high - low)) * (H - top - bottom);
    const text = (x, y, words, more = {}) => make("text", { x, y, fill: "currentColor", "font-size": 15, ...more }, words);
    svg.replaceChildren();
    for (const t of ticks(low, high)) svg.append(make("line", { x1: left, x2: W - right, y1: Y(t), y2: Y(t), stroke: GREY, "stroke-opacity": 0.35 }), text(left - 6, Y(t) + 5, String(t), { "text-anchor": "end" }));
    for (const t of ticks(x[0], x[x.length - 1])) svg.append(text(X(t), H - bottom + 18, String(t), { "text-anchor": "middle" }));
    svg.append(text((left + W) / 2, H - 6, xLabel, { "text-anchor": "middle" }), text(14, (H - bottom) / 2 + 10, yLabel, { "text-anchor": "middle", transform: `rotate(-90 14 ${(H - bottom) / 2 + 10})` }));
    series.forEach(({ name, y }, k) => {
      const colour = COLOURS[k % COLOURS.length];
      const from = left + (k * (W - left)) / series.length;
      svg.append(make("polyline", { points: y.map((v, i) => `${X(x[i])},${Y(v)}`).join(" "), fill: "none", stroke: colour, "stroke-width": 2.5 }));
      svg.append(make("rect", { x: from, y: 8, width: 14, height: 4, fill: colour }), text(from + 20, 15, name));
    });
    if (cursor !== null) svg.append(make("line", { x1: X(cursor), x2: X(cursor), y1: top - 6, y2: H - bottom, stroke: "currentColor", "stroke-width": 1.5, class: "mcss-cursor" }));
    svg.setAttribute("aria-label", description);
  }
  return { node: make("div", { class: "mcss-panel mcss-wide" }, svg), show };
}

// Points in the plane, coloured (and shaped, for those who see no colours) by group. `picked(i)` is called on hover and touch.
function scatter(label, picked = null) {
  const svg = make("svg", { viewBox: "-12 -12 424 424", class: "mcss-scatter", role: "img" });
  const legend = make("div", { class: "mcss-legend" });
  let places = [];
  const shapeOf = (group) => (group + Math.floor(group / COLOURS.length)) % 3; // a shape and a colour meet once
  function mark(shape, x, y, r, colour, more) {
    if (shape === 0) return make("circle", { cx: x, cy: y, r, fill: colour, ...more });
    return make("rect", { x: x - r * 0.9, y: y - r * 0.9, width: 1.8 * r, height: 1.8 * r, fill: colour, ...(shape === 2 ? { transform: `rotate(45 ${x} ${y})` } : {}), ...more });
  }
  function show(points, groups, names, chosen = null, description = label) {
    const xs = points.map((p) => p[0]), ys = points.map((p) => p[1]);
    const size = Math.max(Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys)) || 1;
    places = points.map(([x, y]) => [((x - Math.min(...xs)) / size) * 400, 400 - ((y - Math.min(...ys)) / size) * 400]);
    svg.replaceChildren(...places.map(([x, y], i) => mark(shapeOf(groups[i]), x, y, 5, COLOURS[groups[i] % COLOURS.length], { "fill-opacity": 0.8 })));
    if (chosen !== null) svg.append(make("circle", { cx: places[chosen][0], cy: places[chosen][1], r: 9, fill: "none", stroke: "currentColor", "stroke-width": 2.5, class: "mcss-chosen" }));
    legend.replaceChildren(...names.map((name, k) => {
      const key = make("svg", { viewBox: "0 0 12 12", width: 12, height: 12, "aria-hidden": true }, mark(shapeOf(k), 6, 6, 5, COLOURS[k % COLOURS.length], {}));
      return make("span", {}, key, " " + name);
    }));
    svg.setAttribute("aria-label", description);
  }
  if (picked) {
    const look = (e) => {
      const box = svg.getBoundingClientRect(), x = ((e.clientX - box.left) / box.width) * 424 - 12, y = ((e.clientY - box.top) / box.height) * 424 - 12;
      let best = 0, least = Infinity;
      places.forEach(([px, py], i) => { const d = (px - x) ** 2 + (py - y) ** 2; if (d < least) [best, least] = [i, d]; });
      if (least < 400) picked(best);
    };
    svg.addEventListener("pointermove", look);
    svg.addEventListener("pointerdown", look);
  }
  return { node: make("div", { class: "mcss-panel" }, make("div", { class: "mcss-title" }, label), svg, legend), show };
}
