"""Drawing on pictures as encoders take them."""

from __future__ import annotations

import subprocess
import sys

# In a process of its own: what matters is who writes first in it, in each thread.
_WRITE_TWICE = """
from concurrent.futures import ThreadPoolExecutor
import cv2, numpy as np
from storage.yuv import blank

def written():
    picture = blank(160, 40)
    picture.text("left arm 12", 4, 28, 16)
    return picture.y.copy()

cv2.putText(np.zeros((40, 400), np.uint8), "12 left", (5, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255,), 1)
first = written()
with ThreadPoolExecutor(1) as pool:
    second = pool.submit(written).result()
assert first.max() > 150, "nothing is written"
assert (first == second).all(), f"{(first != second).sum()} pixels differ"
"""


def test_letters_do_not_depend_on_what_was_written_before() -> None:
    run = subprocess.run([sys.executable, "-c", _WRITE_TWICE], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
