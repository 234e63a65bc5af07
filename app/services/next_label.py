"""What to label next: moments on which labelled takes, alignments and the classifier disagree.

Every line says why in words. Its weight is the time in doubt, in seconds, so that takes of different frame
rates compare; a label that a person set is doubted only when several other takes agree on another place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from app.services.landings import Label, landed, peoples_labels, sources_of, what
from app.services.propose import Proposals, propose_events
from app.services.ways import Ways
from app.session import Session
from models.domain.alignment import Alignment
from models.domain.attention import Look, ranked
from models.domain.errors import KnownError
from models.domain.labels import Event
from models.domain.landing import Landing, estimate
from models.domain.ontology import Ontology
from models.domain.progress import Progress
from storage import alignments, ontologies, tracks
from storage.videos import Video

LEAST_FRAMES = 3  # of disagreement; less is how exactly people label
AGREEING = 3  # other takes it needs to doubt a person's label


def what_next(session: Session, report: Callable[[list[Look]], object]) -> Iterator[Progress]:
    """Work out the ranked list and `report` it. Nothing in the project changes."""
    takes = session.videos()
    with session.project.reading() as tx:
        ontology = ontologies.current(tx)
        labelled = {video.uid: peoples_labels(tx, video.uid) for video in takes}
        warps = alignments.all_alignments(tx)
        posed = {video.uid for video in takes if tracks.active(tx, video.uid, 2) is not None}
    ways = Ways(warps)
    keys = {key.uid for key in ontology.events}
    with_labels = [v for v in takes if any(what(label)[0] in keys for label in labelled[v.uid])]
    total = len(takes) + 1
    if not with_labels:
        report(_first(takes, warps, posed))
        yield Progress(total, total, "nothing is labelled yet")
        return
    proposed: list[Proposals] = []
    yield Progress(0, total, "asking the classifier")
    try:
        for step in propose_events(session, proposed.append, store=False):
            yield Progress(0, total, step.note)
    except KnownError:
        proposed.clear()  # nothing to learn from: the alignments have their say alone
    model = {(e.video_uid, e.key_event_uid): e for e in (proposed[0].events if proposed else ())}
    looks: list[Look] = []
    for done, video in enumerate(takes):
        yield Progress(done + 1, total, f"comparing {video.name}")
        looks += _of_take(video, with_labels, labelled, ways, model, ontology, video.uid in posed)
    found = ranked(looks)
    report(found)
    yield Progress(total, total, f"{len(found)} moment{'' if len(found) == 1 else 's'} to look at")


def _of_take(
    video: Video,
    with_labels: Sequence[Video],
    labelled: dict[str, tuple[Label, ...]],
    ways: Ways,
    model: dict[tuple[str, str], Event],
    ontology: Ontology,
    has_poses: bool,
) -> list[Look]:
    own = {label.key_event_uid: label for label in labelled[video.uid] if isinstance(label, Event)}
    lacking = [key for key in ontology.events if key.uid not in own]
    fps, times, count = video.info.times.fps, video.info.times, video.info.frame_count
    sources = sources_of(video, with_labels, labelled, ways)
    if not sources and lacking:
        if video in with_labels and len(with_labels) == 1:
            return []
        why = (
            "it is aligned to no labelled take"
            if has_poses
            else "it has no poses yet, so nothing is known of it"
        )
        return [Look(video.uid, 0, "", video.info.times.duration_s, why)]
    marks = landed(sources)
    looks = []
    for key in ontology.events:
        there = [m for m in marks.get(((key.uid,), 0), ()) if m.ends is not None]
        landings = [m.ends[0] for m in there if m.ends is not None]
        guess = model.get((video.uid, key.uid))
        if key.uid in own:
            mine = times.index_at(own[key.uid].pts)
            looks += _doubted(video, key.uid, mine, landings)
            continue
        if not landings:
            if sources and ((key.uid,), 0) in marks:
                why = f"{_those(len(sources))} match only a part of this take, without this event"
                frame = times.index_at(guess.pts) if guess else count // 2
                looks.append(Look(video.uid, frame, key.uid, 0.25 * times.duration_s, why))
            continue
        middle = estimate(landings, count)
        frame = int(np.clip(round(middle.frame), 0, count - 1))
        spread = max(m.frame for m in landings) - min(m.frame for m in landings)
        reasons = (
            [(spread, f"{_those(len(landings), 'source')} disagree by {spread:.0f} frames")]
            if len(landings) > 1
            else []
        )
        if guess is not None:
            apart = abs(times.index_at(guess.pts) - middle.frame)
            reasons.append((apart, f"transfer and classifier disagree by {apart:.0f} frames"))
        cycle = float(np.median([m.cycle for m in landings]))
        reasons.append(
            (cycle, f"the alignment misses itself by {cycle:.0f} frames on the way there and back")
        )
        wide = float(np.median([m.half_width for m in landings]))
        reasons.append((wide, f"{2 * wide + 1:.0f} frames in a row fit equally well"))
        apart, why = max(reasons)
        if apart >= LEAST_FRAMES:
            looks.append(Look(video.uid, frame, key.uid, apart / fps, why))
    return looks


def _doubted(video: Video, key_event_uid: str, mine: int, landings: Sequence[Landing]) -> list[Look]:
    """A person's label that several takes put elsewhere, further than they lie apart themselves."""
    if len(landings) < AGREEING:
        return []
    middle = estimate(landings, video.info.frame_count)
    apart = abs(mine - middle.frame)
    spread = float(np.ptp([landing.frame for landing in landings]))
    if apart < LEAST_FRAMES or apart <= max(middle.uncertainty_frames, spread):
        return []
    frame = int(np.clip(round(middle.frame), 0, video.info.frame_count - 1))
    why = (
        f"{_those(len(landings), 'take')} agree on a place {apart:.0f} frames from your label (frame {frame})"
    )
    return [Look(video.uid, mine, key_event_uid, apart / video.info.times.fps, why)]


def _first(takes: Sequence[Video], warps: Sequence[Alignment], posed: set[str]) -> list[Look]:
    """Nothing is labelled: begin with the take that is most like the others."""
    if not takes:
        return []
    costs: dict[str, list[float]] = {}
    for warp in warps:
        for uid in (warp.reference_uid, warp.query_uid):
            costs.setdefault(uid, []).append(float(warp.cost.mean()))
    most = max((len(found) for found in costs.values()), default=0)
    central = [uid for uid, found in costs.items() if len(found) == most]
    best = min(central, key=lambda uid: float(np.mean(costs[uid])), default="")
    video = next((v for v in takes if v.uid == best), None) or next(
        (v for v in takes if v.uid in posed), takes[0]
    )
    why = (
        "nothing is labelled yet; most takes are aligned to this one, so its labels reach furthest"
        if video.uid == best
        else "nothing is labelled yet; label all key events of one take first"
    )
    return [Look(video.uid, 0, "", video.info.times.duration_s, why)]


_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def _those(count: int, noun: str = "labelled take") -> str:
    """ "three sources", "one source":"""
    number = _NUMBERS[count] if count < len(_NUMBERS) else str(count)
    return f"{number} {noun}{'' if count == 1 else 's'}"
