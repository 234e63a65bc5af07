"""Skeletons that ship, and the mappings between them."""

import itertools

import numpy as np
import pytest

from models.domain.errors import KnownError
from models.domain.mapping import joint_sources, map_keypoints, missing_joints
from models.domain.skeleton import load_skeleton, skeleton_names


@pytest.mark.parametrize("name", skeleton_names())
def test_left_and_right_are_each_others_mirror(name):
    skeleton = load_skeleton(name)
    for joint, other in enumerate(skeleton.flip):
        assert skeleton.flip[other] == joint
        assert {skeleton.side(joint), skeleton.side(other)} in ({"left", "right"}, {"middle"})


def test_human36m_order_is_the_published_one():
    skeleton = load_skeleton("h36m17")
    assert skeleton.parents == (-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15)
    assert (
        skeleton.joints[0] == "pelvis"
        and skeleton.joints[4] == "left hip"
        and skeleton.joints[14] == "right shoulder"
    )


@pytest.mark.parametrize(("source", "target"), list(itertools.permutations(skeleton_names(), 2)))
def test_mapping_keeps_sides_and_shared_joints(source, target):
    a, b = load_skeleton(source), load_skeleton(target)
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.uniform(0, 100, (len(a), 2)), np.full((len(a), 1), 0.5)], axis=1).astype(
        np.float32
    )
    mapped = map_keypoints(values, source, target)
    for joint, names in joint_sources(a, b).items():
        expected = values[[a.index(n) for n in names], :2].mean(axis=0)
        np.testing.assert_allclose(mapped[b.index(joint), :2], expected, rtol=1e-6)
        for side in ("left", "right"):
            if joint.startswith(side):
                assert all(name.startswith(side) for name in names)
    for joint in missing_joints(source, target):
        assert np.isnan(mapped[b.index(joint), :2]).all() and mapped[b.index(joint), 2] == 0


def test_an_unseen_source_joint_makes_the_derived_one_unseen():
    lsp = load_skeleton("lsp14")
    values = np.ones((14, 3), dtype=np.float32)
    values[lsp.index("left hip"), :2] = np.nan
    mapped = map_keypoints(values, "lsp14", "h36m17")
    assert np.isnan(mapped[0, 0]) and mapped[0, 2] == 0


@pytest.mark.parametrize("source", ["body19", "coco17", "lsp14", "penn13", "mpii16"])
def test_what_human36m_cannot_get_is_declared(source):
    expected = {
        "body19": set(),
        "coco17": {"head top"},
        "lsp14": {"neck"},
        "penn13": {"neck", "head top"},
        "mpii16": set(),
    }
    assert set(missing_joints(source, "h36m17")) == expected[source]


def test_an_unknown_skeleton_names_the_known_ones():
    with pytest.raises(KnownError, match="coco17"):
        load_skeleton("nobody")
