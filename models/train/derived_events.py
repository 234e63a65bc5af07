"""Key events of Penn Action clips, *derived* from their 13 joints by the rules written here.

Why it exists: the phase labels of TCC (Dwibedi et al., CVPR 2019, Table 2) were never published for Penn
Action, and alignment needs a truth to be scored against. Some of the table's events are moments of the body
(the hips are lowest); others are moments of an object (the stick hits the ball) to which a moment of the
hands comes near. A derived event is what the joints can tell, carries its own name, and says which event of
the table it stands for. It comes from the same joints an encoder sees, so it is no independent truth, and
it is always called derived.

A rule (`event_rules`) gives None where the joints do not decide: they were not seen around the moment, the
extreme is shallow, another one is as good (a second repetition), or the clip ends before the motion turns.
Left and right are told apart by what they do, for the labels exchange them at times.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.train import event_rules
from models.train.event_signals import SEEN_NEAR, SKELETON, Body, body_of

Found = dict[str, int | None]


@dataclass(frozen=True, slots=True)
class DerivedEvent:
    """name: what happens. stands_for: the event of TCC's Table 2 that it comes near to, by its name in the
    shipped ontology. joints: which must be seen around it, on one side at least. rule: how it is read."""

    name: str
    stands_for: str
    joints: tuple[str, ...]
    rule: str


@dataclass(frozen=True, slots=True)
class ActionRules:
    """events: in their order in the clip. find: their frames, None = not decided."""

    events: tuple[DerivedEvent, ...]
    find: Callable[[Body], tuple[int | None, ...]]


def derive_events(action: str, values: NDArray[np.floating]) -> Found:
    """Frame of each derived event of a clip, in the order of the action; None = the joints do not decide.

    action: name of its ontology. values: (T, 13, 2 or more), x px and y px first, NaN = not
    seen. An event that does not come after the one before it is not decided. Raises KeyError for an action
    without rules.
    """
    rules = RULES[action]
    names = [event.name for event in rules.events]
    body = body_of(values)
    if body is None:
        return dict.fromkeys(names)
    seen = np.isfinite(values[..., :2]).all(axis=-1)
    frames = list(rules.find(body))
    latest = -1
    for i, (event, frame) in enumerate(zip(rules.events, frames, strict=True)):
        if frame is None:
            continue
        if frame <= latest or not _seen_near(seen, frame, event.joints):
            frames[i] = None
        else:
            latest = frame
    return dict(zip(names, frames, strict=True))


def _seen_near(seen: NDArray[np.bool_], frame: int, joints: tuple[str, ...]) -> bool:
    near = seen[max(0, frame - SEEN_NEAR) : frame + SEEN_NEAR + 1]
    return all(
        any(near[:, k].any() for k, name in enumerate(SKELETON.joints) if name.endswith(joint))
        for joint in joints
    )


RULES = {
    "squats": ActionRules(
        (
            DerivedEvent(
                "hips at knees, going down",
                "hips at knees (going down)",
                ("hip", "knee"),
                "last frame before the lowest at which the hips pass the height of the knees",
            ),
            DerivedEvent("hips lowest", "hips at floor", ("hip",), "the one lowest point of the hips"),
            DerivedEvent(
                "hips at knees, going up",
                "hips at knee (going up)",
                ("hip", "knee"),
                "first frame after the lowest at which the hips pass the height of the knees",
            ),
        ),
        event_rules.squat,
    ),
    "jumping_jacks": ActionRules(
        (
            DerivedEvent(
                "hands at shoulders, going up",
                "hands at shoulder (going up)",
                ("wrist",),
                "last frame before the highest at which the wrists pass the shoulders",
            ),
            DerivedEvent(
                "hands highest",
                "hands above head",
                ("wrist",),
                "the one highest point of the wrists over the shoulders",
            ),
            DerivedEvent(
                "hands at shoulders, going down",
                "hands at shoulders (going down)",
                ("wrist",),
                "first frame after the highest at which the wrists pass the shoulders",
            ),
        ),
        event_rules.jumping_jacks,
    ),
    "pullups": ActionRules(
        (
            DerivedEvent(
                "head highest over the hands",
                "chin above bar",
                ("wrist",),
                "the one highest point of the head (hidden: of the shoulders) over the wrists",
            ),
        ),
        event_rules.pullup,
    ),
    "pushups": ActionRules(
        (
            DerivedEvent(
                "shoulders lowest",
                "head at floor",
                ("shoulder",),
                "the one lowest point of shoulders and head",
            ),
        ),
        event_rules.pushup,
    ),
    "situps": ActionRules(
        (
            DerivedEvent(
                "most crunched",
                "abs fully crunched",
                ("shoulder", "knee"),
                "the one smallest distance of shoulders and knees",
            ),
        ),
        event_rules.situp,
    ),
    "bench_press": ActionRules(
        (DerivedEvent("hands lowest", "bar fully down", ("wrist",), "the one lowest point of the wrists"),),
        event_rules.bench_press,
    ),
    "clean_and_jerk": ActionRules(
        (
            DerivedEvent(
                "hands at hips", "bar at hip", ("wrist",), "first frame at which the wrists pass the hips"
            ),
            DerivedEvent(
                "hips lowest",
                "fully squatting",
                ("hip",),
                "lowest point of the hips between bar at hips and thrust",
            ),
            DerivedEvent(
                "standing",
                "standing",
                ("hip",),
                "first frame after it with nine tenths of the standing height regained",
            ),
            DerivedEvent(
                "hands leave the shoulders",
                "begin thrusting",
                ("wrist",),
                "last frame before overhead with the wrists a fifth of the way up from the shoulders",
            ),
            DerivedEvent(
                "hands overhead",
                "beginning balance",
                ("wrist",),
                "first frame with the wrists three quarters of the way up from the shoulders",
            ),
        ),
        event_rules.clean_and_jerk,
    ),
    "golf_swing": ActionRules(
        (
            DerivedEvent(
                "hands highest",
                "stick swung fully back",
                ("wrist",),
                "highest point of the hands before they are fastest",
            ),
            DerivedEvent("hands lowest", "stick hits ball", ("wrist",), "lowest point of the hands after it"),
        ),
        event_rules.golf_swing,
    ),
    "baseball_swing": ActionRules(
        (
            DerivedEvent(
                "hands start forwards",
                "bat swung back fully",
                ("wrist",),
                "a tenth of the way from furthest back, against the direction of the swing, to fastest",
            ),
            DerivedEvent(
                "hands fastest",
                "bat hits ball",
                ("wrist",),
                "greatest speed of the hands relative to the hips",
            ),
        ),
        event_rules.baseball_swing,
    ),
    "tennis_forehand": ActionRules(
        (
            DerivedEvent(
                "hand starts forwards",
                "racket swung fully back",
                ("wrist",),
                "a tenth of the way from furthest back, against the direction of the stroke, to fastest",
            ),
            DerivedEvent(
                "hand fastest",
                "racket touches ball",
                ("wrist",),
                "greatest speed of the faster hand relative to the hips",
            ),
        ),
        event_rules.tennis_forehand,
    ),
    "baseball_pitch": ActionRules(
        (
            DerivedEvent(
                "knee highest",
                "knee fully up",
                ("knee",),
                "highest knee over the hips before the hand is fastest",
            ),
            DerivedEvent(
                "arm stretched back",
                "arm fully stretched out",
                ("wrist",),
                "throwing wrist furthest from the shoulders while it is below them",
            ),
            DerivedEvent(
                "hand fastest",
                "ball release",
                ("wrist",),
                "greatest speed of the faster hand relative to the hips",
            ),
        ),
        event_rules.baseball_pitch,
    ),
    "bowling": ActionRules(
        (
            DerivedEvent(
                "hand highest behind",
                "ball swung fully back",
                ("wrist",),
                "highest point of the bowling hand before it is lowest",
            ),
            DerivedEvent(
                "hand lowest",
                "ball release",
                ("wrist",),
                "lowest point of the hand that falls and rises most",
            ),
        ),
        event_rules.bowl,
    ),
    "tennis_serve": ActionRules(
        (
            DerivedEvent(
                "tossing hand passes the head",
                "ball released from hand",
                ("wrist",),
                "first frame at which the hand that is up earlier passes the head",
            ),
            DerivedEvent(
                "hitting hand highest",
                "ball touches racket",
                ("wrist",),
                "highest point of the other hand after that, well over the head",
            ),
        ),
        event_rules.tennis_serve,
    ),
}
