// The distances between a few pictures: a click on one shows its two pictures.
const n = data.names.length;
const cell = SIDE / n;
const controls = {
  row: choice("one picture", data.names, data.first[0]),
  column: choice("another", data.names, data.first[1]),
};
function choose(i, j) {
  controls.row.set(i);
  controls.column.set(j);
  controls.row.changed();
}
const heat = matrix(n, choose, () => [controls.row.value, controls.column.value]);
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

// A square of the matrix with its number.
function drawSquare(d, i, j) {
  const light = Math.round(20 + 70 * (d / high));
  const box = { x: j * cell, y: i * cell, width: cell, height: cell };
  const ink = { fill: light > 55 ? "#111" : "#fff", "text-anchor": "middle" };
  const place = { x: (j + 0.5) * cell, y: (i + 0.6) * cell, "font-size": cell * 0.36 };
  heat.append(
    make("rect", { ...box, fill: `hsl(205 60% ${light}%)` }),
    make("text", { ...place, ...ink, class: "heatmap-label" }, d.toFixed(2)),
  );
}

element(root, controls, [map, column(two, what)], ({ row, column }) => {
  const distance = data.distances[row][column];
  const words = `${data.names[row]}, and ${data.names[column]}: ${distance.toFixed(2)} apart`;
  heat.replaceChildren();
  data.distances.forEach((line, i) => line.forEach((d, j) => drawSquare(d, i, j)));
  const box = { x: column * cell, y: row * cell, width: cell, height: cell };
  heat.append(make("rect", { ...box, fill: "none", stroke: ORANGE, "stroke-width": 4 }));
  heat.setAttribute("aria-label", `Distances between ${n} pictures. ${words}`);
  two.show([row, column].map((index) => {
    return { sheet: data.sheet, index, caption: data.names[index] };
  }));
  what.show(words);
  return { row, column, distance };
});
