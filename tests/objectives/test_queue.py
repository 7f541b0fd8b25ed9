"""The queue keeps the newest rows, and finds the nearest ones as a full sort does."""

import pytest
import torch
from torch.nn.functional import normalize

from kinfolk.errors import ConfigurationError
from kinfolk.objectives import Queue, nearest_rows
from kinfolk.objectives.queue import NOBODY


def numbered(*values: float) -> torch.Tensor:
    return torch.tensor(values)[:, None]


def test_starts_with_random_unit_rows_of_nobody() -> None:
    queue = Queue(50, 7)
    torch.testing.assert_close(queue.rows.norm(dim=1), torch.ones(50))
    assert len(queue.rows.unique(dim=0)) == 50
    assert bool((queue.ids == NOBODY).all())
    assert not queue.is_full


def test_a_batch_that_does_not_divide_the_size_goes_on_at_the_start() -> None:
    queue = Queue(5, 1)
    for first in (1.0, 3.0, 5.0):
        queue.enqueue(numbered(first, first + 1), torch.tensor([int(first), int(first) + 1]))
        assert queue.is_full == (first == 5)
    assert queue.rows.flatten().tolist() == [6, 2, 3, 4, 5]
    assert queue.ids.tolist() == [6, 2, 3, 4, 5]
    assert queue.pointer.tolist() == [1]


@pytest.mark.parametrize("size", [7, 12, 31])
def test_holds_the_newest_rows_whatever_the_batches(size: int) -> None:
    queue, generator, seen = Queue(size, 1), torch.Generator().manual_seed(0), []
    for _ in range(40):
        batch = torch.randn(int(torch.randint(1, size + 1, (1,), generator=generator)), 1, generator=generator)
        queue.enqueue(batch)
        seen += batch.flatten().tolist()
    assert sorted(queue.rows.flatten().tolist()) == sorted(seen[-size:])


def test_is_restored_from_its_state() -> None:
    queue, restored = Queue(5, 1), Queue(5, 1)
    queue.enqueue(numbered(1, 2, 3), torch.arange(3))
    restored.load_state_dict(queue.state_dict())
    for each in (queue, restored):
        each.enqueue(numbered(4, 5, 6))
    torch.testing.assert_close(restored.state_dict(), queue.state_dict())
    assert restored.ids.tolist() == [NOBODY, 1, 2, NOBODY, NOBODY]


def test_a_batch_as_large_as_the_queue_replaces_it_and_a_larger_one_is_refused() -> None:
    queue = Queue(3, 1)
    queue.enqueue(numbered(1))
    queue.enqueue(numbered(2, 3, 4))
    assert queue.rows.flatten().tolist() == [4, 2, 3]
    with pytest.raises(ConfigurationError, match="batch of 4 for a queue of 3"):
        queue.enqueue(numbered(1, 2, 3, 4))
    assert queue.rows.flatten().tolist() == [4, 2, 3]


def test_says_what_does_not_fit() -> None:
    for size in (0, 2.5, float("inf")):
        with pytest.raises(ConfigurationError, match=rf"queue_size.*Got {size}"):
            Queue(size, 3)
    with pytest.raises(ConfigurationError, match=r"\(items, 3\).*Got \(2, 4\)"):
        Queue(5, 3).enqueue(torch.zeros(2, 4))
    with pytest.raises(ConfigurationError, match="ids must be 2 integers"):
        Queue(5, 3).enqueue(torch.zeros(2, 3), torch.zeros(3, dtype=torch.int64))


def test_a_snapshot_outlives_the_next_batch() -> None:
    queue = Queue(4, 3)
    weight = torch.ones(3, requires_grad=True)
    rows, _ = queue.snapshot()
    before = rows.sum(0)
    loss = rows @ weight
    queue.enqueue(torch.ones(4, 3))
    loss.sum().backward()
    torch.testing.assert_close(weight.grad, before)


@pytest.mark.parametrize("count", [1, 2, 9])
def test_nearest_rows_are_those_of_a_full_sort(count: int) -> None:
    generator = torch.Generator().manual_seed(1)
    queries = torch.randn(150, 4, generator=generator)  # more than are compared at a time
    rows = normalize(torch.randn(9, 4, generator=generator))
    order = (normalize(queries) @ rows.T).argsort(dim=1, descending=True)
    torch.testing.assert_close(nearest_rows(queries * 3, rows, count=count), order[:, :count])
    # The nearest row of each query is its own: it goes to the end, the others keep their order.
    own, ids = order[:, 0], torch.arange(9)
    torch.testing.assert_close(nearest_rows(queries, rows, count=9, apart=(own, ids)), order.roll(-1, dims=1))


def test_of_equally_near_rows_the_first_is_taken() -> None:
    rows = torch.tensor([[0.0, 1.0], [1.0, 0.0], [1.0, 0.0]])
    assert nearest_rows(torch.tensor([[5.0, 0.0]]), rows).tolist() == [[1]]


def test_autocast_does_not_change_what_is_near() -> None:
    generator = torch.Generator().manual_seed(2)
    queries, rows = torch.randn(40, 16, generator=generator), normalize(torch.randn(3000, 16, generator=generator))
    with torch.autocast("cpu", torch.bfloat16):
        inside = nearest_rows(queries, rows)
    torch.testing.assert_close(inside, nearest_rows(queries, rows))
