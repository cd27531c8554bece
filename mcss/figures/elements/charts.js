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

// Lines over x with a cursor. series: [{name, y}]; span: the ends of the axis of x.
function chart(xLabel, yLabel) {
  const W = 460, H = 260, left = 56, right = 12, top = 30, bottom = 46;
  const svg = make("svg", { viewBox: `0 0 ${W} ${H}`, class: "mcss-chart", role: "img" });
  const middle = { "text-anchor": "middle" };

  function text(x, y, words, more = {}) {
    return make("text", { x, y, fill: "currentColor", "font-size": 15, ...more }, words);
  }

  function show(x, series, cursor = null, description = "", span = [x[0], x[x.length - 1]]) {
    const values = series.flatMap((s) => s.y);
    const low = Math.min(0, ...values);
    const high = Math.max(...values) * 1.05;
    const [first, last] = span;
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

// The drawing of an n by n matrix, SIDE wide. `choose(i, j)` is called where a square of it is
// clicked, or reached with the arrow keys from the one that is chosen, `now()`.
const SIDE = 400;

function matrix(n, choose, now) {
  const svg = make("svg", {
    viewBox: `-8 -8 ${SIDE + 16} ${SIDE + 16}`,
    class: "mcss-scatter mcss-cells",
    role: "application",
    tabindex: 0,
  });
  svg.addEventListener("click", (event) => {
    const box = svg.getBoundingClientRect();
    const place = (at, from, size) => {
      const k = Math.floor(((((at - from) / size) * (SIDE + 16) - 8) / SIDE) * n);
      return Math.max(0, Math.min(n - 1, k));
    };
    choose(place(event.clientY, box.top, box.height), place(event.clientX, box.left, box.width));
  });
  const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  svg.addEventListener("keydown", (event) => {
    const move = moves[event.key];
    if (!move) return;
    const [i, j] = now();
    choose((i + move[0] + n) % n, (j + move[1] + n) % n);
    event.preventDefault();
  });
  return svg;
}
