"""The keyboard map as data: every action with its default keys, and presets for hands that know another tool.

A key is written as Qt's portable text ("Ctrl+Right", ",", "Shift+S"). "K & J" is a chord: J pressed while K
is held. A mapping gives each action id a tuple of keys; actions it does not name keep their defaults.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Keys = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Action:
    """Something a key can do. id: stable name. keys: defaults. repeats: holding the key down repeats it."""

    id: str
    text: str
    keys: Keys
    group: str
    repeats: bool = False


@dataclass(frozen=True, slots=True)
class Conflict:
    """One key that would mean several things."""

    key: str
    action_ids: tuple[str, ...]


def _actions() -> tuple[Action, ...]:
    play, step, label, review, pose, align, view, file = (
        "Playback", "Stepping", "Labels", "Review", "Pose", "Alignment", "View", "Project",
    )  # fmt: skip
    return (
        Action("play.toggle", "Play or pause", ("Space",), play),
        Action("play.backward", "Play backward (again: 2×, 4×)", ("J",), play),
        Action("play.stop", "Stop", ("K",), play),
        Action("play.forward", "Play forward (again: 2×, 4×)", ("L",), play),
        Action("play.slow_backward", "Play slowly backward", ("K & J",), play),
        Action("play.slow_forward", "Play slowly forward", ("K & L",), play),
        Action("play.phase", "Play only the selected phase", ("Shift+Space",), play),
        Action("step.previous", "Previous frame", ("Left", ","), step, repeats=True),
        Action("step.next", "Next frame", ("Right", "."), step, repeats=True),
        Action("step.previous_10", "10 frames back", ("Shift+Left",), step, repeats=True),
        Action("step.next_10", "10 frames on", ("Shift+Right",), step, repeats=True),
        Action("edge.previous", "Previous label edge", ("Ctrl+Left",), step),
        Action("edge.next", "Next label edge", ("Ctrl+Right",), step),
        Action("go.start", "First frame", ("Home",), step),
        Action("go.end", "Last frame", ("End",), step),
        *(Action(f"label.{n}", f"Set key event {n} here", (str(n),), label) for n in range(1, 10)),
        Action("interval.in", "Interval starts here", ("I",), label),
        Action("interval.out", "Interval ends here", ("O",), label),
        Action("interval.commit", "Keep the interval", ("Return", "Enter"), label),
        Action("label.rename", "Name the selected interval", ("F2",), label),
        Action("label.split", "Split at the playhead", ("S",), label),
        Action("label.merge", "Merge with the next", ("M",), label),
        Action("edge.nudge_back", "Edge one frame back", ("[",), label, repeats=True),
        Action("edge.nudge_on", "Edge one frame on", ("]",), label, repeats=True),
        Action("label.delete", "Delete the selected label", ("Delete", "Backspace"), label),
        Action("label.next", "What to label next", ("Ctrl+Shift+F",), review),
        Action("review.next", "Next suggestion or doubtful frame", ("N",), review),
        Action("review.previous", "Previous suggestion or doubtful frame", ("P",), review),
        Action("review.accept", "Accept the suggestion, keep the frame", ("A",), review),
        Action("review.reject", "Reject the suggestion, mend the frame", ("X",), review),
        Action("pose.visibility", "Cycle the joint's visibility", ("V",), pose),
        Action("pose.swap_pair", "Swap left and right of a pair", ("Shift+S",), pose),
        Action("pose.mirror", "Mirror the whole pose", ("Shift+X",), pose),
        Action("pose.copy_previous", "Copy pose from previous frame", ("C",), pose),
        Action("pose.interpolate", "Interpolate between the corrections here", ("Shift+I",), pose),
        Action("pose.interpolate_all", "Interpolate between all corrections", ("Alt+Shift+I",), pose),
        Action("pose.smooth", "Interpolate smoothly or straight", ("Alt+I",), pose),
        Action("pose.release", "Give the joint back to the model", ("Shift+Delete",), pose),
        Action("pose.track", "Track the joint (or person) forward", ("T",), pose),
        Action("pose.track_back", "Track the joint backward", ("Shift+T",), pose),
        Action("pose.go_to_stop", "Go to where tracking lost the joint", ("G",), pose),
        Action("keyframe.previous", "Previous corrected frame", ("Ctrl+Shift+Left",), pose),
        Action("keyframe.next", "Next corrected frame", ("Ctrl+Shift+Right",), pose),
        Action("pose.smoothed", "Show raw or smoothed poses", ("R",), pose),
        Action("pose.judge", "Compare the poses with the truth", ("Ctrl+J",), pose),
        Action("pose.find", "Find doubtful frames", ("Ctrl+F",), pose),
        Action("pose.next_joint", "Next joint", ("Tab",), pose, repeats=True),
        Action("pose.previous_joint", "Previous joint", ("Shift+Tab", "Backtab"), pose, repeats=True),
        Action("space.front", "3D from the front", ("Ctrl+1",), view),
        Action("space.side", "3D from the side", ("Ctrl+2",), view),
        Action("space.top", "3D from the top", ("Ctrl+3",), view),
        Action("space.three_quarter", "3D from an angle", ("Ctrl+4",), view),
        Action("space.walk", "Walk in the room or stay in place in 3D", ("Ctrl+5",), view),
        Action("align.anchor", "Pin: these frames correspond", ("F8",), align),
        Action(
            "align.alone_previous", "Move the take alone, one frame back", ("Alt+Left",), align, repeats=True
        ),
        Action("align.alone_next", "Move the take alone, one frame on", ("Alt+Right",), align, repeats=True),
        Action(
            "align.alone_previous_10",
            "Move the take alone, 10 back",
            ("Alt+Shift+Left",),
            align,
            repeats=True,
        ),
        Action(
            "align.alone_next_10", "Move the take alone, 10 on", ("Alt+Shift+Right",), align, repeats=True
        ),
        Action("align.poses", "Skeletons over the takes", ("Shift+F9",), align),
        Action("align.space", "Takes in 3D", ("Ctrl+F9",), align),
        Action("align.overlay", "Overlay the takes", ("F9",), align),
        Action("view.fit", "Fit the view", ("F",), view),
        Action("view.compare", "Compare takes", ("F6",), view),
        Action("help.keys", "Key sheet", ("?", "F1"), view),
        Action("view.commands", "Find a command", ("Ctrl+K",), view),
        Action("edit.undo", "Undo", ("Ctrl+Z",), file),
        Action("edit.redo", "Redo", ("Ctrl+Shift+Z", "Ctrl+Y"), file),
        Action("file.new", "New project", ("Ctrl+N",), file),
        Action("file.open", "Open project", ("Ctrl+O",), file),
        Action("file.add", "Add videos", ("Ctrl+Shift+O",), file),
        Action("file.export", "Export labels", ("Ctrl+E",), file),
        Action("file.quit", "Quit", ("Ctrl+Q",), file),
    )


ACTIONS: tuple[Action, ...] = _actions()
BY_ID: dict[str, Action] = {action.id: action for action in ACTIONS}
GROUPS: tuple[str, ...] = tuple(dict.fromkeys(action.group for action in ACTIONS))

# What differs from the Editor keys. After each name: the keys of that tool which the preset keeps.
PRESETS: dict[str, dict[str, Keys]] = {
    "Editor": {},
    "BORIS": {  # frame by frame with / and *, jumps with - and +
        "step.previous": ("/", "Left"),
        "step.next": ("*", "Right"),
        "step.previous_10": ("-", "Shift+Left"),
        "step.next_10": ("+", "Shift+Right"),
        "interval.in": ("Ctrl+I",),
        "interval.out": ("Ctrl+Shift+I",),
    },
    "CVAT": {  # D/F frame, C/V ten frames, arrows search the next key frame, Q occluded
        "step.previous": ("D",),
        "step.next": ("F",),
        "step.previous_10": ("C",),
        "step.next_10": ("V",),
        "edge.previous": ("Left",),
        "edge.next": ("Right",),
        "pose.visibility": ("Q",),
        "pose.copy_previous": ("Ctrl+B",),
        "view.fit": ("Ctrl+0",),
        "help.keys": ("F1", "?"),
    },
    "SLEAP": {  # Down/Up medium step, Ctrl+. next labelled, ` next instance, Ctrl+T transpose, Ctrl+= fit
        "step.previous_10": ("Up", "Shift+Left"),
        "step.next_10": ("Down", "Shift+Right"),
        "edge.next": ("Ctrl+.", "Ctrl+Right"),
        "edge.previous": ("Ctrl+,", "Ctrl+Left"),
        "pose.next_joint": ("`", "Tab"),
        "pose.swap_pair": ("Ctrl+T",),
        "view.fit": ("Ctrl+=",),
        "label.delete": ("Ctrl+Backspace", "Delete"),
        "file.add": ("Ctrl+A",),
        "view.commands": ("Ctrl+Shift+P",),
    },
    "Kinovea": {  # Page Up/Down jump, Ctrl+arrows go to key images, Insert adds one
        "step.previous_10": ("PgUp", "Shift+Left"),
        "step.next_10": ("PgDown", "Shift+Right"),
        "play.toggle": ("Space", "Return"),
        "interval.commit": ("Ctrl+Return",),
        "label.1": ("Ins", "1"),
    },
}  # fmt: skip


def default_mapping() -> dict[str, Keys]:
    """Every action with its default keys."""
    return {action.id: action.keys for action in ACTIONS}


def preset(name: str) -> dict[str, Keys]:
    """The whole mapping of a preset; KeyError for an unknown name."""
    return default_mapping() | PRESETS[name]


def preset_of(mapping: Mapping[str, Keys]) -> str:
    """Name of the preset a mapping is equal to, or "" when it is the user's own."""
    return next((name for name in PRESETS if preset(name) == dict(mapping)), "")


def conflicts(mapping: Mapping[str, Keys]) -> list[Conflict]:
    """Keys that two or more actions claim, in the order of the actions."""
    claims: dict[str, list[str]] = {}
    for action in ACTIONS:
        for key in dict.fromkeys(_normal(key) for key in mapping.get(action.id, action.keys)):
            claims.setdefault(key, []).append(action.id)
    return [Conflict(key, tuple(ids)) for key, ids in claims.items() if len(ids) > 1]


def is_chord(key: str) -> bool:
    """True for "K & J": the second key pressed while the first is held."""
    return " & " in key


def chord_parts(key: str) -> tuple[str, str]:
    """Held key and pressed key of a chord."""
    held, _, pressed = key.partition(" & ")
    return held, pressed


def save_mapping(mapping: Mapping[str, Keys]) -> dict[str, list[str]]:
    """What differs from the defaults, as a plain dict for the settings."""
    return {
        action.id: list(mapping[action.id])
        for action in ACTIONS
        if action.id in mapping and mapping[action.id] != action.keys
    }


def load_mapping(saved: object) -> dict[str, Keys]:
    """A mapping from `save_mapping`'s dict; what is unknown or of the wrong kind is left at its default."""
    mapping = default_mapping()
    if isinstance(saved, dict):
        for action_id, keys in saved.items():
            if action_id in BY_ID and isinstance(keys, list) and all(isinstance(key, str) for key in keys):
                mapping[action_id] = tuple(keys)
    return mapping


_SHOWN = {
    "Left": "←", "Right": "→", "Up": "↑", "Down": "↓", "Return": "Enter", "Del": "Delete", "Ins": "Insert",
    "PgUp": "Page Up", "PgDown": "Page Down",
}  # fmt: skip


def shown(key: str) -> str:
    """A key as people read it: "Ctrl+→"; a chord as "K+J"."""
    if is_chord(key):
        return "+".join(chord_parts(key))
    head, plus, last = key.rpartition("+")
    if not last:  # the key is "+" itself
        head, plus, last = key[:-1].removesuffix("+"), "+" if len(key) > 1 else "", "+"
    return f"{head}{plus}{_SHOWN.get(last, last)}"


def shown_keys(keys: Keys) -> str:
    """All keys of an action: "← or ,"; keys that look alike appear once."""
    return " or ".join(dict.fromkeys(shown(key) for key in keys if key != "Backtab"))


def _normal(key: str) -> str:
    return {"Enter": "Return", "Del": "Delete", "Backtab": "Shift+Tab"}.get(key, key)
