// Eq. 1 and 2 over a real matrix of distances: which negative is chosen for each pair, and what the loss makes of it.
const m = data.pairs, cell = 400 / m;
const heat = make("svg", { viewBox: "-14 -14 416 416", class: "mcss-scatter", role: "img" });
const map = { node: make("div", { class: "mcss-panel" }, make("div", { class: "mcss-title" }, "D(i, j): dark is near"), heat, make("div", { class: "mcss-legend" }, "row: anchor i, column: positive j. Crossed out: not beyond β. Framed: the row and column of the pair, and its hardest negative.")) };
const row = pictures(150, { share: 47 }), numbers = table(), what = note();
const controls = {
  network: choice("embedding", data.embeddings.map((e) => e.name), data.embeddings.length - 1),
  alpha: slider("margin α", { max: 1.5, step: 0.05, value: 0.6, text: (v) => v.toFixed(2) }),
  beta: slider("β", { max: 1, step: 0.05, value: 0.3, text: (v) => v.toFixed(2) }),
  pair: slider("pair i", { max: m - 1, value: 3 }),
};

// {distance, kind, index}: the nearest of row i and column i, the anchors i themselves left out. `literal` reads Eq. 1 as printed.
function hardest(D, i, beta, literal) {
  let best = { score: Infinity };
  for (let j = 0; j < m; j++) {
    if (j === i) continue;
    for (const [distance, kind] of [[D[i][j], "positive"], [D[j][i], "anchor"]]) {
      const score = distance > beta ? distance : literal ? 0 : Infinity;
      if (score < best.score) best = { score, distance, kind, index: j };
    }
  }
  return best;
}

element(root, controls, [map, row, numbers, what], ({ network, alpha, beta, pair }) => {
  const D = data.embeddings[network].distances, high = Math.max(...D.flat());
  const found = D.map((_, i) => hardest(D, i, beta, false)), chosen = found[pair], literal = hardest(D, pair, beta, true);
  const push = found.map((f) => Math.max(0, alpha - f.score)), pull = D.map((r, i) => r[i]);
  const loss = pull.reduce((total, d, i) => total + d + push[i], 0) / m, valid = found.filter((f) => f.score < Infinity).length;
  heat.replaceChildren();
  D.forEach((line, i) => line.forEach((d, j) => {
    const light = Math.round(20 + 70 * (d / high));
    heat.append(make("rect", { x: j * cell, y: i * cell, width: cell, height: cell, fill: `hsl(205 60% ${light}%)` }));
    if (i !== j && d <= beta) heat.append(make("line", { x1: j * cell, y1: i * cell, x2: (j + 1) * cell, y2: (i + 1) * cell, stroke: ORANGE, "stroke-width": 2 }));
  }));
  heat.setAttribute("aria-label", `Distances of ${m} anchors to ${m} positives; pair ${pair} is framed`);
  const frame = (x, y, w, h, colour) => heat.append(make("rect", { x, y, width: w, height: h, fill: "none", stroke: colour, "stroke-width": 3 }));
  frame(0, pair * cell, 400, cell, GREY);
  frame(pair * cell, 0, cell, 400, GREY);
  frame(pair * cell, pair * cell, cell, cell, BLUE);
  if (chosen.index !== undefined) chosen.kind === "positive" ? frame(chosen.index * cell, pair * cell, cell, cell, RED) : frame(pair * cell, chosen.index * cell, cell, cell, RED);
  const picture = (f, caption, colour) => ({ sheet: data.sheet, index: f.kind === "anchor" ? f.index : m + f.index, caption, frame: colour });
  row.show([
    picture({ kind: "anchor", index: pair }, `anchor ${pair}`),
    picture({ kind: "positive", index: pair }, `positive ${pair}: D = ${pull[pair].toFixed(2)}`, BLUE),
    ...(chosen.index === undefined ? [] : [picture(chosen, `hardest negative, ${chosen.kind} ${chosen.index}: ${chosen.distance.toFixed(2)}`, RED)]),
    ...(literal.index === undefined || literal.distance > beta ? [] : [picture(literal, `the literal Eq. 1 takes ${literal.kind} ${literal.index}: ${literal.distance.toFixed(2)}`, ORANGE)]),
  ]);
  const mean = (values) => (values.reduce((a, b) => a + b, 0) / m).toFixed(3);
  numbers.show(["mean over the batch", "pull D(i, i)", "push max(0, α − Dmin)", "loss (Eq. 2)"], [["", mean(pull), mean(push), loss.toFixed(3)]]);
  what.show(`${valid} of ${m} pairs have a valid negative. ` + (chosen.index === undefined ? `Pair ${pair} has none beyond β, so nothing pushes it.` : push[pair] > 0 ? `Pair ${pair} is pushed by ${push[pair].toFixed(2)}.` : `The hardest negative of pair ${pair} is farther than α: no push.`));
  return { loss, valid, nearest: chosen.index === undefined ? null : chosen.distance, alpha, beta };
});
