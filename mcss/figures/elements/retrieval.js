// A query, its nearest neighbours in the embedding, and those that the Oracle would have taken.
const query = pictures(130), found = pictures(88), best = pictures(88), numbers = table(), what = note();
const heading = (text) => ({ node: make("div", { class: "mcss-title", style: "flex: 1 1 100%" }, text) });
const controls = {
  query: slider("query", { max: data.queries.length - 1, text: (i) => data.queries[i].name }),
  k: slider("K", { min: 1, max: data.most, value: 5 }),
  hard: choice("gallery", ["Case 1 (same)", "Case 2 (cross)"]),
};
const mean = (values, k) => values.slice(0, k).reduce((a, b) => a + b, 0) / k;
element(root, controls, [query, heading("nearest in the embedding"), found, heading("the Oracle's choice"), best, numbers, what], ({ query: q, k, hard }) => {
  const asked = data.queries[q], result = asked.cases[hard], [M, O] = [mean(result.model.errors, k), mean(result.oracle.errors, k)];
  const items = (list) => list.images.slice(0, k).map((index, i) => ({ sheet: asked.sheet, index, caption: `${list.errors[i].toFixed(0)} mm, ${list.names[i]}`, frame: list.errors[i] < data.alike ? GREEN : null }));
  query.show([{ sheet: asked.sheet, index: 0, caption: "query: " + asked.name, frame: BLUE }]);
  found.show(items(result.model));
  best.show(items(result.oracle));
  numbers.show(["mm, mean over K = " + k, "network M", "Oracle O", "M − O", "a blind pick"], [["this query", M.toFixed(1), O.toFixed(1), (M - O).toFixed(1), result.blind.toFixed(1)]]);
  what.show(`Each caption is the PA-MPJPE between that picture's pose and the query's. Green: within ${data.alike} mm. The gallery: ${hard ? "other cameras, other people only" : "all pictures of other cameras"}.`);
  return { query: asked.name, k, case: hard, M, O };
});
