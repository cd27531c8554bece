// A predicted pose laid over the true one, after what each error forgives.
const picture = pictures(180, { beside: true }), body = skeleton("solid: the truth; dashed: predicted", { turn: 20 }), numbers = table(), what = note();
const forgiven = ["nothing", "scale", "scale, rotation and shift"], errors = ["MPJPE", "N-MPJPE", "PA-MPJPE"];
const controls = {
  image: slider("picture", { max: data.names.length - 1, text: (i) => data.names[i] }),
  network: choice("network", data.networks.map((n) => n.name)),
  forgive: choice("forgive", forgiven),
};
element(root, controls, [picture, body, numbers, what], ({ image, network, forgive }) => {
  const net = data.networks[network];
  picture.show([{ sheet: data.sheet, index: image, caption: data.names[image] }]);
  body.show([{ joints: data.truth[image] }, { joints: net.joints[forgive][image], dashed: true }], [], `${data.names[image]}: the true pose and that of ${net.name}`);
  numbers.show(["mm", ...errors], data.networks.map((n) => [n.name, ...n.errors.map((e) => e[image].toFixed(0))]));
  what.show(`${errors[forgive]} forgives ${forgiven[forgive]}: ${net.errors[forgive][image].toFixed(0)} mm for ${net.name} on this picture. ${SIDES}`);
  return { image: data.names[image], network: net.name, error: net.errors[forgive][image] };
});
