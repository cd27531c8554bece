// One picture, turned: what a network draws, and what the nearest camera really saw.
const seen = pictures(150);
const what = note();
const turns = 360 / data.step;
const controls = {
  turn: slider("turn", {
    max: turns - 1,
    text: (k) => k * data.step + "°",
    play: "round",
  }),
  picture: choice("picture", data.pictures.map(({ name }) => name)),
};
// degrees between two directions, at most 180
const between = (a, b) => Math.abs(((a - b + 540) % 360) - 180);

element(root, controls, [seen, what], ({ turn, picture }) => {
  const { drawn, true: truth, angles, source } = data.pictures[picture];
  const angle = turn * data.step;
  const off = angles.map((camera) => between(angle, camera));
  const camera = off.indexOf(Math.min(...off));
  const near = off[camera] <= data.step / 2;
  seen.show([
    { sheet: truth, index: source, caption: `given: camera ${source + 1}`, frame: BLUE },
    { sheet: drawn, index: turn, caption: `drawn, turned by ${angle}°`, frame: ORANGE },
    {
      sheet: truth,
      index: camera,
      caption: `true: camera ${camera + 1}, ${off[camera].toFixed(0)}° off`,
      frame: near ? GREEN : null,
    },
  ]);
  what.show(
    "The person is turned on the spot, before the wall of the camera that took the picture. " +
      "Green: a camera stands there, so that the drawing can be compared.",
  );
  return { picture, turn: angle, drawn: turn, camera, off: off[camera] };
});
