"""The order of the batches of an epoch, from its beginning and from within it."""

import torch

from kinfolk.data.images import Images
from kinfolk.methods.batches import EpochBatches, batches


def test_every_row_comes_once_and_each_epoch_has_an_order_of_its_own() -> None:
    order = EpochBatches(20, 5, seed=0)
    first = list(order)
    assert [len(rows) for rows in first] == [5, 5, 5, 5]
    assert sorted(row for rows in first for row in rows) == list(range(20))
    assert list(order) == first
    order.set_epoch(1)
    assert list(order) != first


def test_batches_that_are_skipped_are_skipped_once() -> None:
    order = EpochBatches(20, 5, seed=0)
    whole = list(order)
    order.skip(3)
    assert list(order) == whole[3:]
    assert order.given == 4
    assert list(order) == whole


def test_a_loader_goes_on_behind_the_batches_that_another_has_given(stripes: Images) -> None:
    whole = [batch.rows for batch in batches(stripes, batch_size=32, seed=3)]
    loader, another = (batches(stripes, batch_size=32, seed=3) for _ in range(2))
    given = iter(loader)
    next(given), next(given)
    assert loader.state_dict() == {"given": 2}
    another.load_state_dict(loader.state_dict())
    assert torch.equal(torch.stack([batch.rows for batch in another]), torch.stack(whole[2:]))
