// A map of embeddings: near on the map is near in the embedding. Pointing at a place shows its
// picture.
const kinds = Object.keys(data.labels);
const map = scatter("point at a place, or use the slider", (i) => {
  controls.point.set(i);
  controls.point.changed();
});
const picture = pictures(180, { beside: true });
const what = note();
const controls = {
  point: slider("picture", { max: data.points.length - 1, text: (i) => String(i + 1) }),
  colour: choice("colour by", kinds),
};

function labelOf(kind, point) {
  const { names, groups } = data.labels[kind];
  return `${kind} ${names[groups[point]]}`;
}

element(root, controls, [map, picture, what], ({ point, colour }) => {
  const by = kinds[colour];
  const { names, groups } = data.labels[by];
  const total = data.points.length;
  map.show(data.points, groups, names, point, `Map of ${total} test pictures, coloured by ${by}`);
  const text = kinds.map((kind) => labelOf(kind, point)).join(", ");
  const sheet = data.sheets[Math.floor(point / data.perSheet)];
  picture.show([{ sheet, index: point % data.perSheet, caption: text }]);
  what.show(`Picture ${point + 1} of ${total}: ${text}.`);
  return { point, text, colour: by };
});
