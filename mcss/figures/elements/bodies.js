// Skeletons of 17 joints in millimetres, Z up, seen from the side; a slider, the pointer or the
// arrow keys turn them.
const BONES = [
  [0, 1], [1, 2], [2, 3],
  [0, 4], [4, 5], [5, 6],
  [0, 7], [7, 8], [8, 9], [9, 10],
  [8, 11], [11, 12], [12, 13],
  [8, 14], [14, 15], [15, 16]
];
const LEFT = [4, 5, 6, 11, 12, 13];
const RIGHT = [1, 2, 3, 14, 15, 16];
const SIDES = "Blue: the person's left side; orange: the right.";

function sideOf(joint) {
  if (LEFT.includes(joint)) return BLUE;
  return RIGHT.includes(joint) ? ORANGE : GREY;
}

// turn, tilt: degrees from which it is seen. turnable: whether it has a slider for that. turned:
// what a finger or the arrow keys do instead of turning this drawing alone, given degrees. reach:
// of the drawing to each side, in mm.
function skeleton(label, options = {}) {
  const { turn = 0, tilt = 10, axes = false, turnable = true, turned, reach = 1000 } = options;
  const box = [-reach, -1.09 * reach, 2 * reach, 2.32 * reach];
  const svg = make("svg", { viewBox: box.join(" "), class: "mcss-skeleton", role: "img" });
  const control = slider("turn", { max: 359, value: turn, text: (v) => v + "°" });
  const node = make(
    "div",
    { class: turnable ? "mcss-panel" : "mcss-panel mcss-narrow" },
    make("div", { class: "mcss-title" }, label),
    svg,
    ...(turnable ? [control.node] : []),
  );
  const [up, back] = [Math.cos((tilt * Math.PI) / 180), Math.sin((tilt * Math.PI) / 180)];
  let last = [];

  function project([x, y, z]) {
    const a = (control.value * Math.PI) / 180;
    const depth = -x * Math.sin(a) + y * Math.cos(a);
    return [x * Math.cos(a) + y * Math.sin(a), -z * up - depth * back];
  }

  function line(from, to, stroke, width, dash) {
    const [x1, y1] = project(from);
    const [x2, y2] = project(to);
    const pen = { stroke, "stroke-width": width, "stroke-linecap": "round" };
    if (dash) pen["stroke-dasharray"] = dash;
    return make("line", { x1, y1, x2, y2, ...pen });
  }

  function word(text, at, fill = "currentColor") {
    const [x, y] = project(at);
    const centred = { "text-anchor": "middle", "dominant-baseline": "middle" };
    return make("text", { x, y, fill, "font-size": turnable ? 110 : 170, ...centred }, text);
  }

  // The point at an angle (radians) and a distance from the middle, on the floor.
  const around = (angle, radius, floor) => {
    return [radius * Math.cos(angle), radius * Math.sin(angle), floor];
  };

  // skeletons: [{joints, dashed}]; marks: [{at, text}] on the floor around.
  function show(skeletons, marks = [], description = label) {
    last = [skeletons, marks, description];
    const heights = skeletons.flatMap(({ joints }) => joints.map((joint) => joint[2]));
    const floor = Math.min(...heights) - 40;
    const circle = [...Array(37).keys()].map((k) => around((k * Math.PI) / 18, 800, floor));
    const points = circle.map((point) => project(point).join(",")).join(" ");
    svg.replaceChildren(
      make("polyline", { points, fill: "none", stroke: GREY, "stroke-width": 6 }),
    );
    if (axes) {
      const origin = [0, 0, floor];
      svg.append(
        line(origin, [600, 0, floor], GREEN, 14),
        word("x", [690, 0, floor], GREEN),
        line(origin, [0, 600, floor], PURPLE, 14),
        word("y", [0, 690, floor], PURPLE),
      );
    }
    for (const { at, text } of marks) svg.append(word(text, around(at, 900, floor)));
    for (const { joints, dashed } of skeletons) {
      const [width, dash] = dashed ? [20, "30 40"] : [34, ""];
      for (const [a, b] of BONES) {
        svg.append(line(joints[a], joints[b], sideOf(b), width, dash));
      }
    }
    svg.setAttribute("aria-label", description);
  }

  function seenFrom(degrees) {
    control.set(inCircle(degrees));
    show(...last);
  }

  control.changed = () => show(...last);
  if (turnable || turned) {
    turnedByHand(svg, turned ?? ((degrees) => seenFrom(control.value + degrees)));
  }
  return { node, show, seenFrom };
}

const inCircle = (degrees) => ((degrees % 360) + 360) % 360;

// Calls `turnBy` with degrees where the arrow keys or a finger turn a drawing: one for two pixels,
// however many events they come in.
function turnedByHand(svg, turnBy) {
  svg.setAttribute("tabindex", 0);
  svg.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    turnBy(event.key === "ArrowLeft" ? -10 : 10);
    event.preventDefault();
  });
  let from = null;
  svg.addEventListener("pointerdown", (event) => {
    from = event.clientX;
    svg.setPointerCapture(event.pointerId);
  });
  svg.addEventListener("pointermove", (event) => {
    if (from === null) return;
    const degrees = Math.trunc((from - event.clientX) / 2);
    if (!degrees) return;
    turnBy(degrees);
    from -= 2 * degrees;
  });
  for (const end of ["pointerup", "pointercancel"]) {
    svg.addEventListener(end, () => {
      from = null;
    });
  }
}
