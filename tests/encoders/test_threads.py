"""The number of threads, from timings that are made up."""

import pytest

pytest.importorskip("torch", reason="needs kinfolk[text]: torch is not installed")

import torch

from kinfolk.encoders import threads
from kinfolk.encoders.threads import choose_threads, fastest_threads


@pytest.mark.parametrize(
    ("seconds", "best"),
    [
        ({8: 1.0, 4: 1.9}, 8),  # every core counts: fewer are not tried further
        ({8: 4.0, 4: 2.0, 2: 1.0, 1: 2.0}, 2),  # two cores are free
        ({8: 1.0, 4: 1.05, 2: 1.0, 1: 0.95}, 8),  # noise is no reason
        ({3: 1.0, 1: 0.5}, 1),
        ({1: 1.0}, 1),
    ],
)
def test_the_largest_number_that_none_beats_by_a_tenth(seconds: dict[int, float], best: int) -> None:
    assert choose_threads(seconds.__getitem__, most=max(seconds)) == best


def test_only_what_nobody_set_is_changed_and_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: set(range(4)), raising=False)
    monkeypatch.setattr(threads, "_measured", lambda _most: 2)
    try:
        for there, within in ((4, 2), (3, 3), (1, 1)):  # 4 is one a core; 3 was set by somebody
            torch.set_num_threads(there)
            with fastest_threads():
                assert torch.get_num_threads() == within
            assert torch.get_num_threads() == there
        monkeypatch.setenv("OMP_NUM_THREADS", "4")
        torch.set_num_threads(4)
        with fastest_threads():
            assert torch.get_num_threads() == 4
    finally:
        torch.set_num_threads(before)
