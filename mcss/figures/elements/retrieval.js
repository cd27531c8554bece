// A query, its nearest neighbours in the embedding, and those that the Oracle would have taken.
const heading = (text) => {
  return { node: make("div", { class: "mcss-title", style: "flex: 1 1 100%" }, text) };
};
const query = pictures(130);
const nearest = pictures(88);
const best = pictures(88);
const numbers = table();
const what = note();
const panels = [
  query,
  heading("nearest in the embedding"),
  nearest,
  heading("the Oracle's choice"),
  best,
  numbers,
  what,
];
const controls = {
  query: slider("query", { max: data.queries.length - 1, text: (i) => data.queries[i].name }),
  k: slider("K", { min: 1, max: data.most, value: 5 }),
  hard: choice("gallery", ["Case 1 (same)", "Case 2 (cross)"]),
};
const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;

element(root, controls, panels, ({ query: q, k, hard }) => {
  const { name, sheet, cases } = data.queries[q];
  const { model, oracle, blind } = cases[hard];
  const M = mean(model.errors.slice(0, k));
  const O = mean(oracle.errors.slice(0, k));
  const items = ({ images, errors, names }) => images.slice(0, k).map((index, i) => ({
    sheet,
    index,
    caption: `${errors[i].toFixed(0)} mm, ${names[i]}`,
    frame: errors[i] < data.alike ? GREEN : null,
  }));
  query.show([{ sheet, index: 0, caption: "query: " + name, frame: BLUE }]);
  nearest.show(items(model));
  best.show(items(oracle));
  numbers.show(
    ["mm, mean over K = " + k, "network M", "Oracle O", "M − O", "a blind pick"],
    [["this query", ...[M, O, M - O, blind].map((value) => value.toFixed(1))]],
  );
  const gallery = hard ? "other cameras, other people only" : "all pictures of other cameras";
  what.show(
    "Each caption is the PA-MPJPE between that picture's pose and the query's. " +
      `Green: within ${data.alike} mm. The gallery: ${gallery}.`,
  );
  return { query: name, k, case: hard, M, O };
});
