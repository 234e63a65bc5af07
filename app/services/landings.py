"""Where the labels of labelled takes lie in another take: one landing per source, before any median.

Transferring takes their median; finding out what to label next looks at how far they lie apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection

from app.services.ways import Way, Ways, cost_of
from models.domain.labels import Event, Interval
from models.domain.landing import Landing, land
from storage import labels
from storage.videos import Video

Label = Event | Interval
What = tuple[str, ...]  # (key event uid,) or (tier, name)


@dataclass(frozen=True, slots=True)
class Source:
    """A labelled take and the way from it to the target."""

    video: Video
    way: Way
    labels: tuple[Label, ...]


@dataclass(frozen=True, slots=True)
class Landed:
    """A source's label, and where its moment (an interval's start and last frame) lies in the target; None
    where that is outside the part that is matched."""

    source: Source
    label: Label
    ends: tuple[Landing, ...] | None


def what(label: Label) -> What:
    """What a label is about, in any take."""
    return (label.key_event_uid,) if isinstance(label, Event) else (label.tier, label.name)


def peoples_labels(tx: Connection, video_uid: str) -> tuple[Label, ...]:
    """The labels of a take that are no suggestions, by time."""
    found: list[Label] = [*labels.events(tx, video_uid), *labels.intervals(tx, video_uid)]
    return tuple(label for label in found if not label.is_suggestion)


def sources_of(
    target: Video, takes: Sequence[Video], labelled: Mapping[str, Sequence[Label]], ways: Ways
) -> list[Source]:
    """Those of the takes that have labels and a way to the target, the most alike first."""
    found = []
    for video in takes:
        way = ways.between(video.uid, target.uid) if video.uid != target.uid else None
        if way is not None and labelled.get(video.uid):
            found.append(Source(video, way, tuple(labelled[video.uid])))
    return sorted(found, key=lambda source: cost_of(source.way))


def landed(sources: Sequence[Source]) -> dict[tuple[What, int], list[Landed]]:
    """Where each label of the sources lands, by what it is and how often it came before (a repeated action).

    Sources that have a label another number of times than most others do not take part for it: the first of
    three squats is not the only one of another take. On a tie the most alike source decides.
    """
    found: dict[tuple[What, int], list[Landed]] = {}
    counts = [Counter(what(label) for label in source.labels) for source in sources]
    for name in dict.fromkeys(name for count in counts for name in count):
        usual = Counter(count[name] for count in counts if count[name]).most_common(1)[0][0]
        for source, count in zip(sources, counts, strict=True):
            if count[name] != usual:
                continue
            mine = (label for label in source.labels if what(label) == name)
            for number, label in enumerate(mine):
                found.setdefault((name, number), []).append(Landed(source, label, _ends(source, label)))
    return found


def _ends(source: Source, label: Label) -> tuple[Landing, ...] | None:
    times = source.video.info.times
    if isinstance(label, Event):
        frames = [times.index_at(label.pts)]
    else:
        stop = int(np.searchsorted(times.pts, label.span.end_pts))
        start = times.index_at(label.span.start_pts)
        frames = [start, max(start, stop - 1)]
    ends = [land(source.way, frame) for frame in frames]
    there = tuple(end for end in ends if end is not None)
    return there if len(there) == len(ends) else None
