// One instant of a person: its pictures from all cameras, and the skeleton that they share.
const names = data.subjects.map((s) => s.name);
const row = pictures(150, { share: 22 }), body = skeleton("the pose of all pictures", { turn: 30 }), what = note();
const controls = {
  subject: choice("person", names),
  action: choice("action", data.actions),
  time: slider("time", { max: data.seconds.length - 1, text: (t) => data.seconds[t].toFixed(1) + " s", play: true }),
};
element(root, controls, [row, body, what], ({ subject, action, time }) => {
  const person = data.subjects[subject], clip = person.clips[action], sheet = clip.sheet;
  row.show(data.views.map((name, v) => ({ sheet, index: time * data.views.length + v, caption: name })));
  body.show([{ joints: clip.joints[time] }], clip.cameras[time].map((at, v) => ({ at, text: "▲" + (v + 1) })),
    `${person.name}, ${data.actions[action]}, ${data.seconds[time]} seconds: the skeleton of the pictures`);
  what.show(`${person.name}, ${data.actions[action]}, frame ${clip.frames[time]}. The marks ▲1 to ▲${data.views.length} show where the cameras stand. ${SIDES}`);
  return { subject: person.name, action: data.actions[action], frame: clip.frames[time], joints: clip.joints[time] };
});
