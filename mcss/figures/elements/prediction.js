// A predicted pose laid over the true one, after what each error forgives.
const picture = pictures(180, { beside: true });
const body = skeleton("solid: the truth; dashed: predicted", { turn: 20 });
const numbers = table();
const what = note();
const errors = ["MPJPE", "N-MPJPE", "PA-MPJPE"];
const forgiven = ["nothing", "scale", "scale, rotation and shift"];
const controls = {
  image: slider("picture", { max: data.names.length - 1, text: (i) => data.names[i] }),
  network: choice("network", data.networks.map((network) => network.name)),
  forgive: choice("forgive", forgiven),
};

element(root, controls, [picture, body, numbers, what], ({ image, network, forgive }) => {
  const chosen = data.networks[network];
  const name = data.names[image];
  const error = chosen.errors[forgive][image];
  picture.show([{ sheet: data.sheet, index: image, caption: name }]);
  body.show(
    [{ joints: data.truth[image] }, { joints: chosen.joints[forgive][image], dashed: true }],
    [],
    `${name}: the true pose and that of ${chosen.name}`,
  );
  numbers.show(
    ["mm", ...errors],
    data.networks.map((n) => [n.name, ...n.errors.map((e) => e[image].toFixed(0))]),
  );
  what.show(
    `${errors[forgive]} forgives ${forgiven[forgive]}: ` +
      `${error.toFixed(0)} mm for ${chosen.name} on this picture. ${SIDES}`,
  );
  return { image: name, network: chosen.name, error };
});
