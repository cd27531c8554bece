// Eq. 1 and 2 over a real matrix of distances: which negative is chosen for each pair, and what the
// loss makes of it.
const m = data.pairs;
const cell = SIDE / m;
const heat = matrix(m, choose, () => {
  const i = controls.pair.value;
  return [i, clicked.i === i ? clicked.j : i];
});
const map = {
  node: make(
    "div",
    { class: "mcss-panel" },
    make("div", { class: "mcss-title" }, "D(i, j): dark is near"),
    heat,
    make(
      "div",
      { class: "mcss-legend" },
      "Row: anchor i, column: positive j. A click on D(i, j), or the arrow keys, show the two " +
        "pictures. Crossed out: not beyond β. Framed: the row and column of the pair, and its " +
        "hardest negative.",
    ),
  ),
};
const row = pictures(190, { share: 47 });
const numbers = table();
const what = note();
let clicked = {}; // the square {i, j} that was clicked last
const decimals = (v) => v.toFixed(2);
const controls = {
  network: choice("embedding", data.embeddings.map((e) => e.name), data.embeddings.length - 1),
  alpha: slider("margin α", { max: 1.5, step: 0.05, value: 0.6, text: decimals }),
  beta: slider("β", { max: 1, step: 0.05, value: 0.3, text: decimals }),
  pair: slider("pair i", { max: m - 1, value: 3 }),
};

function choose(i, j) {
  clicked = { i, j };
  controls.pair.set(i);
  controls.pair.changed();
}

// {score, distance, kind, index}: the nearest of row i and column i, the pair itself left out.
// `literal` reads Eq. 1 as printed.
function hardest(D, i, beta, literal) {
  let best = { score: Infinity };
  for (let j = 0; j < m; j++) {
    if (j === i) continue;
    for (const [distance, kind] of [[D[i][j], "positive"], [D[j][i], "anchor"]]) {
      const tooNear = literal ? 0 : Infinity;
      const score = distance > beta ? distance : tooNear;
      if (score < best.score) best = { score, distance, kind, index: j };
    }
  }
  return best;
}

// The matrix, what is not beyond beta crossed out; `pair`, its negative and `other` are framed.
function drawMatrix(D, beta, pair, negative, other) {
  const high = Math.max(...D.flat());
  heat.replaceChildren();
  D.forEach((line, i) => line.forEach((d, j) => {
    const [x, y] = [j * cell, i * cell];
    const light = Math.round(20 + 70 * (d / high));
    const fill = `hsl(205 60% ${light}%)`;
    heat.append(make("rect", { x, y, width: cell, height: cell, fill }));
    if (i === j || d > beta) return;
    const ends = { x1: x, y1: y, x2: (j + 1) * cell, y2: (i + 1) * cell };
    heat.append(make("line", { ...ends, stroke: ORANGE, "stroke-width": 2 }));
  }));
  const frame = (column, row, width, height, stroke) => {
    const box = { x: column * cell, y: row * cell, width, height };
    heat.append(make("rect", { ...box, fill: "none", stroke, "stroke-width": 3 }));
  };
  frame(0, pair, SIDE, cell, GREY);
  frame(pair, 0, cell, SIDE, GREY);
  frame(pair, pair, cell, cell, BLUE);
  if (negative.kind === "positive") frame(negative.index, pair, cell, cell, RED);
  if (negative.kind === "anchor") frame(pair, negative.index, cell, cell, RED);
  if (other !== null) frame(other, pair, cell, cell, GREEN);
  heat.setAttribute(
    "aria-label",
    `Distances of ${m} anchors to ${m} positives; pair ${pair} is framed`,
  );
}

// The pictures of a pair, of its hardest negative, of the one that the literal Eq. 1 takes, and of
// `other`, the positive that was clicked.
function showPictures(pair, pull, negative, literal, beta, other, between) {
  const picture = (kind, index, caption, frame) => {
    return { sheet: data.sheet, index: kind === "anchor" ? index : m + index, caption, frame };
  };
  const chosen = (words, { kind, index, distance }, frame) => {
    return picture(kind, index, `${words} ${kind} ${index}: ${distance.toFixed(2)}`, frame);
  };
  const items = [
    picture("anchor", pair, `anchor ${pair}`),
    picture("positive", pair, `positive ${pair}: D = ${pull.toFixed(2)}`, BLUE),
  ];
  if (negative.kind) items.push(chosen("hardest negative,", negative, RED));
  if (literal.kind && literal.distance <= beta) {
    items.push(chosen("the literal Eq. 1 takes", literal, ORANGE));
  }
  if (other !== null) {
    items.push(picture("positive", other, `positive ${other}: D = ${between.toFixed(2)}`, GREEN));
  }
  row.show(items);
}

// What happens to a pair, in words.
function verdict(pair, negative, push) {
  if (!negative.kind) return `Pair ${pair} has none beyond β, so nothing pushes it.`;
  if (push > 0) return `Pair ${pair} is pushed by ${push.toFixed(2)}.`;
  return `The hardest negative of pair ${pair} is farther than α: no push.`;
}

element(root, controls, [map, column(row, numbers, what)], ({ network, alpha, beta, pair }) => {
  const D = data.embeddings[network].distances;
  const negatives = D.map((_, i) => hardest(D, i, beta, false));
  const negative = negatives[pair];
  const pull = D.map((line, i) => line[i]);
  const push = negatives.map(({ score }) => Math.max(0, alpha - score));
  const loss = pull.reduce((total, d, i) => total + d + push[i], 0) / m;
  const valid = negatives.filter(({ score }) => score < Infinity).length;
  const other = clicked.i === pair && clicked.j !== pair ? clicked.j : null;
  const literal = hardest(D, pair, beta, true);
  drawMatrix(D, beta, pair, negative, other);
  showPictures(pair, pull[pair], negative, literal, beta, other, D[pair][other]);
  const mean = (values) => (values.reduce((a, b) => a + b, 0) / m).toFixed(3);
  numbers.show(
    ["mean over the batch", "pull D(i, i)", "push max(0, α − Dmin)", "loss (Eq. 2)"],
    [[`${m} pairs`, mean(pull), mean(push), loss.toFixed(3)]],
  );
  what.show(
    `${valid} of ${m} pairs have a valid negative. ` + verdict(pair, negative, push[pair]),
  );
  const nearest = negative.kind ? negative.distance : null;
  return { loss, valid, nearest, alpha, beta, pair, other };
});
