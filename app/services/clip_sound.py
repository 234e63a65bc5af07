"""The sound of a clip: of the reference or another take, copied where it fits, else re-timed and encoded."""

from __future__ import annotations

import numpy as np

from app.services.clip_plan import NO_SOUND, OWN_SOUND, REFERENCE_SOUND, Cell, ClipPlan
from app.session import Session
from storage.sound import (
    COPIED_CODECS,
    CopiedSound,
    EncodedSound,
    Sound,
    SoundSource,
    read_sound,
    sound_codec,
)


def sound_of(session: Session, plan: ClipPlan, cell: Cell, suffix: str) -> tuple[SoundSource | None, str]:
    """What is heard with the file of a cell (any cell where all are in one file), and what a person should
    know of it, or ""."""
    wanted = plan.options.audio
    if wanted == NO_SOUND:
        return None, ""
    if wanted == OWN_SOUND:
        source = cell
    elif wanted == REFERENCE_SOUND:
        source = plan.cells[0]
    else:
        source = next(c for c in plan.cells if c.video.name == wanted)
    path, times = session.video_path(source.video), source.video.info.times
    codec = sound_codec(path)
    if not codec:
        return None, f"{source.video.name} has no sound."
    seconds = source.retimed.seconds
    first_s = float(seconds[0])
    if source.retimed.plays_at_own_speed(plan.rate):
        last_s = first_s + plan.duration_s
        if codec in COPIED_CODECS.get(suffix.lower(), ()):
            return CopiedSound(path, times, first_s, min(last_s, times.duration_s)), ""
        sound = read_sound(path, times, first_s, last_s)
    else:
        sound = _retimed(session, plan, source)
    return (None, f"{source.video.name} has no sound.") if sound is None else (EncodedSound(sound), "")


def _retimed(session: Session, plan: ClipPlan, source: Cell) -> Sound | None:
    from models.run.retime_sound import retime_sound

    sound = read_sound(session.video_path(source.video), source.video.info.times)
    if sound is None:
        return None
    clock_s = np.arange(plan.frame_count) / float(plan.rate)
    samples = retime_sound(sound.samples, sound.rate_hz, clock_s, source.retimed.seconds, plan.duration_s)
    return Sound(samples, sound.rate_hz, sound.layout)
