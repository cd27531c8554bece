// Eq. 3 by hand: turn a person, and see which of three descriptions of the pose moves.
const LEFT_HIP = 4;
const LEFT_WRIST = 13;

function rotateZ(pose, angle) {
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  return pose.map(([x, y, z]) => [x * cos - y * sin, x * sin + y * cos, z]);
}

const heading = (pose) => Math.atan2(pose[LEFT_HIP][1], pose[LEFT_HIP][0]);
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const inCamera = (pose, R) => pose.map((joint) => R.map((axis) => dot(axis, joint)));
// A camera's x is right, y down, z forward; drawn with x right, z into the picture and y down.
const upright = (pose) => pose.map(([x, y, z]) => [x, z, -y]);

const turned = (degrees) => {
  controls.turned.set(inCircle(controls.turned.value + degrees));
  controls.turned.changed();
};
const fixed = { turn: 20, axes: true, turnable: false, turned };
const world = skeleton("global: the room's axes", fixed);
const camera = skeleton("camera: its own axes", { turnable: false, turned });
// nothing turns it
const canonical = skeleton("canonical: the person's axes", { ...fixed, turned: null });
const numbers = table();
const what = note();
const controls = {
  pose: choice("pose", data.poses.map((pose) => pose.name)),
  turned: slider("turn the person", {
    max: 359,
    text: (v) => v + "°",
    play: "round",
    stride: 5,
  }),
  view: choice("camera", data.cameras.map((camera) => camera.name)),
};
const panels = [world, camera, canonical, numbers, what];

element(root, controls, panels, ({ pose, turned, view }) => {
  const now = rotateZ(data.poses[pose].joints, (turned * Math.PI) / 180);
  const theta = heading(now);
  const seen = inCamera(now, data.cameras[view].R);
  const turnedBack = rotateZ(now, -theta);
  world.show([{ joints: now }]);
  camera.show([{ joints: upright(seen) }]);
  canonical.show([{ joints: turnedBack }]);
  const row = (name, joints) => {
    const values = [...joints[LEFT_HIP], ...joints[LEFT_WRIST]];
    return [name, ...values.map((v) => String(Math.round(v) || 0))]; // || 0: not -0
  };
  numbers.show(
    ["mm from the pelvis", "left hip x", "y", "z", "left wrist x", "y", "z"],
    [row("global", now), row("camera", seen), row("canonical", turnedBack)],
  );
  const degrees = ((theta * 180) / Math.PI).toFixed(0);
  what.show(`The heading θ is ${degrees}°. Canonical means: turned by −θ. ${SIDES}`);
  return { heading: theta, global: now, camera: seen, canonical: turnedBack };
});
