// One batch under each combination of the two rules, and what a network could do instead of looking
// at the pose.
const row = pictures(84, { share: 47, together: 2 });
const numbers = table();
const what = note();
const controls = {
  same: toggle("one subject in a batch", true),
  gap: toggle(`a time gap of ${data.gap} s`, true),
};
const percent = (share) => Math.round(100 * share) + "%";

// The two pictures of a pair, framed where another pair shows nearly its pose.
function pairOf(batch, i) {
  const alike = batch.nearest[i] < data.alike;
  const twin = `like pair ${batch.twin[i]}: ${batch.nearest[i].toFixed(0)} mm`;
  const frame = alike ? ORANGE : null;
  return [
    { sheet: batch.sheet, index: 2 * i, caption: batch.names[i], frame },
    { sheet: batch.sheet, index: 2 * i + 1, caption: alike ? twin : "its positive", frame },
  ];
}

element(root, controls, [row, numbers, what], ({ same, gap }) => {
  const batch = data.batches[same ? 1 : 0][gap ? 1 : 0];
  row.show(batch.names.flatMap((_, i) => pairOf(batch, i)));
  numbers.show(
    ["over many batches", "answered by clothes alone", "pairs with a near-duplicate negative"],
    [["these rules", percent(batch.colour), percent(batch.duplicates)]],
  );
  const times = gap
    ? `two of one clip at least ${data.gap} s apart`
    : "of each person a stretch of video";
  what.show(
    `${batch.names.length} pairs, anchor and positive side by side, ${times}. ` +
      "Orange: another pair of the batch shows nearly the same pose " +
      `(under ${data.alike} mm), and would be pushed away. ` +
      "Clothes: the average colour of the person finds the own positive " +
      "among the nearest quarter; chance is 25%.",
  );
  return { same, gap, colour: batch.colour, duplicates: batch.duplicates };
});
