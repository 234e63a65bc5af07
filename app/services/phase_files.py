"""Each phase of each take as a file or a folder of images: a data set to train on, with a manifest.

    OUT/train/2_stick hits ball/golf_0_1.mp4         (without a split: OUT/2_stick hits ball/golf_0_1.mp4)
    OUT/manifest.csv, OUT/manifest.json

Frames are exact: those from the event that begins the phase up to, and without, the event that ends it. The
folder appears when all of it is whole. A take, with everything in it, is in one part of the split.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import cv2
import numpy as np

from app.services.clips import file_part, file_parts
from app.services.media import open_take
from app.session import Session
from models.domain.errors import KnownError
from models.domain.labels import Event, Phase
from models.domain.progress import Progress
from models.domain.retiming import rate_of
from storage.clip_writer import ClipWriter
from storage.encodings import encoding_for
from storage.reader import VideoReader
from storage.videos import Video
from storage.yuv import YuvScaler, colorspace_for

Kind = Literal["mp4", "mkv", "png", "jpg"]
KINDS: tuple[Kind, ...] = get_args(Kind)
JPEG_QUALITY = 95


@dataclass(frozen=True, slots=True)
class PhaseOptions:
    """kind: of the files: mp4 (H.264), mkv (FFV1, lossless; sources that are not 8-bit 4:2:0 are converted to
    that first), or folders of png or jpg. height_px: 0 = the take's own. suggestions: whether phases between
    labels that nobody has accepted are written, too. split: share of the takes in each part, by name, such as
    {"train": 0.8, "val": 0.2}; {} = no split."""

    kind: Kind = "mp4"
    height_px: int = 0
    phases: tuple[int, ...] = ()
    suggestions: bool = False
    split: Mapping[str, float] | None = None


@dataclass(frozen=True, slots=True)
class PhaseFile:
    """A row of the manifest. first_frame, stop_frame and the pts are half-open. begins, ends: the origins of
    the events at both ends ("start", "end": of the take itself)."""

    path: str
    split: str
    take: str
    take_uid: str
    source: str
    content_hash: str
    phase: str
    phase_number: int
    occurrence: int
    first_frame: int
    stop_frame: int
    start_pts: int
    end_pts: int
    time_base: str
    begins: str
    ends: str


def export_phases(
    session: Session,
    takes: Sequence[Video],
    out: Path,
    options: PhaseOptions | None = None,
    report: Callable[[list[PhaseFile]], object] | None = None,
) -> Iterator[Progress]:
    """Write the folder `out`, which must be new or empty. Raises KnownError when it is not, or when no take
    has a phase that is wanted."""
    options = options or PhaseOptions()
    _check(options)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise KnownError(f"{out} is there already.", hint="Choose a new folder for the phases.")
    parts = split_takes([take.name for take in takes], options.split or {})
    stems = file_parts(take.name for take in takes)
    work = {
        take.uid: _rows(session, take, parts.get(take.name, ""), stems[take.name], options) for take in takes
    }
    rows = [row for found in work.values() for row in found]
    if not rows:
        raise KnownError(
            "No take has a phase to write.", hint="Label key events, or accept the suggested ones."
        )
    total, done = sum(row.stop_frame - row.first_frame for row in rows), 0
    draft = out.with_name(f".{out.name}.{os.getpid()}.draft")
    try:
        draft.mkdir(parents=True)
        for take in takes:
            if not work[take.uid]:
                continue
            with open_take(session, take) as reader:
                for row in work[take.uid]:
                    for _ in _write(reader, take, row, draft / row.path, options):
                        done += 1
                        yield Progress(min(done, total - 1), total, f"phases · {row.path}")
        (draft / "manifest.csv").write_text(_csv(rows), "utf-8", newline="")
        (draft / "manifest.json").write_text(_json(session, rows), "utf-8")
        if out.exists():
            out.rmdir()
        draft.rename(out)
    except OSError as error:
        raise KnownError(
            f"{out} cannot be written ({error.strerror}).", hint="Choose another place, or make room."
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    if report is not None:
        report(rows)
    yield Progress(total, total, f"{len(rows)} phases")


def split_takes(names: Sequence[str], shares: Mapping[str, float]) -> dict[str, str]:
    """The part that each take belongs to. Which takes go together is decided by their names, not by chance,
    so that the same takes are split alike again; every part of a share above 0 gets a take while there are
    enough."""
    if not shares:
        return {}
    order = sorted(names, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    wanted = np.array(list(shares.values())) / sum(shares.values()) * len(order)
    counts = np.floor(wanted).astype(int)
    for k in np.argsort(counts - wanted, kind="stable")[: len(order) - counts.sum()]:
        counts[k] += 1
    for k in np.flatnonzero((counts == 0) & (wanted > 0)):
        if counts.max() > 1:
            counts[counts.argmax()] -= 1
            counts[k] = 1
    labels = np.repeat(list(shares), counts).tolist()
    return dict(zip(order, labels, strict=True))


def _check(options: PhaseOptions) -> None:
    if options.kind not in KINDS:
        raise KnownError(f"There is no kind of file '{options.kind}'.", hint=f"Known: {', '.join(KINDS)}.")
    for name, share in (options.split or {}).items():
        if not name or file_part(name) != name or not share >= 0:
            raise KnownError(f"'{name}={share:g}' is no part of a split.", hint="Write train=0.8,val=0.2.")
    if options.split and sum(options.split.values()) <= 0:
        raise KnownError("A split needs a share above 0.", hint="Write train=0.8,val=0.2.")


def _rows(session: Session, take: Video, part: str, stem: str, options: PhaseOptions) -> list[PhaseFile]:
    """The take's phases. part: of the split; stem: of its files."""
    ontology, times = session.ontology(), take.info.times
    known = {key.uid for key in ontology.events}
    origins = {event.pts: event for event in session.events(take.uid) if event.key_event_uid in known}
    made: list[PhaseFile] = []
    for phase in session.phases(take.uid):
        if options.phases and phase.index not in options.phases:
            continue
        if phase.is_suggestion and not options.suggestions:
            continue
        first, stop = np.searchsorted(times.pts, [phase.span.start_pts, phase.span.end_pts], "left").tolist()
        if first == stop:
            continue
        occurrence = sum(row.phase_number == phase.index + 1 for row in made) + 1
        name = f"{stem}_{occurrence}"
        folder = Path(part) / f"{phase.index + 1}_{file_part(ontology.phases[phase.index])}"
        suffix = f".{options.kind}" if options.kind in ("mp4", "mkv") else ""
        made.append(
            PhaseFile(
                path=(folder / f"{name}{suffix}").as_posix(),
                split=part,
                take=take.name,
                take_uid=take.uid,
                source=take.path,
                content_hash=take.info.content_hash,
                phase=phase.name,
                phase_number=phase.index + 1,
                occurrence=occurrence,
                first_frame=first,
                stop_frame=stop,
                start_pts=int(times.pts[first]),
                end_pts=times.pts_at(stop),
                time_base=str(times.time_base),
                **_ends(phase, origins),
            )
        )
    return made


def _ends(phase: Phase, events: Mapping[int, Event]) -> dict[str, str]:
    begins, ends = events.get(phase.span.start_pts), events.get(phase.span.end_pts)
    return {
        "begins": begins.origin.value if begins else "start",
        "ends": ends.origin.value if ends else "end",
    }


def _write(
    reader: VideoReader, take: Video, row: PhaseFile, path: Path, options: PhaseOptions
) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    info = take.info
    height = options.height_px or info.height_px
    width = info.width_px if height == info.height_px else round(info.width_px * height / info.height_px)
    if options.kind in ("png", "jpg"):
        path.mkdir()
        for index in range(row.first_frame, row.stop_frame):
            image = reader.frame(index)
            if height != info.height_px:
                image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
            name = f"f{index:06d}_pts{info.times.pts_at(index)}.{options.kind}"
            quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if options.kind == "jpg" else []
            data = cv2.imencode(f".{options.kind}", np.ascontiguousarray(image[:, :, ::-1]), quality)[1]
            (path / name).write_bytes(data.tobytes())
            yield
        return
    scaler = YuvScaler(width, height, reader.orientation, colorspace_for(height))
    encoding = encoding_for(path, "ffv1" if options.kind == "mkv" else "h264", "best")
    size = width + width % 2, height + height % 2
    with ClipWriter(path, *size, rate_of(info.times), encoding=encoding) as writer:
        for index in range(row.first_frame, row.stop_frame):
            writer.write_picture(scaler(reader.picture(index)))
            yield


def _csv(rows: Sequence[PhaseFile]) -> str:
    text = io.StringIO()
    table = csv.DictWriter(text, list(PhaseFile.__dataclass_fields__))
    table.writeheader()
    table.writerows(asdict(row) for row in rows)
    return text.getvalue()


def _json(session: Session, rows: Sequence[PhaseFile]) -> str:
    ontology = session.ontology()
    content: dict[str, Any] = {
        "format": "keyphase phases",
        "version": 1,
        "ontology": {"name": ontology.name, "phases": list(ontology.phases)},
        "files": [asdict(row) for row in rows],
    }
    return json.dumps(content, ensure_ascii=False, indent=1)
