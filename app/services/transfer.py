"""Copy the labels of takes to others along their alignments, as suggestions for review."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.commands import PutSuggestions
from app.services.landings import Label, Landed, landed, peoples_labels, sources_of, what
from app.services.ways import Ways, method_of
from app.session import Session
from models.domain.errors import KnownError
from models.domain.labels import Event, Interval, LabelOrigin, new_uid
from models.domain.landing import estimate
from models.domain.timebase import Span
from storage import alignments, ontologies
from storage.videos import Video

MOST_NAMES = 3  # so many are told, then how many more


@dataclass(frozen=True, slots=True)
class Transfer:
    """What was suggested; left_out: lines for people about what was not."""

    events: tuple[Event, ...] = ()
    intervals: tuple[Interval, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[Label, ...]:
        return (*self.events, *self.intervals)


def transfer_labels(
    session: Session, sources: Sequence[Video], targets: Sequence[Video] | None = None
) -> Transfer:
    """Suggest the events and intervals of labelled takes in the targets; one undo step.

    From several sources comes the median of where they put a label; their disagreement widens its
    uncertainty. targets: None = every other take that is aligned to a source. Earlier suggestions of the same
    labels are replaced; a person's labels are never touched, and nothing is suggested that a person has set
    already. A label outside the part of a source that is matched in the target is not suggested.
    Raises KnownError when a source has no labels or a target is aligned to none of the sources.
    """
    sources = list({video.uid: video for video in sources}.values())
    with session.project.reading() as tx:
        takes = session.videos()
        chosen = takes if targets is None else targets
        others = [video for video in chosen if video.uid not in {source.uid for source in sources}]
        labelled = {video.uid: peoples_labels(tx, video.uid) for video in (*sources, *others)}
        ways = Ways(alignments.all_alignments(tx))
        names = {key.uid: key.name for o in ontologies.all_ontologies(tx) for key in o.events}
    for video in sources:
        if not labelled[video.uid]:
            raise KnownError(f"Take '{video.name}' has no events to transfer.", hint="Label it first.")
    made: list[Label] = []
    left_out: list[str] = []
    unreached = []
    for target in others:
        found = sources_of(target, sources, labelled, ways)
        if not found:
            unreached.append(target)
            continue
        by_people = {what(label) for label in labelled[target.uid]}
        outside = []
        for (name, _), marks in landed(found).items():
            if name not in by_people:
                label = transferred(marks, target)
                if label is None:
                    outside.append(" ".join(names.get(part, part) for part in name))
                else:
                    made.append(label)
        if outside:
            left_out.append(f"{target.name}: {_listed(outside)} left out, outside the part that is matched")
    if unreached and (targets is not None or len(unreached) == len(others)):
        message = f"Take '{unreached[0].name}' is not aligned to {_either(sources)}."
        raise KnownError(message, hint=f"Run 'align' with '{sources[0].name}' as the reference first.")
    left_out += [f"{target.name} left out: it is not aligned to {_either(sources)}" for target in unreached]
    events = tuple(label for label in made if isinstance(label, Event))
    intervals = tuple(label for label in made if isinstance(label, Interval))
    if made:
        text = f"transfer {len(made)} labels from {_listed([source.name for source in sources])}"
        session.history.do(PutSuggestions(events, intervals, text))
    return Transfer(events, intervals, tuple(left_out))


def transferred(marks: Sequence[Landed], target: Video) -> Label | None:
    """The label where the median of the sources puts it; None where it is outside what they match."""
    there = [mark for mark in marks if mark.ends is not None]
    if not there:
        return None
    count, times = target.info.frame_count, target.info.times
    ends = [estimate(landings, count) for landings in zip(*(mark.ends or () for mark in there), strict=True)]
    frames = [min(max(int(end.frame + 0.5), 0), count - 1) for end in ends]
    uncertainty = max(end.uncertainty_frames for end in ends)
    original = there[0].label
    confidence = round(original.confidence / (1 + uncertainty / max(1.0, 0.1 * count)), 4)
    note = f"from {_listed([mark.source.video.name for mark in there])}"
    source, model = there[0].source.video.uid, method_of(there[0].source.way)
    uncertainty = round(uncertainty, 2)
    if isinstance(original, Event):
        return Event(
            new_uid(),
            target.uid,
            original.key_event_uid,
            times.pts_at(frames[0]),
            LabelOrigin.TRANSFERRED,
            confidence,
            uncertainty,
            original.annotator,
            note,
            source,
            model,
        )
    stop = frames[1] + 1 if original.span.duration_pts else frames[0]
    return Interval(
        new_uid(),
        target.uid,
        original.tier,
        original.name,
        Span(times.pts_at(frames[0]), times.pts_at(stop)),
        LabelOrigin.TRANSFERRED,
        confidence,
        original.annotator,
        note,
        uncertainty,
        source,
        model,
    )


def _either(sources: Sequence[Video]) -> str:
    names = [f"'{source.name}'" for source in sources]
    return names[0] if len(names) == 1 else f"any of {', '.join(names)}"


def _listed(names: Iterable[str]) -> str:
    """Names for people: "a, b, c and 4 more"."""
    every = list(dict.fromkeys(names))
    more = len(every) - MOST_NAMES
    return ", ".join(every[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
