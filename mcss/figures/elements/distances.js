// The distances between a few pictures: a click on one shows its two pictures.
const n = data.names.length;
const cell = SIDE / n;
let [row, other] = data.first;
const heat = matrix(
  n,
  (i, j) => {
    [row, other] = [i, j];
    update();
  },
  () => [row, other],
);
const map = {
  node: make(
    "div",
    { class: "mcss-panel" },
    make("div", { class: "mcss-title" }, "distances: dark is near"),
    heat,
    make("div", { class: "mcss-legend" }, "Click one, or use the arrow keys."),
  ),
};
const two = pictures(190, { share: 47 });
const what = note();
const high = Math.max(...data.distances.flat());

// The matrix, each square with its number, the chosen one framed.
function draw() {
  heat.replaceChildren();
  data.distances.forEach((line, i) => line.forEach((d, j) => {
    const light = Math.round(20 + 70 * (d / high));
    const box = { x: j * cell, y: i * cell, width: cell, height: cell };
    const ink = { fill: light > 55 ? "#111" : "#fff", "text-anchor": "middle" };
    const place = { x: (j + 0.5) * cell, y: (i + 0.6) * cell, "font-size": cell * 0.36 };
    heat.append(
      make("rect", { ...box, fill: `hsl(205 60% ${light}%)` }),
      make("text", { ...place, ...ink, class: "heatmap-label" }, d.toFixed(2)),
    );
  }));
  const box = { x: other * cell, y: row * cell, width: cell, height: cell };
  heat.append(make("rect", { ...box, fill: "none", stroke: ORANGE, "stroke-width": 4 }));
  heat.setAttribute("aria-label", `Distances between ${n} pictures; ${words()}`);
}

function words() {
  return `${data.names[row]} and ${data.names[other]}: ${data.distances[row][other].toFixed(2)}`;
}

const update = element(root, {}, [map, column(two, what)], () => {
  draw();
  two.show([row, other].map((index) => {
    return { sheet: data.sheet, index, caption: data.names[index] };
  }));
  what.show(words());
  return { row, other };
});
