"""Export takes warped onto the clock of a reference, side by side, with a frame map beside the clip."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from app.services.media import open_take, refuse_sources
from app.session import Session
from models.domain.alignment import Alignment
from models.domain.errors import KnownError
from models.domain.labels import Event, phases_from_events
from models.domain.ontology import Ontology
from models.domain.progress import Progress
from models.domain.timebase import FrameTimes, Span
from storage import alignments, labels, ontologies
from storage.clip_writer import ClipWriter
from storage.reader import VideoReader
from storage.videos import Video

GAP_PX = 4
BAND_PX = 28


@dataclass(frozen=True, slots=True)
class ClipOptions:
    """height_px: of each take in the grid. burn_labels: name and phase of each take drawn below it."""

    height_px: int = 360
    columns: int = 0
    burn_labels: bool = True


@dataclass(frozen=True)
class _Cell:
    video: Video
    alignment: Alignment
    events: tuple[Event, ...]
    width_px: int


def export_clip(
    session: Session,
    reference: Video,
    takes: Sequence[Video],
    out: Path,
    options: ClipOptions | None = None,
) -> Iterator[Progress]:
    """Write `out` (a video) and `out` with suffix `.csv` (its frame map).

    The reference comes first; every other take must be aligned to it, and `out` must not be the file of a
    take (KnownError). The clip has one frame
    per reference frame at the reference's rate; a reference of variable rate is sampled at its mean rate,
    so that the clip keeps its true speed.
    """
    options = options or ClipOptions()
    refuse_sources(session, out)
    cells, ontology = _cells(session, reference, takes, options.height_px)
    clock = clip_clock(reference.info.times)
    columns = options.columns or (len(cells) if len(cells) <= 3 else math.ceil(math.sqrt(len(cells))))
    rows = math.ceil(len(cells) / columns)
    column_px = max(cell.width_px for cell in cells)
    row_px = options.height_px + (BAND_PX if options.burn_labels else 0)
    width, height = columns * (column_px + GAP_PX) - GAP_PX, rows * (row_px + GAP_PX) - GAP_PX
    frame_map: list[list[int]] = []
    with ExitStack() as stack:
        readers = [stack.enter_context(open_take(session, cell.video)) for cell in cells]
        out.parent.mkdir(parents=True, exist_ok=True)
        writer = stack.enter_context(ClipWriter(out, width, height, rate_of(reference.info.times)))
        for done, frame in enumerate(clock):
            canvas = np.full((height, width, 3), 24, dtype=np.uint8)
            row = [int(frame)]
            for k, (cell, reader) in enumerate(zip(cells, readers, strict=True)):
                index = min(cell.alignment.map_index(int(frame)), cell.video.info.frame_count - 1)
                row.append(index)
                x, y = (k % columns) * (column_px + GAP_PX), (k // columns) * (row_px + GAP_PX)
                _place(canvas, reader, index, x + (column_px - cell.width_px) // 2, y, cell.width_px, options)
                if options.burn_labels:
                    _caption(canvas, cell, ontology, index, x, y + options.height_px, column_px)
            writer.write(canvas)
            frame_map.append(row)
            yield Progress(done + 1, len(clock), f"clip · {out.name}")
    _write_frame_map(out.with_suffix(".csv"), [cell.video for cell in cells], frame_map)


def clip_clock(times: FrameTimes) -> NDArray[np.int64]:
    """Reference frame of each clip frame: all of them, or sampled evenly in time when the rate varies."""
    if not times.is_variable:
        return np.arange(len(times), dtype=np.int64)
    count = max(1, round(times.duration_s * float(rate_of(times))))
    seconds = (np.arange(count) + 0.5) / float(rate_of(times))
    ticks = times.pts[0] + (seconds / float(times.time_base)).astype(np.int64)
    return np.asarray(
        np.clip(np.searchsorted(times.pts, ticks, side="right") - 1, 0, len(times) - 1), dtype=np.int64
    )


def rate_of(times: FrameTimes) -> Fraction:
    """Mean frame rate as a fraction an encoder takes."""
    return Fraction(times.fps).limit_denominator(1001)


def _cells(
    session: Session, reference: Video, takes: Sequence[Video], height_px: int
) -> tuple[list[_Cell], Ontology]:
    cells = []
    with session.project.reading() as tx:
        ontology = ontologies.current(tx)
        for video in (reference, *(take for take in takes if take.uid != reference.uid)):
            alignment = (
                Alignment.identity(video.uid, video.info.frame_count)
                if video.uid == reference.uid
                else alignments.get(tx, reference.uid, video.uid)
            )
            if alignment is None:
                raise KnownError(
                    f"Take '{video.name}' is not aligned to '{reference.name}'.",
                    hint=f"Run 'align' with '{reference.name}' as the reference first.",
                )
            width = max(2, round(video.info.width_px * height_px / video.info.height_px))
            cells.append(_Cell(video, alignment, tuple(labels.events(tx, video.uid)), width))
    return cells, ontology


def _place(
    canvas: NDArray[np.uint8],
    reader: VideoReader,
    index: int,
    x: int,
    y: int,
    width: int,
    options: ClipOptions,
) -> None:
    picture = cv2.resize(reader.frame(index), (width, options.height_px), interpolation=cv2.INTER_AREA)
    canvas[y : y + options.height_px, x : x + width] = picture


def _caption(
    canvas: NDArray[np.uint8], cell: _Cell, ontology: Ontology, index: int, x: int, y: int, width: int
) -> None:
    """A band below the take: its name, frame, and the phase it is in, in the phase's colour."""
    times = cell.video.info.times
    pts = times.pts_at(index)
    phases = phases_from_events(ontology, cell.events, Span(int(times.pts[0]), times.end_pts))
    phase = next((phase for phase in phases if pts in phase.span), None)
    if phase is not None:
        color = tuple(int(phase.color[i : i + 2], 16) for i in (1, 3, 5))
        canvas[y : y + 4, x : x + width] = color
    text = f"{cell.video.name}  {index}" + (f"  {phase.name}" if phase else "")
    text = text.replace("→", "-").encode("ascii", "replace").decode()
    scale, thickness = 0.45, 1
    while (
        cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thickness)[0][0] > width - 8 and len(text) > 4
    ):
        text = text[:-2] + "." if not text.endswith("..") else text[:-3] + ".."
    cv2.putText(
        canvas,
        text,
        (x + 4, y + 20),
        cv2.FONT_HERSHEY_SIMPLEX,
        scale,
        (235, 235, 235),
        thickness,
        cv2.LINE_AA,
    )


def _write_frame_map(path: Path, takes: Sequence[Video], rows: Sequence[Sequence[int]]) -> None:
    """CSV: clip frame, then for each take its frame index, pts and seconds."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        header = ["clip_frame"]
        for video in takes:
            header += [f"{video.name}:frame", f"{video.name}:pts", f"{video.name}:seconds"]
        table.writerow(header)
        for clip_frame, row in enumerate(rows):
            line: list[object] = [clip_frame]
            for video, index in zip(takes, row[1:], strict=True):
                times = video.info.times
                line += [index, times.pts_at(index), f"{times.seconds_at(index):.6f}"]
            table.writerow(line)
