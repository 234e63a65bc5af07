"""Takes of a bright square that travels over grey noise and back, each at its own pace: quick to learn."""

from collections.abc import Iterator

import numpy as np

from models.train.clip_frames import Clip

SIZE = 48


def clip(seed: int, frames: int | None = None, **options) -> Clip:
    rng = np.random.default_rng(seed)
    frames = int(rng.integers(24, 40)) if frames is None else frames
    bend = rng.uniform(0.6, 1.6)

    def read() -> Iterator[np.ndarray]:
        noise = np.random.default_rng(seed).integers(0, 60, (SIZE, SIZE, 3), dtype=np.uint8)
        for share in np.linspace(0, 1, frames) ** bend:
            picture = noise.copy()
            x, y = int(36 * share), int(36 * np.sin(np.pi * share))
            picture[y : y + 12, x : x + 12] = (250, 200, 40)
            yield picture

    middle = int(np.ceil((frames - 1) * 0.5 ** (1 / bend)))
    options = {"action": "travel", "fps": 30.0, "events": (middle,)} | options
    return Clip(f"take{seed}", read=read, **options)
