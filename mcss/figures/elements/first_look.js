// One instant after another: four pictures, the skeleton they share, and how far the instant is
// from another one in the embedding.
const row = pictures(200, { share: 22 });
const body = skeleton("one pose", { turn: 20, turnable: false });
const curves = chart("seconds", "distance");
const instant = pictures(130, { share: 100 });
const other = column(instant);
other.node.classList.add("mcss-other");
const what = note();
const at = (t) => data.seconds[t].toFixed(1) + " s";
const controls = {
  time: slider("time", {
    max: data.seconds.length - 1,
    text: at,
    play: "round",
    wait: 220,
  }),
};
instant.show([{
  sheet: data.sheet,
  index: data.other * data.views,
  caption: `the other instant, ${at(data.other)}`,
  frame: ORANGE,
}]);

element(root, controls, [row, body, curves, other, what], ({ time }) => {
  const cameras = [...Array(data.views).keys()];
  row.show(cameras.map((v) => ({
    sheet: data.sheet,
    index: time * data.views + v,
    caption: `camera ${v + 1}`,
  })));
  body.show([{ joints: data.joints[time] }], [], `The pose at ${at(time)}`);
  const [among, apart] = [data.among[time], data.apart[time]];
  curves.show(
    data.seconds,
    [
      { name: "among the four", y: data.among },
      { name: "to the other instant", y: data.apart },
    ],
    data.seconds[time],
    "Two curves over time: the distance among the four pictures is small all the time, that to " +
      "the other instant is large except near it",
  );
  what.show(
    `In the embedding the four pictures are ${among.toFixed(2)} apart, and ` +
      `${apart.toFixed(2)} from those of the other instant.`,
  );
  return { time, among, apart };
});

// It plays once it is seen, unless the reader asks for less motion.
if (!matchMedia("(prefers-reduced-motion: reduce)").matches) {
  const seen = new IntersectionObserver(([entry]) => {
    if (!entry.isIntersecting) return;
    seen.disconnect();
    controls.time.player.start();
  });
  seen.observe(root);
}
