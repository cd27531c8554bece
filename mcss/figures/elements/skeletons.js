// Poses side by side, each turning on its own place, all by the same angle.
const joints = data.poses.flat();
const wide = Math.max(...joints.map(([x, y]) => Math.hypot(x, y)));
const [low, high] = [Math.min, Math.max].map((end) => end(...joints.map((joint) => joint[2])));
const reach = Math.max(1000, wide, (high + 0.2 * wide) / 1.09, (200 - low) / 1.23);
const bodies = data.poses.map((_, i) => {
  const turned = (degrees) => {
    controls.turn.set(inCircle(controls.turn.value + degrees));
    controls.turn.changed();
  };
  return skeleton(data.names[i], { turnable: false, turned, tilt: data.tilt, reach });
});
const row = { node: make("div", { class: "mcss-bodies" }, ...bodies.map(({ node }) => node)) };
const what = note();
const controls = {
  turn: slider("turn", {
    max: 359,
    value: data.turn,
    text: (v) => v + "°",
    play: "round",
    stride: 5,
  }),
};
row.node.style.setProperty("--most", Math.min(data.poses.length, 4));

element(root, controls, [row, what], ({ turn }) => {
  bodies.forEach((body, i) => {
    body.show([{ joints: data.poses[i] }], [], data.names[i] || `pose ${i + 1}`);
    body.seenFrom(turn);
  });
  return { turn };
});
what.show(SIDES);
