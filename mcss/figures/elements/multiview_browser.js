// One instant of a person: its pictures from all cameras, and the skeleton that they share.
const people = data.subjects.map((person) => person.name);
const row = pictures(200, { share: 48, half: true });
const body = skeleton("the pose of all pictures", { turn: 30 });
const what = note();
const controls = {
  subject: choice("person", people),
  action: choice("action", data.actions),
  time: slider("time", {
    max: data.seconds.length - 1,
    text: (t) => data.seconds[t].toFixed(1) + " s",
    play: "once",
  }),
};

element(root, controls, [row, body, what], ({ subject, action, time }) => {
  const person = data.subjects[subject].name;
  const clip = data.subjects[subject].clips[action];
  const cameras = data.views.length;
  const frame = clip.frames[time];
  const joints = clip.joints[time];
  row.show(data.views.map((name, v) => ({
    sheet: clip.sheet,
    index: time * cameras + v,
    caption: name,
  })));
  body.show(
    [{ joints }],
    clip.cameras[time].map((at, v) => ({ at, text: "▲" + (v + 1) })),
    `${person}, ${data.actions[action]}, ${data.seconds[time]} seconds: ` +
      "the skeleton of the pictures",
  );
  what.show(
    `${person}, ${data.actions[action]}, frame ${frame}. ` +
      `The marks ▲1 to ▲${cameras} show where the cameras stand. ${SIDES}`,
  );
  return { subject: person, action: data.actions[action], frame, joints };
});
