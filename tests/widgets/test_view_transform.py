"""Zoom and pan: the picture stays under the cursor, and pixel (0, 0) is the centre of the corner pixel."""

from __future__ import annotations

import numpy as np
import pytest

from widgets.view_transform import ViewTransform


def test_fit_covers_the_view_from_pixel_edge_to_pixel_edge() -> None:
    view = ViewTransform.fit((100, 50), (400, 400))
    corners = view.to_view(np.array([[-0.5, -0.5], [99.5, 49.5]]))
    assert corners.tolist() == [[0.0, 100.0], [400.0, 300.0]]


@pytest.mark.parametrize("factor", [0.3, 1.2, 7.0])
def test_zoom_keeps_what_is_under_the_cursor(factor: float) -> None:
    view = ViewTransform.fit((640, 480), (333, 777))
    at = (120.5, 431.0)
    assert view.zoomed(factor, at).to_image(at) == pytest.approx(view.to_image(at))


def test_there_and_back() -> None:
    view = ViewTransform(2.5, 10, -7).panned(3, 4)
    assert view.to_image(tuple(view.to_view(np.array([12.25, 8.0])))) == pytest.approx((12.25, 8.0))


def test_what_is_not_seen_stays_unseen() -> None:
    assert np.isnan(ViewTransform().to_view(np.array([np.nan, np.nan]))).all()
