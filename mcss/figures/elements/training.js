// A training through time: its curves, and where the network puts a few instants after some steps.
const curves = chart("step", "loss, or distance");
const map = scatter("the embedding, seen in two dimensions");
const what = note();
const kinds = Object.keys(data.curves);
const steps = data.looks.map(({ step }) => step);
const last = Math.max(...steps);
const controls = {
  snapshot: slider("after step", {
    max: data.looks.length - 1,
    text: (k) => String(steps[k]),
    play: "once",
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
    `${name} over ${last} steps, with a cursor at step ${step}`,
    [Math.min(...steps), last],
  );
  const label = `Test images after step ${step}, coloured by instant`;
  map.show(points, data.groups, data.names, null, label);
  const ratio = positive / negative;
  what.show(
    "Each colour and shape is one instant, seen by all cameras. " +
      `After step ${step}, views of one instant are ${ratio.toFixed(2)} times as far apart as ` +
      `different instants (${positive.toFixed(2)} and ${negative.toFixed(2)}, on average).`,
  );
  return { step, curves: name, points, positive, negative, ratio };
});
