"""Figures of phase statistics as SVG, drawn without a window: the same look in papers as on the screen.

Colours are the ontology's on white; sizes are px at 96 per inch.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from html import escape

import numpy as np

from models.domain.phase_report import Curves, PhaseRow, PhaseStatistics, band_name
from models.domain.phase_statistics import Floats

WIDTH_PX, MARGIN_PX = 820.0, 16.0
_TEXT, _MUTED, _GRID = "#1d1e21", "#565a62", "#d9dbe0"
_FONT = 'font-family="Inter, Arial, Helvetica, sans-serif"'
_ROW_PX, _LABEL_PX = 58.0, 214.0


def nice_ticks(low: float, high: float, count: int = 6) -> list[float]:
    """Round numbers from `low` to `high`: steps of 1, 2 or 5 times a power of ten."""
    if not np.isfinite([low, high]).all() or high <= low:
        return [low] if np.isfinite(low) else []
    raw = (high - low) / count
    power = 10.0 ** np.floor(np.log10(raw))
    step = float(next(m * power for m in (1, 2, 5, 10) if m * power >= raw * (1 - 1e-9)))
    first = np.ceil(low / step - 1e-9) * step
    return [round(float(v), 10) + 0.0 for v in np.arange(first, high + step * 1e-6, step)]


def strip_offsets(count: int) -> Floats:
    """Where the dots of a strip lie across it, -1..1: spread evenly, in an order without a trend."""
    return np.asarray(((np.arange(count) * 0.618034) % 1) * 2 - 1)


def durations_svg(statistics: PhaseStatistics) -> str:
    """Durations per phase: each take a dot; box of the quartiles, median, mean as a diamond."""
    rows = statistics.phases
    height = 64 + _ROW_PX * len(rows) + 44
    longest = max((row.seconds.maximum for row in rows if row.seconds.n), default=1.0)
    left, right = _LABEL_PX, WIDTH_PX - MARGIN_PX - 60
    scale = (right - left) / (longest * 1.02)
    parts = [_text(MARGIN_PX, 28, f"{statistics.ontology.title}: duration of phases", size=16, weight=600)]
    bottom = 52 + _ROW_PX * len(rows)
    for tick in nice_ticks(0, longest):
        x = left + tick * scale
        parts.append(_line(x, 48, x, bottom, _GRID))
        parts.append(_text(x, bottom + 18, f"{tick:g}", color=_MUTED, anchor="middle"))
    parts.append(_text((left + right) / 2, bottom + 36, "seconds", color=_MUTED, anchor="middle"))
    for k, row in enumerate(rows):
        parts += _duration_row(statistics, row, 52 + _ROW_PX * (k + 0.5), left, scale)
    return _document(height, parts)


def _duration_row(
    statistics: PhaseStatistics, row: PhaseRow, y: float, left: float, scale: float
) -> Iterator[str]:
    yield f'<rect x="{MARGIN_PX}" y="{y - 6:.1f}" width="12" height="12" rx="2" fill="{row.color}"/>'
    lines = textwrap.wrap(row.name, 28, max_lines=2, placeholder=" …")
    for k, text in enumerate(lines):
        yield _text(MARGIN_PX + 20, y + 1 + 14 * (k - len(lines) + 1), text, size=12)
    found = row.seconds
    if not found.n:
        yield _text(left + 6, y + 4, "in no take", color=_MUTED)
        return
    sd = f" ± {found.sd:.2f}" if found.n > 1 else ""
    yield _text(MARGIN_PX + 20, y + 16, f"{found.mean:.2f}{sd} s, n = {found.n}", size=11, color=_MUTED)
    low, high = (left + v * scale for v in (found.lower_quartile, found.upper_quartile))
    yield _line(left + found.minimum * scale, y, left + found.maximum * scale, y, _MUTED)
    yield (
        f'<rect x="{low:.1f}" y="{y - 11:.1f}" width="{max(high - low, 0.5):.1f}" height="22" rx="2" '
        f'fill="{row.color}" fill-opacity="0.28" stroke="{row.color}"/>'
    )
    middle, mean = left + found.median * scale, left + found.mean * scale
    yield _line(middle, y - 11, middle, y + 11, _TEXT, 2)
    for span, aside in zip(row.spans, strip_offsets(len(row.spans)), strict=True):
        x, at = left + span.duration_s * scale, y + 8 * float(aside)
        odd = statistics.name_of(span.take_uid) in row.outliers
        look = f'stroke="{_TEXT}" stroke-width="1.5"' if odd else 'stroke="#ffffff" stroke-width="0.7"'
        yield f'<circle cx="{x:.1f}" cy="{at:.1f}" r="3.4" fill="{row.color}" {look}/>'
        if odd:
            name = _short(statistics.name_of(span.take_uid), 18)
            yield _text(x, y - 15, name, size=11, anchor="end" if x > WIDTH_PX * 0.75 else "middle")
    diamond = f"M{mean - 5:.1f} {y:.1f}l5 -5l5 5l-5 5z"
    yield f'<path d="{diamond}" fill="#ffffff" stroke="{_TEXT}" stroke-width="1.4"/>'


def curves_svg(statistics: PhaseStatistics, curves: Curves, *, quartiles: bool = False) -> str:
    """A quantity over the phase axis: the band over takes on the phases' colours, each take a thin line."""
    left, right, top, bottom = 66.0, WIDTH_PX - MARGIN_PX, 48.0, 340.0
    title = curves.quantity.title
    parts = [_text(MARGIN_PX, 28, title[:1].upper() + title[1:], size=16, weight=600)]
    center, low, high = curves.lines(quartiles=quartiles)
    known = np.concatenate([curves.values.reshape(-1), low, high])
    known = known[np.isfinite(known)]
    if not len(known):
        return _document(110, [*parts, _text(MARGIN_PX, 70, "Not known in any take.", color=_MUTED)])
    floor, ceiling = float(known.min()), float(known.max())
    room = max(ceiling - floor, 1e-6) * 0.05
    floor, ceiling = floor - room, ceiling + room
    x = left + curves.band.place * (right - left)

    def y(values: Floats) -> Floats:
        return bottom - (values - floor) / (ceiling - floor) * (bottom - top)

    for phase, row in enumerate(statistics.phases):
        start, end = (left + edge * (right - left) for edge in statistics.edges[phase : phase + 2])
        if end - start > 0.5:
            parts.append(
                f'<rect x="{start:.1f}" y="{top}" width="{end - start:.1f}" height="{bottom - top}" '
                f'fill="{row.color}" fill-opacity="0.13"/>'
            )
            name = _short(row.name, int((end - start) / 6.4))
            parts.append(_text((start + end) / 2, bottom + 18, name, size=11, anchor="middle"))
    for tick in nice_ticks(floor, ceiling):
        at = float(y(np.array([tick]))[0])
        parts.append(_line(left, at, right, at, _GRID))
        parts.append(_text(left - 8, at + 4, f"{tick:g}", color=_MUTED, anchor="end"))
    spot = f'transform="rotate(-90 20 {(top + bottom) / 2:.0f})"'
    parts.append(
        _text(20, (top + bottom) / 2, curves.quantity.unit, color=_MUTED, anchor="middle", more=spot)
    )
    for piece in _pieces(np.isfinite(low) & np.isfinite(high)):
        ring = [
            *zip(x[piece], y(high[piece]), strict=True),
            *reversed([*zip(x[piece], y(low[piece]), strict=True)]),
        ]
        parts.append(f'<path d="{_path(ring)}z" fill="#000000" fill-opacity="0.14"/>')
    for name, values in zip(curves.names, curves.values, strict=True):
        odd = name in curves.outliers
        parts += _curve(x, y(values), "#A8231B" if odd else _MUTED, 1.4 if odd else 0.6, dashed=odd)
    parts += _curve(x, y(center), _TEXT, 2.4)
    legend = f"{band_name(quartiles=quartiles)}, n = {len(curves.names)} takes"
    if curves.outliers:
        legend += f"; dashed: {', '.join(curves.outliers)}"
    parts.append(_text(left, bottom + 40, _short(legend, 110), size=12, color=_MUTED))
    return _document(bottom + 56, parts)


def _curve(x: Floats, y: Floats, color: str, width: float, *, dashed: bool = False) -> Iterator[str]:
    dash = ' stroke-dasharray="6 3"' if dashed else ""
    for piece in _pieces(np.isfinite(y)):
        yield (
            f'<path d="{_path(zip(x[piece], y[piece], strict=True))}" fill="none" stroke="{color}" '
            f'stroke-width="{width}" stroke-linejoin="round"{dash}/>'
        )


def _pieces(known: np.ndarray) -> Iterator[slice]:
    """Stretches of at least two points where something is known."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], known.astype(int), [0]])))
    for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if stop - start > 1:
            yield slice(start, stop)


def _path(points: object) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)  # type: ignore[attr-defined]


def _line(x0: float, y0: float, x1: float, y1: float, color: str, width: float = 1) -> str:
    return (
        f'<line x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}" stroke="{color}" '
        f'stroke-width="{width}"/>'
    )


def _text(
    x: float, y: float, text: str, *, size: float = 12, color: str = _TEXT, anchor: str = "start",
    weight: int = 400, more: str = "",
) -> str:  # fmt: skip
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" fill="{color}" '
        f'text-anchor="{anchor}" {_FONT} {more}>{escape(text)}</text>'
    )


def _short(text: str, letters: int) -> str:
    return text if len(text) <= letters else text[: max(letters - 1, 0)].rstrip() + "…" if letters > 1 else ""


def _document(height: float, parts: Sequence[str]) -> str:
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH_PX:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {WIDTH_PX:.0f} {height:.0f}">\n<rect width="100%" height="100%" fill="#ffffff"/>\n'
        f"{body}\n</svg>\n"
    )
