"""Train an alignment model on takes of a project: what the training window asks its child process to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.session import Session
from models.domain.errors import KnownError
from models.domain.splits import hold_back
from storage.videos import Video

if TYPE_CHECKING:
    from models.train.pose_takes import PoseTake
    from models.train.train_pose_encoder import TrainingProgress

KIND = "train-alignment"  # in the file that describes the job


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """takes: uids. initial: name of the encoder to start from, "" = none. out: NAME.safetensors; its
    checkpoint lies beside it."""

    project: Path
    takes: tuple[str, ...]
    initial: str
    steps: int
    out: Path
    seed: int = 0

    def as_json(self) -> dict[str, Any]:
        return {"kind": KIND, **asdict(self), "project": str(self.project), "out": str(self.out)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TrainingPlan:
        """Raises KnownError when something is missing or of another type."""
        try:
            return cls(
                Path(data["project"]),
                tuple(str(uid) for uid in data["takes"]),
                str(data["initial"]),
                int(data["steps"]),
                Path(data["out"]),
                int(data["seed"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise KnownError(f"The description of the training is damaged: {error!r}.") from error


def train_on_takes(plan: TrainingPlan) -> Iterator[TrainingProgress]:
    """Train as planned; the project is only read. Stopping keeps a checkpoint: the next call goes on there.

    With five takes or more, some are held back and judge the model; with fewer it is judged on the takes it
    saw. Raises KnownError when fewer than two takes have poses.
    """
    from models.run.embed import load_encoder
    from models.train.train_pose_encoder import PoseEncoderRecipe, train_pose_encoder

    with Session.open(plan.project, read_only=True) as session:
        known = {video.uid: video for video in session.videos()}
        videos = [known[uid] for uid in plan.takes if uid in known]
        poses = {video.uid: _poses(session, video) for video in videos}
    usable = [video for video in videos if poses[video.uid]]
    if len(usable) < 2:
        raise KnownError(
            f"Training needs two takes with poses; {len(usable)} of those chosen {_have(len(usable))}.",
            hint="Find the poses of the others first.",
        )
    held = set(hold_back([video.uid for video in usable]))
    training = [take for video in usable if video.uid not in held for take in poses[video.uid]]
    judging = [take for video in usable if video.uid in held or not held for take in poses[video.uid][:1]]
    recipe = replace(PoseEncoderRecipe(), steps=plan.steps, seed=plan.seed, takes=min(8, len(training)))
    weights = None
    if plan.initial:
        start = load_encoder(plan.initial)
        if start.kind != "poses":
            raise KnownError(f"'{plan.initial}' embeds pictures; a training on poses cannot start from it.")
        weights = start.net.state_dict()
        recipe = replace(recipe, network=start.net.config)  # type: ignore[arg-type]
    about = {
        "licence": "yours, as far as your videos are"
        + (f"; started from {plan.initial}" * bool(plan.initial)),
        "trained_on": ", ".join(video.name for video in usable if video.uid not in held),
    }
    yield from train_pose_encoder(
        training, plan.out, recipe, held_out=judging, initial=weights, about=about, precision="32-true"
    )


def _have(count: int) -> str:
    return "has some" if count == 1 else "have some"


def _poses(session: Session, video: Video) -> Sequence[PoseTake]:
    """The poses of the main person: 2D ones, and 3D ones, which can be looked at from all sides."""
    from models.train.pose_takes import PoseTake

    found = []
    for dimensions in (2, 3):
        track = session.track(video.uid, dimensions)
        if track is not None and track[1].shows(0):
            values, skeleton = track[1].values[:, 0], track[1].skeleton
            found.append(PoseTake(values, skeleton, video.info.times.fps, name=video.name))
    return found
