// A training through time: its curves, and where the network puts a few instants after some steps.
const curves = chart("step", "loss, or distance");
const map = scatter("the embedding, seen in two dimensions");
const what = note();
const kinds = Object.keys(data.curves);
const controls = {
  snapshot: slider("after step", {
    max: data.looks.length - 1,
    text: (k) => String(data.looks[k].step),
    play: true,
  }),
  kind: choice("curves", kinds),
};

element(root, controls, [curves, map, what], ({ snapshot, kind }) => {
  const { step, points, positive, negative } = data.looks[snapshot];
  const name = kinds[kind];
  curves.show(
    data.steps,
    Object.entries(data.curves[name]).map(([name, y]) => ({ name, y })),
    step,
    `${name} over ${data.steps.length} steps, with a cursor at step ${step}`,
  );
  const label = `Test images after step ${step}, coloured by instant`;
  map.show(points, data.groups, data.names, null, label);
  what.show(
    "Each colour and shape is one instant, seen by all cameras. " +
      `After step ${step}, views of one instant are ${positive.toFixed(2)} apart on average, ` +
      `different instants ${negative.toFixed(2)}.`,
  );
  return { step, curves: name, points, positive, negative };
});
