"""The pictures of the book; nothing that trains or measures.

`plots`     what the chapters draw with; `source` shows a function
`pictures`  images side by side; `averages` smooths curves
`results`   the results of `mcss.experiments` as tables and pictures
`speed`     the measurements of `make bench` as tables and pictures
`elements`  the interactive figures

Each interactive figure is a pair of files in `elements`: the Python file gathers its
data, the script of the same name draws them with what `engine.js` holds, dressed by
`element.css`. `element.py` makes one piece of HTML of all that.

Chapter                         Drawn by               Called
0   start                       `first_look`           `first_look`
1   multiview data              `multiview_browser`    `multiview_browser`
2   canonical pose              `canonical`            `canonical_turntable`
4   hard-negative mining        `mining`               `mining_table`
5   batches                     `batch_rules`          `batch_rules`
6   joint training              `training`             `training_film`
7   evaluating poses            `prediction`           `prediction_viewer`
9   retrieval                   `retrieval`            `retrieval_table`
10  what the embedding knows    `embedding_map`        `embedding_map`
10  what the embedding knows    `distances`            `distance_table`
10c rivals                      `novel_view`           `novel_view`
all poses                       `skeletons`            `skeletons`
"""
