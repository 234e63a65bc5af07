"""Export takes on one clock: as one video or a file for each, with frame map and cut list beside them.

Decoding and composing run ahead in one thread, encoding behind in another. Files appear together when all of
them are whole. A take that needs no change is copied packet by packet.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import av

from app.services.clip_files import TIMELINE_SUFFIX, cut_list, frame_map_csv, frame_map_json
from app.services.clip_picture import Composer
from app.services.clip_plan import Cell, ClipOptions, ClipPlan, plan_clip
from app.services.clip_sound import sound_of
from app.services.media import open_take, refuse_sources
from app.session import Session
from models.domain.progress import Progress
from storage.clip_writer import ClipWriter
from storage.drafts import Drafts
from storage.encodings import Encoding, encoding_for
from storage.packet_copy import NotExact, Stretch, copy_packets, plan_copy
from storage.picture import Orientation
from storage.read_ahead import done_behind, items_ahead
from storage.reader import VideoReader
from storage.videos import Video
from storage.yuv import Yuv

DRAWN_FORMATS = ("yuv420p",)  # decoded pictures that need no conversion for an ordinary clip


@dataclass(frozen=True, slots=True)
class ClipResult:
    """What was written. notes: one line for each thing a person should know, such as why a take was encoded
    again although it was not warped."""

    clips: tuple[Path, ...]
    sides: tuple[Path, ...]
    notes: tuple[str, ...]

    @property
    def files(self) -> tuple[Path, ...]:
        return self.clips + self.sides


def export_clip(
    session: Session,
    reference: Video,
    takes: Sequence[Video],
    out: Path,
    options: ClipOptions | None = None,
    report: Callable[[ClipResult], object] | None = None,
) -> Iterator[Progress]:
    """Write `out` (a video; with the layout "single" one for each take, its name added), and `out` with the
    suffixes `.csv`, `.json` (its frame map) and `.otio` (its cut list).

    The reference comes first; every other take must be aligned to it (or, phase by phase, have its phases),
    and no file may be that of a take (KnownError). The clip runs at the reference's rate; a reference of
    variable rate is sampled at its mean rate, so that the clip keeps its true speed.
    """
    options = options or ClipOptions()
    refuse_sources(session, out)
    encoding = encoding_for(out, options.codec, options.quality)
    plan = plan_clip(session, reference, takes, options)
    files = clip_paths(plan, out)
    sides = [out.with_suffix(".csv"), out.with_suffix(".json")]
    sides += [out.with_suffix(TIMELINE_SUFFIX)] if options.cut_list else []
    for path in {*files.values(), *sides}:
        refuse_sources(session, path)
    notes: list[str] = []
    with ExitStack() as stack:
        readers = {c.video.uid: stack.enter_context(open_take(session, c.video)) for c in plan.cells}
        drafts = stack.enter_context(Drafts())
        if options.layout == "single":
            total, done = plan.frame_count * len(plan.cells), 0
            for cell in plan.cells:
                path = files[cell.video.uid]
                work = _Clip(session, plan.alone(cell), plan, path, drafts.draft(path), encoding, notes)
                for step in work.write([readers[cell.video.uid]]):
                    yield Progress(min(done + step, total - 1), total, f"clip · {path.name}")
                done += plan.frame_count
        else:
            total = plan.frame_count
            work = _Clip(session, plan, plan, out, drafts.draft(out), encoding, notes)
            for step in work.write([readers[c.video.uid] for c in plan.cells]):
                yield Progress(min(step, total - 1), total, f"clip · {out.name}")
        drafts.write_text(sides[0], frame_map_csv(plan))
        drafts.write_text(sides[1], frame_map_json(session, plan, files))
        if options.cut_list:
            drafts.write_text(sides[2], cut_list(session, plan))
        drafts.keep()
    clips = tuple(dict.fromkeys(files.values()))
    if report is not None:
        report(ClipResult(clips, tuple(sides), tuple(notes)))
    yield Progress(total, total, " ".join(notes) or f"clip · {out.name}")


def clip_paths(plan: ClipPlan, out: Path) -> dict[str, Path]:
    """The file of each take, by uid."""
    if plan.options.layout != "single":
        return {cell.video.uid: out for cell in plan.cells}
    parts = file_parts(cell.video.name for cell in plan.cells)
    return {
        cell.video.uid: out.with_name(f"{out.stem}_{parts[cell.video.name]}{out.suffix}")
        for cell in plan.cells
    }


def file_part(name: str) -> str:
    """A name as a part of a file name."""
    return "".join(c if c.isalnum() or c in "-_. " else "_" for c in name).strip(" .") or "take"


def file_parts(names: Iterable[str]) -> dict[str, str]:
    """Names as parts of file names, all different, also where case does not count."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        part = file_part(name)
        several = (part if k == 1 else f"{part}_{k}" for k in itertools.count(1))
        found[name] = next(one for one in several if one.casefold() not in taken)
        taken.add(found[name].casefold())
    return found


def why_encoded(session: Session, cell: Cell, plan: ClipPlan) -> Stretch | str:
    """The stretch of packets that is the clip of a take as it stands, or why it has to be encoded; "" where
    nobody would expect a copy."""
    options, info = plan.options, cell.video.info
    if options.layout != "single" or not options.keep_original or options.burns:
        return ""
    if options.height_px not in (0, info.height_px):
        return ""
    first, stop = int(cell.retimed.frames[0]), int(cell.retimed.frames[-1]) + 1
    if info.times.is_variable and cell.retimed.plays_at_own_speed(plan.rate):
        start_s = float(cell.retimed.seconds[0])
        end_s = start_s + plan.duration_s - 0.5 / float(plan.rate)
        first, stop = info.times.index_at_seconds(start_s), info.times.index_at_seconds(end_s) + 1
    elif not cell.retimed.is_stretch(plan.rate, info.times):
        return ""  # it is warped
    try:
        return plan_copy(session.video_path(cell.video), info.times, first, stop)
    except NotExact as error:
        return str(error)


@dataclass(frozen=True, eq=False)
class _Clip:
    """One video file on its way. whole: the plan with all takes, of which this may be one."""

    session: Session
    plan: ClipPlan
    whole: ClipPlan
    path: Path
    draft: Path
    encoding: Encoding
    notes: list[str]

    def write(self, readers: Sequence[VideoReader]) -> Iterator[int]:
        """Yields how many clip frames are done."""
        cell = self.plan.cells[0]
        copied = why_encoded(self.session, cell, self.plan)
        if isinstance(copied, Stretch):
            try:
                yield from self._copy(cell, copied)
            except NotExact as error:
                copied = str(error)
            else:
                self.notes.append(f"{cell.video.name}: copied untouched.")
                return
        if copied:
            self.notes.append(f"{cell.video.name}: encoded again, because {copied}.")
        yield from self._encode(readers)

    def _copy(self, cell: Cell, stretch: Stretch) -> Iterator[int]:
        sound, _ = sound_of(self.session, self.whole, cell, self.path.suffix)
        source, times = self.session.video_path(cell.video), cell.video.info.times
        yield from copy_packets(source, times, stretch, self.path, sound, self.draft)

    def _encode(self, readers: Sequence[VideoReader]) -> Iterator[int]:
        sound, note = sound_of(self.session, self.whole, self.plan.cells[0], self.path.suffix)
        if note and note not in self.notes:
            self.notes.append(note)
        direct = self._passes_through(readers)
        composer = Composer(self.plan, readers)
        size, like = composer.size_px, None
        if direct:
            like = readers[0].picture(int(self.plan.cells[0].retimed.frames[0]))
            size = like.width, like.height
        count = self.plan.frame_count
        with ClipWriter(
            self.path, *size, self.plan.rate, encoding=self.encoding, sound=sound, like=like, draft=self.draft
        ) as writer:
            made = self._as_decoded(readers[0]) if direct else map(composer.picture, range(count))
            with (
                items_ahead(made) as pictures,
                done_behind(writer.write_picture) as hand_over,
            ):
                for done, picture in enumerate(pictures):
                    hand_over(picture)
                    yield done + 1

    def _as_decoded(self, reader: VideoReader) -> Iterator[Yuv | av.VideoFrame]:
        for index in self.plan.cells[0].retimed.frames.tolist():
            yield reader.picture(index)

    def _passes_through(self, readers: Sequence[VideoReader]) -> bool:
        """Whether decoded pictures go to the encoder as they are."""
        cell = self.plan.cells[0]
        if self.plan.options.burns or len(readers) > 1 or readers[0].orientation != Orientation():
            return False
        frame = readers[0].picture(int(cell.retimed.frames[0]))
        if (frame.width, frame.height) != (cell.width_px, cell.height_px):
            return False
        if self.encoding.exact or self.encoding.pixel_format not in DRAWN_FORMATS:
            made = av.codec.Codec(self.encoding.codec, "w").video_formats or []
            return frame.format.name in {known.name for known in made}
        return frame.format.name in DRAWN_FORMATS
