import pytest
import torch

from mcss.skeleton import BONES, JOINTS, LEFT_HIP, ROOT, check_pose, root_relative


def test_the_skeleton_is_one_tree_of_17_joints():
    assert len(JOINTS) == 17 and JOINTS[ROOT] == "pelvis" and JOINTS[LEFT_HIP] == "left hip"
    assert sorted(child for _, child in BONES) == list(range(1, 17))
    assert all(parent < child for parent, child in BONES)


def test_left_and_right_bones_mirror_each_other():
    def mirrored(name):
        return name.replace("left", "?").replace("right", "left").replace("?", "right")

    named = {(JOINTS[a], JOINTS[b]) for a, b in BONES}
    assert {(mirrored(a), mirrored(b)) for a, b in named} == named


def test_root_relative_leaves_the_root_out():
    world = torch.arange(51.0).reshape(17, 3)
    pose = root_relative(world)
    assert pose.shape == (16, 3)
    assert pose[0].tolist() == [3, 3, 3] and pose[LEFT_HIP - 1].tolist() == [12, 12, 12]


@pytest.mark.parametrize("shape", [(16, 3), (17, 2), (17,)])
def test_root_relative_refuses_other_shapes(shape):
    with pytest.raises(ValueError, match="17 joints"):
        root_relative(torch.zeros(shape))


def test_a_bad_frame_is_named():
    poses = torch.zeros(5, 16, 3)
    poses[3, 2, 1] = torch.nan
    with pytest.raises(ValueError, match="index 3"):
        check_pose(poses)
