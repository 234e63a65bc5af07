"""What people read about the bundled networks."""

from __future__ import annotations

import pytest

from app.services.models import bundled_models


@pytest.mark.parametrize("kind", ["pose2d", "lift3d", "detector"])
def test_a_model_is_described_in_words(kind: str) -> None:
    for model in bundled_models(kind):
        assert model.kind == kind and model.note
        assert "_" not in model.note and "{" not in model.note
