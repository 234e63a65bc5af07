"""What an aligned clip will show, decided before anything is decoded: takes, clock, frames, layout."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal, get_args

import numpy as np

from app.session import Session
from models.domain.alignment import Alignment
from models.domain.errors import KnownError
from models.domain.labels import Phase
from models.domain.ontology import Ontology
from models.domain.retiming import (
    Part,
    Retimed,
    Seconds,
    frames_for,
    frozen,
    rate_of,
    stretched,
    warp_clock,
    warp_frames,
    warp_seconds,
)
from models.domain.track import KeypointTrack
from storage.encodings import QUALITIES
from storage.videos import Video

Layout = Literal["grid", "row", "overlay", "single"]
Timing = Literal["warp", "phases", "mean-phases"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)
TIMINGS: tuple[Timing, ...] = get_args(Timing)

GAP_PX = 4
BAND_PX = 28
NO_SOUND, REFERENCE_SOUND, OWN_SOUND = "none", "reference", "own"


@dataclass(frozen=True, slots=True)
class ClipOptions:
    """How a clip looks, sounds and is kept.

    height_px: of each take; 0 = its own (in a layout of several: the reference's). columns: of a grid, 0 =
    chosen. burn_*: what is drawn: name and phase below each take, its skeleton, its time and the clock's.
    timing: along the warp, or each phase of each take stretched to the reference's or to the mean duration.
    phases: places in the ontology of those that are kept; () = all. first, stop: range of reference frames.
    audio: "none", "reference", "own" (each file of the layout "single" its take's), or the name of a take.
    keep_original: files of "single" that need no warp are copied, not encoded. cut_list: OpenTimelineIO.
    """

    height_px: int = 360
    columns: int = 0
    burn_labels: bool = True
    burn_poses: bool = False
    burn_clock: bool = False
    layout: Layout = "grid"
    timing: Timing = "warp"
    phases: tuple[int, ...] = ()
    first: int = 0
    stop: int | None = None
    audio: str = NO_SOUND
    codec: str = "h264"
    quality: str = QUALITIES[1]
    keep_original: bool = True
    cut_list: bool = True

    @property
    def burns(self) -> bool:
        return self.burn_labels or self.burn_poses or self.burn_clock


@dataclass(frozen=True, eq=False)
class Cell:
    """A take in a clip. width_px, height_px: of its picture. poses: None unless they are drawn."""

    video: Video
    retimed: Retimed
    phases: tuple[Phase, ...]
    poses: KeypointTrack | None
    width_px: int
    height_px: int


@dataclass(frozen=True, eq=False)
class ClipPlan:
    """A clip of `frame_count` frames at `rate`; the first cell is the reference's, unless it is one of
    several files. clock_s: float64 (N,), the reference's time at each clip frame."""

    options: ClipOptions
    ontology: Ontology
    cells: tuple[Cell, ...]
    clock_s: Seconds
    rate: Fraction
    parts: tuple[Part, ...]

    @property
    def frame_count(self) -> int:
        return len(self.clock_s)

    @property
    def duration_s(self) -> float:
        return float(self.frame_count / self.rate)

    def alone(self, cell: Cell) -> ClipPlan:
        """The clip of one take, on the same clock."""
        return replace(self, cells=(cell,))


def plan_clip(
    session: Session, reference: Video, takes: Sequence[Video], options: ClipOptions | None = None
) -> ClipPlan:
    """The plan of a clip of the reference and the other takes. Raises KnownError naming the take that is not
    aligned, the phase a take lacks, a range outside the reference, and options that make no sense."""
    options = options or ClipOptions()
    videos = [reference, *(take for take in takes if take.uid != reference.uid)]
    _check(options, videos)
    ranges, phases = _ranges(session, reference, options)
    if options.timing == "warp":
        retimed, parts = _along_warp(session, videos, ranges, phases, options)
    else:
        retimed, parts = _by_phase(session, videos, phases, options)
    cells = tuple(
        _cell(session, video, at, reference, options) for video, at in zip(videos, retimed, strict=True)
    )
    rate = rate_of(reference.info.times)
    return ClipPlan(options, session.ontology(), cells, retimed[0].seconds, rate, parts)


def _check(options: ClipOptions, videos: Sequence[Video]) -> None:
    for value, known, what in (
        (options.layout, LAYOUTS, "layout"),
        (options.timing, TIMINGS, "timing"),
    ):
        if value not in known:
            raise KnownError(f"There is no {what} '{value}'.", hint=f"Known: {', '.join(known)}.")
    if options.layout == "overlay" and len(videos) != 2:
        raise KnownError(
            f"An overlay blends the reference with one other take, not with {len(videos) - 1}.",
            hint="Choose one take, or show them side by side.",
        )
    if options.audio == OWN_SOUND and options.layout != "single":
        raise KnownError("Each take's own sound goes with single files.", hint="Choose one take's sound.")
    names = {video.name for video in videos}
    if options.audio not in (NO_SOUND, REFERENCE_SOUND, OWN_SOUND, *names):
        raise KnownError(
            f"The take '{options.audio}', whose sound is wanted, is not in the clip.",
            hint=f"In it: {', '.join(sorted(names))}.",
        )


def _ranges(
    session: Session, reference: Video, options: ClipOptions
) -> tuple[list[tuple[int, int]], list[Phase]]:
    """The frame ranges of the reference that are shown, and the phases in them (none where none is asked
    for)."""
    times = reference.info.times
    stop = len(times) if options.stop is None else options.stop
    if not 0 <= options.first < stop <= len(times):
        raise KnownError(
            f"The range {options.first}:{stop} is not within the {len(times)} frames of '{reference.name}'.",
            hint=f"Choose frames from 0 to {len(times)}, the second after the first.",
        )
    if options.timing == "warp" and not options.phases:
        return [(options.first, stop)], []
    ontology = session.ontology()
    wrong = [k for k in options.phases if not 0 <= k < len(ontology.phases)]
    if wrong:
        raise KnownError(
            f"'{ontology.title}' has no phase number {wrong[0] + 1}.",
            hint=f"Its phases: {', '.join(ontology.phases)}.",
        )
    ranges: list[tuple[int, int]] = []
    kept = []
    for phase in session.phases(reference.uid):
        a, b = np.searchsorted(times.pts, [phase.span.start_pts, phase.span.end_pts], side="left").tolist()
        inside = options.first <= a and b <= stop if options.timing != "warp" else True
        a, b = max(a, options.first), min(b, stop)
        if a >= b or not inside or (options.phases and phase.index not in options.phases):
            continue
        kept.append(phase)
        ranges.append((a, b))
    if not kept:
        chosen = " of those chosen" if options.phases else ""
        raise KnownError(
            f"The reference '{reference.name}' has no phase{chosen} in this range.",
            hint="Label its key events, or choose other phases.",
        )
    return ranges, kept


def _along_warp(
    session: Session,
    videos: Sequence[Video],
    ranges: Sequence[tuple[int, int]],
    phases: Sequence[Phase],
    options: ClipOptions,
) -> tuple[list[Retimed], tuple[Part, ...]]:
    reference = videos[0]
    times, rate = reference.info.times, rate_of(reference.info.times)
    shown, seconds, starts = warp_clock(times, ranges)
    made = []
    for video in videos:
        warp = _warp(session, reference, video)
        frames = warp_frames(warp, shown, video.info.frame_count) if video is not reference else shown
        own = seconds
        if video is not reference:
            own = warp_seconds(warp, times, video.info.times, seconds)
        made.append(Retimed(frames, own, frozen(frames, rate, video.info.times)))
    names = [phase.name for phase in phases] or [""]
    return made, _parts(names, starts, len(shown))


def _warp(session: Session, reference: Video, video: Video) -> Alignment:
    warp = session.alignment(reference.uid, video.uid)
    if warp is None:
        raise KnownError(
            f"Take '{video.name}' is not aligned to '{reference.name}'.",
            hint=f"Run 'align' with '{reference.name}' as the reference first.",
        )
    return warp


def _by_phase(
    session: Session, videos: Sequence[Video], phases: Sequence[Phase], options: ClipOptions
) -> tuple[list[Retimed], tuple[Part, ...]]:
    """Each phase of the reference, paired with the same phase of the others: of a phase that comes again, the
    first with the first, the second with the second."""
    reference = videos[0]
    rate = rate_of(reference.info.times)
    keys = _occurrences(session.phases(reference.uid))
    wanted = [key for key, phase in keys.items() if phase in phases]
    spans = []
    for video in videos:
        there = _occurrences(session.phases(video.uid))
        lacking = [key for key in wanted if key not in there]
        if lacking:
            name = session.ontology().phases[lacking[0][0]]
            raise KnownError(
                f"Take '{video.name}' has no phase '{name}'"
                + (f" for the {lacking[0][1] + 1}th time." if lacking[0][1] else "."),
                hint="Label its key events, choose other phases, or go along the warp.",
            )
        spans.append([there[key].span for key in wanted])
    durations = np.array(
        [
            [span.duration_pts * float(video.info.times.time_base) for span in row]
            for video, row in zip(videos, spans, strict=True)
        ]
    )
    counts = frames_for(durations[0] if options.timing == "phases" else durations.mean(axis=0), rate)
    made = []
    for video, row in zip(videos, spans, strict=True):
        frames, seconds = stretched(video.info.times, row, counts)
        made.append(Retimed(frames, seconds, frozen(frames, rate, video.info.times)))
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]]).tolist()
    return made, _parts([session.ontology().phases[key[0]] for key in wanted], starts, sum(counts))


def _occurrences(phases: Sequence[Phase]) -> dict[tuple[int, int], Phase]:
    """Phases by place in the ontology and how often that one came before."""
    found: dict[tuple[int, int], Phase] = {}
    for phase in phases:
        count = sum(index == phase.index for index, _ in found)
        found[phase.index, count] = phase
    return found


def _parts(names: Sequence[str], starts: Sequence[int], total: int) -> tuple[Part, ...]:
    stops = [*starts[1:], total]
    return tuple(Part(name, a, b) for name, a, b in zip(names, starts, stops, strict=True))


def _cell(session: Session, video: Video, retimed: Retimed, reference: Video, options: ClipOptions) -> Cell:
    poses = None
    if options.burn_poses:
        from app.services.smooth import smoothed_poses

        poses = smoothed_poses(session, video.uid)
        if poses is None:
            found = session.track(video.uid, 2)
            poses = found[1] if found is not None else None
    width, height = cell_size(video, reference, options)
    return Cell(video, retimed, session.phases(video.uid), poses, width, height)


def cell_size(video: Video, reference: Video, options: ClipOptions) -> tuple[int, int]:
    """Width and height of a take's picture in the clip, even."""
    own_width, own_height = video.info.width_px, video.info.height_px
    if options.layout == "overlay" and video is not reference:
        box = cell_size(reference, reference, options)
        scale = min(box[0] / own_width, box[1] / own_height) / 2
        return max(2, 2 * math.floor(own_width * scale)), max(2, 2 * math.floor(own_height * scale))
    height = options.height_px or (own_height if options.layout == "single" else reference.info.height_px)
    if height == own_height:
        return own_width + own_width % 2, own_height + own_height % 2
    height += height % 2
    return max(2, 2 * round(own_width * height / own_height / 2)), height
