"""How little the frames of two takes match, as a small matrix to look at behind their warp.

From poses it is the cost the aligner works with; from a model's embeddings, the cosine distance. Looking at
both, or at two models, shows what training changed: the valley along the path gets darker and narrower.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.services.take_features import key_title
from app.session import Session
from models.run.pose_features import PoseFeatures, common_pose, feature_costs, pose_features, shared_joints
from storage import embeddings, tracks
from storage.videos import Video

POSES = "poses"
MOST_CELLS = 200  # rows and columns: more than a plot in the side column shows

Floats = NDArray[np.float64]


def cost_sources(session: Session, reference: Video, query: Video) -> list[tuple[str, str]]:
    """Key and name of what a matrix can be made of: poses that both have, models that embedded both."""
    found = []
    with session.project.reading() as tx:
        if _dimensions(session, reference, query):
            found.append((POSES, "poses"))
        both = set(embeddings.models(tx, reference.uid)) & set(embeddings.models(tx, query.uid))
    return found + [(key, key_title(key)) for key in sorted(both)]


def warp_costs(session: Session, reference: Video, query: Video, source: str) -> Floats | None:
    """float64 (N, M), NaN = not known: rows evenly over the frames of the reference, columns over those of
    the query, at most `MOST_CELLS` of either. None where the source is gone."""
    if source == POSES:
        return _pose_costs(session, reference, query)
    with session.project.reading() as tx:
        found = [embeddings.get(tx, video.uid, source) for video in (reference, query)]
    if found[0] is None or found[1] is None:
        return None
    first, second = (_unit(_sampled(e.values.astype(np.float64))) for e in found if e is not None)
    return np.asarray(1.0 - first @ second.T)


def _pose_costs(session: Session, reference: Video, query: Video) -> Floats | None:
    dimensions = _dimensions(session, reference, query)
    if not dimensions:
        return None
    found = [session.track(video.uid, dimensions) for video in (reference, query)]
    if found[0] is None or found[1] is None:
        return None
    both = found[0][1], found[1][1]
    if not all(track.shows(0) for track in both):
        return None
    poses = [common_pose(track.values[:, 0], track.skeleton) for track in both]
    joints = shared_joints(*poses)
    if not joints.any():
        return None
    fps = [video.info.times.fps for video in (reference, query)]
    rows = _some(pose_features(poses[0], joints, fps[0]))
    views = [
        _some(pose_features(poses[1], joints, fps[1], mirrored=mirrored))
        for mirrored in ((False,) if dimensions == 3 else (False, True))
    ]
    costs = [np.sqrt(feature_costs(rows, view)) for view in views]
    return min(costs, key=lambda cost: float(cost.min(axis=1).mean()))


def _dimensions(session: Session, reference: Video, query: Video) -> int:
    """3 where both takes have 3D poses, else 2 where both have 2D ones, else 0."""
    with session.project.reading() as tx:
        for dimensions in (3, 2):
            if all(tracks.active(tx, video.uid, dimensions) is not None for video in (reference, query)):
                return dimensions
    return 0


def _sampled(values: Floats) -> Floats:
    """Rows evenly over time, the first and the last among them."""
    count = min(len(values), MOST_CELLS)
    return values[np.round(np.linspace(0, len(values) - 1, count)).astype(np.int64)]


def _some(features: PoseFeatures) -> PoseFeatures:
    return PoseFeatures(_sampled(features.values), _sampled(features.weight))


def _unit(values: Floats) -> Floats:
    return np.asarray(values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-9))
