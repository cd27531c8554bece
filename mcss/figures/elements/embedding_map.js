// A map of embeddings: near on the map is near in the embedding. Pointing at a place shows its picture.
const colour = Object.keys(data.labels);
const map = scatter("point at a place, or use the slider", (i) => { controls.point.set(i); controls.point.changed(); });
const picture = pictures(180, { beside: true }), what = note();
const controls = {
  point: slider("picture", { max: data.points.length - 1, text: (i) => String(i + 1) }),
  colour: choice("colour by", colour),
};
element(root, controls, [map, picture, what], ({ point, colour: by }) => {
  const { names, groups } = data.labels[colour[by]];
  map.show(data.points, groups, names, point, `Map of ${data.points.length} test pictures, coloured by ${colour[by]}`);
  const place = Math.floor(point / data.perSheet), text = colour.map((c) => `${c} ${data.labels[c].names[data.labels[c].groups[point]]}`).join(", ");
  picture.show([{ sheet: data.sheets[place], index: point % data.perSheet, caption: text }]);
  what.show(`Picture ${point + 1} of ${data.points.length}: ${text}.`);
  return { point, text, colour: colour[by] };
});
