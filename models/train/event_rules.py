"""Rules that read key events of the 13 actions off a person's joints: one function per action.

What each moment means, and which event of the published table it stands for, is told in `derived_events`. A
rule returns a frame per event, None where the joints do not decide. Lengths are limb lengths (`Body`).
"""

from __future__ import annotations

import numpy as np

from models.train.event_signals import Body, Floats, crossing, first_crossing, highest, peak, speed

Frames = tuple[int | None, ...]

# Depth, in limb lengths, that an extreme needs on both sides.
SHALLOW, DEEP = 0.25, 0.5
FRAMES_OF_A_SWING = 30  # from furthest back to through


def squat(body: Body) -> Frames:
    hips = body.height("hips")
    lowest = peak(-hips, DEEP)
    if lowest is None:
        return None, None, None
    above = hips - body.height("knees")
    return (
        crossing(-above, 0.0, first=0, last=lowest, upwards=True),
        lowest,
        first_crossing(above, 0.0, first=lowest, last=len(body) - 1),
    )


def jumping_jacks(body: Body) -> Frames:
    hands, shoulders = body.height("wrists"), body.height("shoulders")
    above = hands - shoulders
    top = peak(above, DEEP)
    if top is None:
        return None, None, None
    return (
        crossing(above, 0.0, first=0, last=top, upwards=True),
        top,
        first_crossing(-above, 0.0, first=top, last=len(body) - 1),
    )


def pullup(body: Body) -> Frames:
    head = body.height("head")
    top = np.where(
        np.isfinite(head), head, body.height("shoulders") + _usual(head - body.height("shoulders"))
    )
    return (peak(top - body.height("wrists"), DEEP),)


def pushup(body: Body) -> Frames:
    return (peak(-_mean(body.height("shoulders"), body.height("head")), SHALLOW),)


def situp(body: Body) -> Frames:
    return (peak(-_distance(body.at("shoulders"), body.at("knees")), SHALLOW),)


def bench_press(body: Body) -> Frames:
    return (peak(-body.height("wrists"), SHALLOW),)


def clean_and_jerk(body: Body) -> Frames:
    hips, hands, shoulders = body.height("hips"), body.height("wrists"), body.height("shoulders")
    last = len(body) - 1
    reach = hands - shoulders  # about 0 while the bar rests on the shoulders, about 2 overhead
    top = float(np.nanpercentile(reach, 98)) if np.isfinite(reach).any() else 0.0
    at_hip = first_crossing(hands - hips, 0.0, first=0, last=last)
    if top < DEEP:
        return at_hip, None, None, None, None
    overhead = first_crossing(reach, 0.75 * top, first=0, last=last)
    if overhead is None or at_hip is None or at_hip >= overhead:
        return at_hip, None, None, None, overhead
    thrust = crossing(reach, 0.2 * top, first=at_hip, last=overhead, upwards=True)
    rest = thrust or overhead
    squat = highest(-hips, at_hip, rest)
    if squat is None or squat - at_hip > 0.6 * (rest - at_hip):
        return at_hip, None, None, thrust, overhead
    high = float(np.nanpercentile(hips[squat : rest + 1], 80))
    if high - hips[squat] < SHALLOW:
        return at_hip, None, None, thrust, overhead
    level = hips[squat] + 0.9 * (high - hips[squat])
    return at_hip, squat, first_crossing(hips, level, first=squat, last=rest), thrust, overhead


def golf_swing(body: Body) -> Frames:
    hands = body.at("wrists")
    through = _fastest(hands, body.at("hips"))
    if through is None:
        return None, None
    top = highest(hands[:, 1], 0, through)
    if top is None or np.nanmax(hands[top:, 1]) - np.nanmin(hands[top:, 1]) < DEEP:
        return top, None
    return top, highest(-hands[:, 1], top, min(len(body) - 1, through + 12))


def baseball_swing(body: Body) -> Frames:
    return _stroke(body.at("wrists"), body)


def tennis_forehand(body: Body) -> Frames:
    hand = _faster_hand(body)
    return (None, None) if hand is None else _stroke(body.at(f"{hand} wrist"), body)


def baseball_pitch(body: Body) -> Frames:
    hand = _faster_hand(body)
    if hand is None:
        return None, None, None
    wrist = body.at(f"{hand} wrist")
    release = _fastest(wrist, body.at("hips"))
    if release is None:
        return None, None, None
    knees = np.fmax(body.height("left knee"), body.height("right knee")) - body.height("hips")
    knee = highest(knees, 0, release)
    if knee is not None and (knees[knee] < -DEEP or knees[knee] - np.nanmin(knees[: knee + 1]) < SHALLOW):
        knee = None
    shoulders = body.at("shoulders")
    below = wrist[:, 1] < shoulders[:, 1] + 0.2  # above it the arm is already throwing
    spread = np.where(below, _distance(wrist, shoulders), np.nan)
    known = np.isfinite(wrist[:, 0])
    spread = np.where(known & ~np.isfinite(spread), 0.0, spread)
    stretched = None if knee is None else highest(spread, knee, release)
    if stretched is not None and spread[stretched] < 1.0:
        stretched = None
    return knee, stretched, release


def bowl(body: Body) -> Frames:
    found = [(_swing(body, side)) for side in ("left", "right")]
    return max(found, key=lambda swing: swing[0])[1]


def tennis_serve(body: Body) -> Frames:
    over = {side: body.height(f"{side} wrist") - body.height("head") for side in ("left", "right")}
    if any(not np.isfinite(curve).any() or np.nanmax(curve) < 0 for curve in over.values()):
        return None, None
    tops = {side: int(np.nanargmax(curve)) for side, curve in over.items()}
    tossing, hitting = sorted(tops, key=lambda side: tops[side])
    contact = highest(body.height(f"{hitting} wrist"), tops[tossing], len(body) - 1)
    if contact is not None and not over[hitting][contact] > SHALLOW:
        contact = None
    return first_crossing(over[tossing], 0.0, first=0, last=tops[tossing]), contact


def _swing(body: Body, side: str) -> tuple[float, tuple[int | None, int | None]]:
    """How far a hand falls and rises again like a bowler's, and its two moments."""
    hand = body.height(f"{side} wrist")
    low = highest(-hand, len(body) // 3, len(body) - 1, brim=1)
    if low is None:
        return 0.0, (None, None)
    after = hand[low:]
    rise = float(np.nanmax(after) - hand[low])
    back = highest(hand, max(0, low - FRAMES_OF_A_SWING), low)
    if back is not None and hand[back] - hand[low] < 1.0:
        back = None
    return (rise, (back, low)) if rise > DEEP else (0.0, (None, None))


def _stroke(hand: Floats, body: Body) -> Frames:
    """Furthest back against the direction of the stroke, and fastest."""
    through = _fastest(hand, body.at("hips"))
    if through is None:
        return None, None
    relative = hand - body.at("hips")
    around = relative[max(0, through - 4) : through + 5]
    around = around[np.isfinite(around).all(axis=1)]
    way = around[-1] - around[0]
    forwards = relative @ (way / max(float(np.linalg.norm(way)), 1e-9))
    back = highest(-forwards, max(0, through - FRAMES_OF_A_SWING), through)
    if back is None or forwards[through] - forwards[back] < DEEP:
        return None, through
    start = forwards[back] + 0.1 * (forwards[through] - forwards[back])
    return crossing(forwards, start, first=back, last=through, upwards=True), through


def _faster_hand(body: Body) -> str | None:
    best = {}
    for side in ("left", "right"):
        pace = speed(body.at(f"{side} wrist") - body.at("hips"))
        if np.isfinite(pace).any():
            best[side] = float(np.nanmax(pace))
    return max(best, key=lambda side: best[side]) if best else None


def _fastest(hand: Floats, centre: Floats) -> int | None:
    pace = speed(hand - centre)
    at = highest(pace, 0, len(pace) - 1)
    return at if at is not None and pace[at] > 0.1 else None


def _distance(a: Floats, b: Floats) -> Floats:
    return np.asarray(np.linalg.norm(a - b, axis=1))


def _mean(a: Floats, b: Floats) -> Floats:
    return np.where(np.isfinite(a) & np.isfinite(b), (a + b) / 2, np.nan)


def _usual(curve: Floats) -> float:
    return float(np.nanmedian(curve)) if np.isfinite(curve).any() else np.nan
