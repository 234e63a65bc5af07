"""The codecs that a clip can be written in, what each container holds, and what this build lacks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from av.codec import codecs_available
from av.video.reformatter import ColorRange

from models.domain.errors import KnownError

Options = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Encoding:
    """A codec of FFmpeg with its options and the pixels it is given. tag: how MP4 and MOV call it, where
    players are particular about it. exact: what goes in comes out, bit by bit."""

    codec: str
    options: Options
    pixel_format: str = "yuv420p"
    color_range: ColorRange = ColorRange.MPEG
    tag: str = ""
    exact: bool = False


H264 = Encoding("libx264", (("crf", "18"), ("preset", "veryfast")))  # visually lossless
MPEG4 = Encoding("mpeg4", (("qmin", "2"), ("qmax", "4")))
MOTION_JPEG = Encoding("mjpeg", (("qmin", "4"), ("qmax", "8")), "yuvj420p", ColorRange.JPEG)
H265 = Encoding("libx265", (("preset", "veryfast"), ("x265-params", "log-level=none")), tag="hvc1")
PRORES = Encoding("prores_ks", (("vendor", "apl0"),), "yuv422p10le")
FFV1 = Encoding("ffv1", (("level", "3"), ("slicecrc", "1"), ("slices", "4")), exact=True)
H264_EXACT = Encoding("libx264", (("qp", "0"), ("preset", "veryfast")), exact=True)


@dataclass(frozen=True, slots=True)
class Codec:
    """A choice for people. suffixes: of the containers that hold it, the usual one first.

    qualities: option of the encoder and its value for each of QUALITIES; empty where there is nothing to
    choose.
    """

    name: str
    title: str
    encoding: Encoding
    suffixes: tuple[str, ...]
    quality_option: str = ""
    qualities: tuple[str, ...] = ()
    note: str = ""


QUALITIES = ("best", "high", "medium", "small")

CODECS = (
    Codec("h264", "H.264", H264, (".mp4", ".mov", ".mkv"), "crf", ("14", "18", "23", "28"), "every player"),
    Codec(
        "h265",
        "H.265 (HEVC)",
        H265,
        (".mp4", ".mov", ".mkv"),
        "crf",
        ("16", "20", "25", "30"),
        "about half the size of H.264, slower to write",
    ),
    Codec(
        "prores",
        "ProRes 422",
        PRORES,
        (".mov", ".mkv"),
        "profile",
        ("hq", "standard", "lt", "proxy"),
        "for editing; large",
    ),
    Codec(
        "h264-lossless",
        "H.264, lossless",
        H264_EXACT,
        (".mp4", ".mov", ".mkv"),
        note="lossless for 8-bit 4:2:0 sources; large",
    ),
    Codec(
        "ffv1",
        "FFV1, lossless",
        FFV1,
        (".mkv",),
        note="lossless for 8-bit 4:2:0 sources, for archives; large",
    ),
)


def codec_named(name: str) -> Codec:
    """Raises KnownError when there is none of that name."""
    for codec in CODECS:
        if codec.name == name:
            return codec
    raise KnownError(f"There is no codec '{name}'.", hint=f"Known: {', '.join(c.name for c in CODECS)}.")


def missing_codecs() -> tuple[Codec, ...]:
    """Codecs that this build of PyAV cannot write."""
    return tuple(codec for codec in CODECS if codec.encoding.codec not in codecs_available)


def encoding_for(path: Path, name: str = "h264", quality: str = "high") -> Encoding:
    """How to write `path`. Raises KnownError for an unknown codec or quality, a container that does not hold
    the codec, and an encoder that this build lacks; MPEG-4 stands in for a missing H.264."""
    codec = codec_named(name)
    if quality not in QUALITIES:
        raise KnownError(f"There is no quality '{quality}'.", hint=f"Known: {', '.join(QUALITIES)}.")
    if path.suffix.lower() not in codec.suffixes:
        raise KnownError(
            f"{path.name} is no file for a clip in {codec.title}.",
            hint=f"Choose a name that ends in {' or '.join(codec.suffixes)}.",
        )
    encoding = codec.encoding
    if encoding.codec not in codecs_available:
        if encoding == H264:
            return MPEG4
        raise KnownError(
            f"This build of PyAV cannot write {codec.title} (it has no encoder '{encoding.codec}').",
            hint="Choose another codec, or install PyAV from PyPI.",
        )
    if not codec.qualities:
        return encoding
    chosen = codec.qualities[QUALITIES.index(quality)]
    others = tuple(option for option in encoding.options if option[0] != codec.quality_option)
    return replace(encoding, options=((codec.quality_option, chosen), *others))
