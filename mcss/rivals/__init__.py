"""The paper's rivals (Table 1) and the one that beat it since: what else can be learned
from synchronised cameras. One file a method; nothing of the method imports any.

`cameras`            the rotation from one picture's camera to another's
`background`         each camera's empty room, estimated from its pictures
`limbs`              2D joints, and a map for each limb
`base`, `decoder`    what several of them share
`novel_view`         draw another camera's picture (Rhodin et al., ECCV 2018)
`view_consistency`   predict one pose from all views (Rhodin et al., CVPR 2018)
`skeleton_maps`      draw another camera's 2D skeleton (Chen et al., CVPR 2019)
`synchronisation`    same moment? mirrored? (Jenni and Favaro, ACCV 2020)
`feeding`            the batches, and what each method is given besides
`training`           one loop for all, on the batches and schedule of MCSS
`evaluation`         predictions in the camera's frame, and the same turned to Eq. 3's
"""

from .novel_view import NovelView
from .skeleton_maps import SkeletonMaps
from .synchronisation import Synchronisation
from .view_consistency import ViewConsistency

#: The rivals by name.
RIVALS = {
    rival.name: rival
    for rival in (NovelView, ViewConsistency, SkeletonMaps, Synchronisation)
}
