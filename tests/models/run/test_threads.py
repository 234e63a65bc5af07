"""Small work in one thread leaves the others' threads as they were."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from threadpoolctl import threadpool_info

from models.run.threads import one_thread


def _most() -> int:
    return max(library["num_threads"] for library in threadpool_info())


def test_one_thread_and_then_as_before() -> None:
    before = torch.get_num_threads(), _most()
    with one_thread():
        with one_thread():
            assert torch.get_num_threads() == 1
        assert _most() == 1, "an inner block does not end the outer one"
    assert (torch.get_num_threads(), _most()) == before


def test_threads_that_overlap_undo_it() -> None:
    before = _most()

    @one_thread()
    def work(seed: int) -> float:
        numbers = np.random.default_rng(seed).random((50, 50))
        return float((numbers @ numbers).sum())

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, [1] * 40)) == [work(1)] * 40
    assert _most() == before
