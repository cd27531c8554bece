// Eq. 3 by hand: turn a person, and see which of three descriptions of the pose moves.
const LEFT_HIP = 4;
const rotateZ = (pose, angle) => pose.map(([x, y, z]) => [x * Math.cos(angle) - y * Math.sin(angle), x * Math.sin(angle) + y * Math.cos(angle), z]);
const heading = (pose) => Math.atan2(pose[LEFT_HIP][1], pose[LEFT_HIP][0]);
// A camera's x is right, y down, z forward; drawn with x right, z into the picture and y down.
const inCamera = (pose, R) => pose.map((p) => R.map((row) => row[0] * p[0] + row[1] * p[1] + row[2] * p[2]));
const upright = (pose) => pose.map(([x, y, z]) => [x, z, -y]);

const world = skeleton("global: the room's axes", { turn: 20, axes: true, turnable: false });
const camera = skeleton("camera: its own axes", { turnable: false });
const canonical = skeleton("canonical: the person's axes", { turn: 20, axes: true, turnable: false });
const numbers = table(), what = note();
const controls = {
  pose: choice("pose", data.poses.map((p) => p.name)),
  turned: slider("turn the person", { max: 355, step: 5, text: (v) => v + "°", play: true }),
  view: choice("camera", data.cameras.map((c) => c.name)),
};
element(root, controls, [world, camera, canonical, numbers, what], ({ pose, turned, view }) => {
  const now = rotateZ(data.poses[pose].joints, (turned * Math.PI) / 180), theta = heading(now);
  const seen = inCamera(now, data.cameras[view].R), turnedBack = rotateZ(now, -theta);
  world.show([{ joints: now }]);
  camera.show([{ joints: upright(seen) }]);
  canonical.show([{ joints: turnedBack }]);
  const row = (name, p) => [name, ...[...p[LEFT_HIP], ...p[13]].map((v) => String(Math.round(v) || 0))]; // || 0: not -0
  numbers.show(["mm from the pelvis", "left hip x", "y", "z", "left wrist x", "y", "z"], [row("global", now), row("camera", seen), row("canonical", turnedBack)]);
  what.show(`The heading θ is ${((theta * 180) / Math.PI).toFixed(0)}°. Canonical means: turned by −θ. ${SIDES}`);
  return { heading: theta, global: now, camera: seen, canonical: turnedBack };
});
