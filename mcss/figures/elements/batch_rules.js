// One batch under each combination of the two rules, and what a network could do instead of looking at the pose.
const row = pictures(84, { share: 47, together: 2 }), numbers = table(), what = note();
const controls = {
  same: toggle("one subject in a batch", true),
  gap: toggle(`a time gap of ${data.gap} s`, true),
};
element(root, controls, [row, numbers, what], ({ same, gap }) => {
  const batch = data.batches[same ? 1 : 0][gap ? 1 : 0], n = batch.names.length;
  const alike = (i) => batch.nearest[i] < data.alike;
  row.show(batch.names.flatMap((name, i) => [
    { sheet: batch.sheet, index: 2 * i, caption: name, frame: alike(i) ? ORANGE : null },
    { sheet: batch.sheet, index: 2 * i + 1, caption: alike(i) ? `like pair ${batch.twin[i]}: ${batch.nearest[i].toFixed(0)} mm` : "its positive", frame: alike(i) ? ORANGE : null },
  ]));
  numbers.show(["over many batches", "answered by clothes alone", "pairs with a near-duplicate negative"],
    [["these rules", Math.round(100 * batch.colour) + "%", Math.round(100 * batch.duplicates) + "%"]]);
  what.show(`${n} pairs, anchor and positive side by side${gap ? `, two of one clip at least ${data.gap} s apart` : ", of each person a stretch of video"}. Orange: another pair of the batch shows nearly the same pose (under ${data.alike} mm), and would be pushed away. ` +
    `Clothes: the average colour of the person finds the own positive among the nearest quarter; chance is 25%.`);
  return { same, gap, colour: batch.colour, duplicates: batch.duplicates };
});
