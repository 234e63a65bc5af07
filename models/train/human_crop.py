"""One training crop: a person, perhaps with somebody beside or something in front, cut out with alpha."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.train.human_camera import Camera, camera_at, window_around
from models.train.human_picture import (
    FACE,
    JOINTS,
    Figure,
    Layer,
    Person,
    draw,
    face_seen,
    moved,
    random_light,
    random_person,
)
from models.train.human_pose import Pose, invented, perturbed, pose_from_mocap, random_rotation, turn, turn_by
from models.train.mocap import Mocap

Floats = NDArray[np.float64]
Textures = list[NDArray[np.uint8]]

_UP = np.array([0.0, 1.0, 0.0])
_SMOOTH = 1.5  # pictures are drawn this many times larger and shrunk
_COVERED_M = 0.13  # a joint lies so deep inside its own limb at most
_SEEN_ENOUGH = 0.5  # share of the person that what stands in front must leave


@dataclass(frozen=True, eq=False)
class PersonCrop:
    """image: uint8 (S, S, 4) RGBA. keypoints: (19, 3) x px, y px, labelled 0/1, order of JOINTS.

    covered: (19,) bool, something (the own body, too) lies in front of the joint. box: (4,) x1, y1, x2, y2
    px of what is seen of the person. alone: nobody and nothing else is in the picture.
    """

    image: NDArray[np.uint8]
    keypoints: NDArray[np.float32]
    covered: NDArray[np.bool_]
    box: NDArray[np.float32]
    alone: bool


def random_pose(mocap: Mocap, rng: np.random.Generator) -> tuple[Pose, bool]:
    """A pose, and whether it stands on level ground.

    Half is motion capture, the rest motion capture with changed limbs and invented poses; a quarter is turned
    any way up, as people in gymnastics, dance and sleep are.
    """
    kind = rng.choice(["mocap", "changed", "invented"], p=[0.45, 0.27, 0.28])
    if kind == "invented":
        pose = invented(rng)
    else:
        sequence = mocap.sequence(int(rng.integers(len(mocap))))
        pose = pose_from_mocap(sequence[rng.integers(len(sequence))], rng)
        if kind == "changed":
            pose = perturbed(pose, rng, rng.uniform(8, 38))
    around = rng.uniform()
    if around < 0.12:
        return pose.turned(random_rotation(rng)), False
    if around < 0.26:  # lying, upside down, sideways
        across = np.radians(rng.choice([90, -90, 180], p=[0.3, 0.3, 0.4]) + rng.normal(0, 18))
        axis = turn(_UP, rng.uniform(-np.pi, np.pi)) @ np.array([1.0, 0, 0])
        return pose.turned(turn_by(rng.normal(0, 0.15, 3)) @ turn(axis, across)), False
    return pose.turned(turn_by(rng.normal(0, 0.05, 3))), kind != "invented"


def random_crop(
    figure: Figure,
    mocap: Mocap,
    textures: Textures,
    rng: np.random.Generator,
    side_px: int,
    *,
    close: bool = False,
) -> PersonCrop:
    """Draw a random person, whole or (`close`) a part. The same generator state gives the same crop."""
    pose, standing = random_pose(mocap, rng)
    floor = _UP if standing else None
    person = random_person(figure, pose, rng, textures, floor)
    points = person.vertices[person.drawn & _part(figure, rng)] if close else person.vertices
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    elevation = np.radians(rng.choice([rng.normal(4, 9), rng.uniform(-30, 60)], p=[0.7, 0.3]))
    yaw = rng.uniform(-np.pi, np.pi)
    if close and rng.uniform() < 0.6:  # people turn to a camera that is near
        yaw = np.arctan2(pose.chest[0, 2], pose.chest[2, 2]) + rng.normal(0, 0.7)
    camera = camera_at(
        middle + rng.normal(0, 0.1, 3),
        float(np.clip(np.exp(rng.normal(1.35, 0.45)), 1.7, 10)),
        float(yaw),
        float(elevation),
        float(np.radians(rng.normal(0, 6))),
    )
    points = points if close else points[person.drawn]
    window = window_around(points, camera, rng.uniform(0.03, 0.09), round(side_px * _SMOOTH))
    light = random_light(rng)
    layer = draw(person, camera, window, light)
    joints = camera.view(person.joints)
    pixels = window.pixels(joints)
    seen = face_seen(person, camera, window)
    rows, columns = _cells(pixels, window.side_px)
    covered = -joints[:, 2] - layer.depth[rows, columns] > _COVERED_M
    # What is outside the window is not labelled.
    labelled = (pixels >= 0).all(axis=1) & (pixels <= window.side_px - 1).all(axis=1)
    labelled[FACE] &= seen

    rgba = np.dstack([layer.colour, layer.mask.astype(np.float32)])
    around = rng.uniform()
    front = np.zeros(layer.mask.shape, bool)
    alone = True
    if around < 0.12:
        other = _someone_beside(figure, mocap, textures, rng, person.joints[11:13].mean(0), camera)
        other_layer = draw(other, camera, window, light)
        front = _put(rgba, layer, other_layer)
        alone = not other_layer.mask.any()
    elif around < 0.30:
        front = _put_something(rgba, layer.mask, textures, rng)
        alone = False
    mask = layer.mask & ~front
    covered |= front[rows, columns]
    labelled[FACE] &= ~front[rows, columns][FACE]

    small = _shrunk(rgba, side_px)
    ys, xs = np.nonzero(mask)
    box = np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1], np.float32) / np.float32(_SMOOTH)
    keypoints = np.zeros((len(JOINTS), 3), np.float32)
    keypoints[labelled, :2] = ((pixels + 0.5) / _SMOOTH - 0.5)[labelled]
    keypoints[labelled, 2] = 1
    return PersonCrop(small, keypoints, covered, box, alone)


def _part(figure: Figure, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Vertices of what a close picture is made for: mostly the upper body, with or without the arms."""
    height, arm = figure.places.position[:, 1], figure.places.arm
    if rng.uniform() < 0.12:
        return height < rng.uniform(-0.15, 0.3)
    return (height > rng.uniform(-0.4, 0.52)) & (arm < rng.choice([0.3, 1.2, 4.0]))


def _someone_beside(
    figure: Figure,
    mocap: Mocap,
    textures: Textures,
    rng: np.random.Generator,
    hips: Floats,
    camera: Camera,
) -> Person:
    pose, standing = random_pose(mocap, rng)
    other = random_person(figure, pose, rng, textures, _UP if standing else None)
    right, _, back = camera.rotation
    aside = rng.choice([-1, 1]) * rng.uniform(0.15, 0.75) * right
    depth = rng.choice([-1, 1]) * rng.uniform(0.15, 0.6) * back
    return moved(other, hips - other.joints[11:13].mean(0) + aside + depth + rng.normal(0, 0.1, 3))


def _put(rgba: NDArray[np.float32], first: Layer, second: Layer) -> NDArray[np.bool_]:
    """Draw the second person into the picture of the first; returns where the second hides the first."""
    front = second.mask & (second.depth < first.depth)
    hidden = front & first.mask
    if hidden.sum() > (1 - _SEEN_ENOUGH) * first.mask.sum():  # then it is the other one who stands behind
        front, hidden = second.mask & ~first.mask, np.zeros_like(hidden)
    rgba[front, :3] = second.colour[front]
    rgba[front, 3] = 1
    return hidden


def _put_something(
    rgba: NDArray[np.float32], mask: NDArray[np.bool_], textures: Textures, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Put a textured thing in front of the person; returns where it is: nowhere if it hid too much."""
    side = len(mask)
    shape = np.zeros(mask.shape, np.uint8)
    ys, xs = np.nonzero(mask)
    at = rng.integers(len(xs))
    centre = np.array([xs[at], ys[at]]) + rng.normal(0, 0.08 * side, 2)
    if rng.uniform() < 0.4:
        axes = rng.uniform(0.04, 0.22, 2) * side
        cv2.ellipse(shape, (tuple(map(float, centre)), tuple(map(float, axes)), rng.uniform(0, 180)), 1, -1)
    else:
        long, wide = rng.uniform(0.1, 0.9) * side, rng.uniform(0.03, 0.18) * side
        corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * (long / 2, wide / 2)
        corners = corners * rng.uniform(0.7, 1.1, (4, 2))
        angle = rng.choice([0, np.pi / 2, rng.uniform(0, np.pi)])
        spin = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        cv2.fillPoly(shape, [np.rint(corners @ spin.T + centre).astype(np.int32)], 1)
    front = shape > 0
    if (front & mask).sum() > (1 - _SEEN_ENOUGH) * mask.sum():
        return np.zeros_like(mask)
    texture = textures[rng.integers(len(textures))]
    if rng.uniform() < 0.4:
        texture = np.broadcast_to(rng.integers(0, 256, 3).astype(np.uint8), texture.shape)
    cover = cv2.resize(np.ascontiguousarray(texture), (side, side), interpolation=cv2.INTER_CUBIC)
    rgba[front, :3] = (cover[front] / 255.0 * rng.uniform(0.5, 1.1)).clip(0, 1)
    rgba[front, 3] = 1
    return front


def _cells(pixels: Floats, side: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    columns, rows = np.clip(np.rint(pixels).astype(np.int64), 0, side - 1).T
    return rows, columns


def _shrunk(rgba: NDArray[np.float32], side_px: int) -> NDArray[np.uint8]:
    """Shrunk with colours weighted by alpha, so that no background bleeds into the outline."""
    rgba[..., :3] *= rgba[..., 3:]
    small = cv2.resize(rgba, (side_px, side_px), interpolation=cv2.INTER_AREA)
    small[..., :3] /= np.maximum(small[..., 3:], 1e-3)
    return np.asarray(np.rint(small.clip(0, 1) * 255), np.uint8)
