"""The few-shot mode and what to label next, on takes whose poses and events are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from app.commands import AcceptSuggestions, DeleteEvents, PutEvents, RemoveVideo, SaveOntology
from app.services.align import align_takes
from app.services.next_label import what_next
from app.services.propose import Proposals, propose_events
from app.session import Session
from models.domain.attention import Look
from models.domain.errors import KnownError
from models.domain.labels import Event, LabelOrigin
from models.domain.ontology import make_ontology
from models.nets.pose_encoder import PoseEncoder, PoseEncoderConfig
from models.run.embed import Encoder
from models.run.encoder_input import FEATURES
from storage import embeddings
from storage.videos import Video
from tests.app.takes import add, figure, put_track, raising, run, write_take

ONTOLOGY = make_ontology("raise", "Raising", ("level", "up"))
SPANS = {"a": (60, 0.2, 0.7), "b": (80, 0.3, 0.9), "c": (50, 0.1, 0.6), "d": (70, 0.4, 0.8)}


@pytest.fixture
def session(tmp_path: Path):
    with Session.create(tmp_path / "p.keyphase", ONTOLOGY) as made:
        yield made


@pytest.fixture
def takes(session: Session, tmp_path: Path) -> dict[str, Video]:
    """Four takes of arms that go up at different times; none is labelled."""
    files = [write_take(tmp_path / f"{n}.mp4", span[0], 200 * k) for k, (n, span) in enumerate(SPANS.items())]
    made = dict(zip(SPANS, add(session, *files), strict=True))
    for name, video in made.items():
        put_track(session, video, raising(*SPANS[name]))
    return made


def truth(name: str) -> tuple[int, int]:
    """Frames in which the arms pass the level of the shoulders, and are nearly up."""
    frames, start, stop = SPANS[name]
    return tuple(round((start + share * (stop - start)) * (frames - 1)) for share in (0.5, 0.95))  # type: ignore[return-value]


def label(session: Session, takes: dict[str, Video], *names: str) -> None:
    events = [
        Event(f"{name}{i}", takes[name].uid, key.uid, takes[name].info.times.pts_at(frame), annotator="Ada")
        for name in names
        for i, (key, frame) in enumerate(zip(ONTOLOGY.events, truth(name), strict=True))
    ]
    session.history.do(PutEvents(tuple(events)))


def propose(session: Session, **more: object) -> Proposals:
    found: list[Proposals] = []
    run(propose_events(session, found.append, **more))  # type: ignore[arg-type]
    return found[0]


def looks(session: Session) -> list[Look]:
    found: list[list[Look]] = []
    run(what_next(session, found.append))
    return found[0]


@pytest.mark.parametrize("kind", ["logistic", "svc"])
def test_events_are_proposed_where_they_are(session: Session, takes: dict[str, Video], kind: str) -> None:
    label(session, takes, "a", "b")
    made = propose(session, kind=kind)
    assert made.examples == 2 and made.model == f"{kind} on poses-2d"
    assert {event.video_uid for event in made.events} == {takes["c"].uid, takes["d"].uid}
    for name in "cd":
        mine = [e for e in session.events(takes[name].uid) if e.origin == LabelOrigin.MODEL]
        frames = [takes[name].info.times.index_at(event.pts) for event in mine]
        assert np.abs(np.subtract(frames, truth(name))).max() <= 4
        assert all(event.uncertainty_frames >= 1 and event.model == made.model for event in mine)
    session.history.undo()
    assert session.suggestions() == []


def test_what_people_set_is_kept_and_proposing_again_replaces(
    session: Session, takes: dict[str, Video]
) -> None:
    label(session, takes, "a")
    first = propose(session)
    mine = next(event for event in first.events if event.video_uid == takes["b"].uid)
    session.history.do(AcceptSuggestions((mine.uid,), "Bea"))
    again = propose(session)
    assert again.examples == 1 and mine.key_event_uid not in {
        event.key_event_uid for event in again.events if event.video_uid == takes["b"].uid
    }
    assert {e.uid for e in session.suggestions()} == {e.uid for e in again.events}
    rest = [e.uid for e in session.suggestions() if e.video_uid == takes["b"].uid]
    session.history.do(AcceptSuggestions(tuple(rest), "Bea"))
    assert propose(session).examples == 2, "accepted labels count"


def test_only_the_named_takes(session: Session, takes: dict[str, Video]) -> None:
    label(session, takes, "a")
    assert {e.video_uid for e in propose(session, targets=[takes["c"]]).events} == {takes["c"].uid}


def test_nothing_to_learn_from_is_said(session: Session, takes: dict[str, Video]) -> None:
    with pytest.raises(KnownError, match="No take has key events of 'Raising'"):
        propose(session)
    session.history.do(PutEvents((Event("x", takes["a"].uid, "raise/0", 3),)))
    with pytest.raises(KnownError, match="Label all key events"):
        propose(session)  # what comes after one of two events is not known


def test_takes_without_poses_and_of_one_frame_are_left_out(
    session: Session, takes: dict[str, Video], tmp_path: Path
) -> None:
    label(session, takes, "a", "b")
    bare, single = add(
        session, write_take(tmp_path / "bare.mp4", 20, 900), write_take(tmp_path / "one.mp4", 1, 950)
    )
    put_track(session, single, figure(0.5)[None])
    made = propose(session)
    assert made.left_out == ("bare left out: it has no poses",)
    assert not {bare.uid, single.uid} & {event.video_uid for event in made.events}


def test_a_key_event_that_went_meanwhile_is_not_proposed(session: Session, takes: dict[str, Video]) -> None:
    label(session, takes, "a")
    found: list[Proposals] = []
    steps = propose_events(session, found.append)
    next(steps)
    (old,) = session.ontologies()
    fewer = make_ontology("raise", "Raising", ("level",))
    assert fewer.uid == old.uid
    session.history.do(SaveOntology(fewer, delete_labels=True))
    session.history.do(RemoveVideo(takes["d"].uid))
    run(steps)
    assert {e.key_event_uid for e in session.suggestions()} == {"raise/0"}
    assert takes["d"].uid not in {e.video_uid for e in session.suggestions()}


def test_an_encoder_may_be_learnt_on(
    session: Session, takes: dict[str, Video], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Embeddings are made where they are missing; the classifier sees them instead of the poses."""
    torch.manual_seed(0)
    net = PoseEncoder(PoseEncoderConfig(FEATURES, channels=16, dimensions=8)).eval()
    encoder = Encoder("small", "poses", net, {"dimensions": 8})
    monkeypatch.setattr("models.run.embed.load_encoder", lambda _name=None: encoder)
    label(session, takes, "a", "b")
    made = propose(session, model="small")
    assert made.model == "logistic on small"
    assert {event.video_uid for event in made.events} <= {takes["c"].uid, takes["d"].uid}
    with session.project.reading() as tx:
        kept = [embeddings.get(tx, video.uid, "small") for video in takes.values()]
    assert all(found is not None and found.values.shape[1] == 8 for found in kept)


def test_what_is_next_is_said_in_words(session: Session, takes: dict[str, Video]) -> None:
    (first,) = looks(session)
    assert first.key_event_uid == "" and "nothing is labelled yet" in first.why
    label(session, takes, "a", "b", "c")
    wrong = Event("b1", takes["b"].uid, "raise/1", takes["b"].info.times.pts_at(20), annotator="Ada")
    session.history.do(PutEvents((wrong,)))
    found = looks(session)
    assert [(look.video_uid, look.why) for look in found if not look.key_event_uid] == [
        (takes[name].uid, "it is aligned to no labelled take") for name in ("d", "b", "a", "c") if name == "d"
    ]
    for name in "abc":
        run(align_takes(session, takes[name], [v for v in takes.values() if v.uid != takes[name].uid]))
    found = looks(session)
    top = next(look for look in found if look.video_uid == takes["d"].uid)
    assert top.key_event_uid == "raise/1" and "disagree by" in top.why
    assert session.suggestions() == [], "looking changes nothing"


def test_a_label_that_the_others_put_elsewhere_is_doubted(session: Session, takes: dict[str, Video]) -> None:
    label(session, takes, *SPANS)
    for name in "abc":
        run(align_takes(session, takes[name], [v for v in takes.values() if v.uid != takes[name].uid]))
    assert not [look for look in looks(session) if "your label" in look.why]
    moved = Event("d0", takes["d"].uid, "raise/0", takes["d"].info.times.pts_at(2), annotator="Ada")
    session.history.do(PutEvents((moved,)))
    (look,) = [look for look in looks(session) if "your label" in look.why]
    assert (look.video_uid, look.key_event_uid, look.frame) == (takes["d"].uid, "raise/0", 2)
    assert "three takes agree" in look.why
    session.history.do(DeleteEvents(("d0",)))
