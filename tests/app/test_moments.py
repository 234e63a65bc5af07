"""What all takes say about one, where something is missing: nobody seen, takes not aligned."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from app.services.align import align_takes
from app.services.alignment_matrix import alignment_matrix
from app.services.moments import differences, embed_takes, find_frame, map_takes
from app.session import Session
from models.domain.errors import KnownError
from models.domain.ontology import load_ontology
from models.nets.pose_encoder import PoseEncoder, PoseEncoderConfig
from models.run import encoder_input
from models.train.checkpoints import save_weights
from storage.videos import Video
from tests.app.takes import add, put_track, raising, run, write_take


@pytest.fixture
def session(tmp_path: Path):
    with Session.create(tmp_path / "p.keyphase", load_ontology("pouring")) as made:
        yield made


@pytest.fixture
def takes(session: Session, tmp_path: Path) -> list[Video]:
    """Two takes of one movement, one in which nobody was found, and one without poses."""
    lengths = (("a", 40), ("b", 50), ("empty", 30), ("bare", 5))
    files = [write_take(tmp_path / f"{name}.mp4", n, 100 * k) for k, (name, n) in enumerate(lengths)]
    videos = add(session, *files)
    for video in videos[:2]:
        put_track(session, video, raising(video.info.frame_count, 0.1, 0.9))
    put_track(session, videos[2], np.zeros((30, 0, 17, 3), np.float32))
    return videos


@pytest.fixture
def encoder(tmp_path: Path) -> str:
    config = PoseEncoderConfig(encoder_input.FEATURES, channels=16, dimensions=8)
    path = tmp_path / "mine.safetensors"
    save_weights(PoseEncoder(config).state_dict(), path, {"kind": "pose-encoder", **asdict(config)})
    return str(path)


def test_takes_in_which_nobody_was_found_are_passed_over(
    session: Session, takes: list[Video], encoder: str
) -> None:
    run(embed_takes(session, takes, encoder))
    found = find_frame(session, takes[0], 12, encoder, top=1)
    assert next((video.name, match.frame) for video, match in found) == ("a", 12)
    assert {video.name for video, _ in found} == {"a", "b"}
    assert [video.name for video, _ in map_takes(session, takes, encoder, "pca")] == ["a", "b"]
    with pytest.raises(KnownError, match="Nothing is known of frame 3 of take 'empty'"):
        find_frame(session, takes[2], 3, encoder)
    with pytest.raises(KnownError, match="No person was found in take 'empty'"):
        alignment_matrix(session, takes[0], takes[2], encoder)


def test_differences_name_the_takes_that_cannot_be_compared(session: Session, takes: list[Video]) -> None:
    with pytest.raises(KnownError, match="Fewer than two takes with poses are aligned to 'a'"):
        differences(session, takes[0])
    run(align_takes(session, takes[0], takes))
    found = differences(session, takes[0])
    assert len(found.found) == 2 and found.left_out == {"empty": "not aligned", "bare": "not aligned"}
    put_track(session, takes[1], np.zeros((50, 0, 17, 3), np.float32))
    with pytest.raises(KnownError, match="Fewer than two takes"):
        differences(session, takes[0])
