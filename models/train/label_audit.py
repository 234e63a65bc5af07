"""Labels that a network contradicts: people whose sides are exchanged, or who are somebody else.

Crowd-sourced labels have mirrored and mislabelled people; a network that was trained on the rest finds them.
The list is JSON that people can read and correct, and that a training applies (`audited`):
`[{"name": "00018.jpg", "action": "swap", …}]`. "swap" exchanges the sides of a person's labels, "drop" leaves
the person out. A network agrees with what it was trained on: audit with one that has not seen these labels.
These are suspects: a weak network takes backs for fronts, so look at people before a training swaps them.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.domain.errors import KnownError
from models.domain.skeleton import load_skeleton
from models.train.pose_data import PoseData, select
from models.train.pose_scores import CLEARLY, judge

SURE = 0.5  # confidence of joints that have a say
AGREEMENT = 0.7  # exchanged labels must fit in at least this share of the sure joints
STRANGER = 0.1  # labels that fit in less than this share of the sure joints, either way, are somebody else's
MIN_SURE_JOINTS = 8


def audit(predicted: NDArray[np.floating], data: PoseData) -> list[dict[str, Any]]:
    """People whose labels contradict predictions (N, J, 3) in the data's skeleton, ready for JSON.

    joints: how many are sure and labelled; fit, fit_exchanged: how many of them lie within 0.2 torso lengths
    as they are and with exchanged sides.
    """
    flip = list(load_skeleton(data.skeleton).flip)
    sure = predicted[..., 2] >= SURE
    own = judge(predicted, data)
    other = judge(predicted[:, flip], data)
    joints = (own.counted & sure).sum(1)
    fit = (own.correct & sure).sum(1)
    exchanged = (other.correct & sure[:, flip]).sum(1)
    found = []
    for i, name in enumerate(data.names):
        action = ""
        if exchanged[i] >= fit[i] + CLEARLY and exchanged[i] >= AGREEMENT * joints[i]:
            action = "swap"
        elif joints[i] >= MIN_SURE_JOINTS and max(fit[i], exchanged[i]) < STRANGER * joints[i]:
            action = "drop"
        if action:
            found.append(
                {
                    "name": name,
                    "action": action,
                    "joints": int(joints[i]),
                    "fit": int(fit[i]),
                    "fit_exchanged": int(exchanged[i]),
                }
            )
    return found


def read_audit(path: Path | str) -> dict[str, str]:
    """Action by name of a list that `audit` made or a person wrote. Raises KnownError when it is none."""
    try:
        rows = json.loads(Path(path).read_text("utf-8"))
        actions = {str(row["name"]): str(row["action"]) for row in rows}
        unknown = sorted(set(actions.values()) - {"swap", "drop"})
        if unknown:
            raise ValueError(f"unknown action '{unknown[0]}'")
    except OSError as error:
        raise KnownError(f"Cannot read {path}: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise KnownError(
            f"{path} is not a list of labels to mend: {type(error).__name__} {error}.",
            hint='Expected [{"name": "…", "action": "swap" or "drop"}, …].',
        ) from error
    return actions


def audited(data: PoseData, actions: dict[str, str]) -> PoseData:
    """The people with the actions applied; names that the data do not have are passed over."""
    flip = list(load_skeleton(data.skeleton).flip)
    swap = np.array([actions.get(name) == "swap" for name in data.names], bool)
    kept = [i for i, name in enumerate(data.names) if actions.get(name) != "drop"]
    joints = np.where(swap[:, None, None], data.joints[:, flip], data.joints)
    visible = np.where(swap[:, None], data.visible[:, flip], data.visible)
    return select(replace(data, joints=joints, visible=visible), kept)
