from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from kinfolk.methods.clippings.guard import Guard, split_rows
from kinfolk.methods.held import Held


class Counter(nn.Module):
    """A module whose one weight says how often it has been trained."""

    def __init__(self):
        super().__init__()
        self.steps = nn.Parameter(torch.zeros(()))


def trained(guard, scores):
    """A module after as many epochs as there are scores, less the one of the start."""
    module = Counter()
    guard.on_train_start(SimpleNamespace(current_epoch=0), module)
    for epoch in range(len(scores) - 1):
        with torch.no_grad():
            module.steps += 1
        guard.on_train_epoch_end(SimpleNamespace(current_epoch=epoch), module)
    return module


@pytest.mark.parametrize(
    ("scores", "best"),
    [([1.0, 2.0, 3.0], 0), ([1.0, 1.0, 1.0], 0), ([3.0, 1.0, 2.0], 1), ([3.0, 2.0, 2.0], 2), ([3.0, 2.0, None], 1)],
)
def test_the_best_weights_are_kept_and_never_worse_than_the_start(scores, best):
    given = iter(scores)
    guard = Guard(lambda _: None if (score := next(given)) is None else Held(score, {}))
    module = trained(guard, scores)
    guard.restore(module)
    assert (guard.best_epoch, module.steps.item()) == (best, best)
    assert (guard.start, guard.best) == (scores[0], scores[best])


def test_what_is_kept_goes_into_a_checkpoint_and_comes_back():
    guard = Guard(lambda module: Held(-module.steps.item(), {}))
    module = trained(guard, [0, 1, 2])
    again = Guard(lambda module: Held(-module.steps.item(), {}))
    again.load_state_dict(guard.state_dict())
    again.on_train_start(SimpleNamespace(current_epoch=2), Counter())  # goes on: the start is not measured anew
    assert (again.start, again.best, again.best_epoch) == (0, -2, 2)
    again.restore(module)
    assert module.steps == 2


def test_a_narrow_space_is_warned_of():
    assert "collapsed: effective rank 1.2" in str(Held(0.0, {"effective_rank": 1.2}).warning())
    assert Held(0.0, {"effective_rank": 9.0}).warning() is None


def test_no_more_rows_are_held_out_than_wanted():
    one, other = split_rows(100, share=0.2, seed=0, most=7)
    assert (len(one), len(other)) == (93, 7)


@pytest.mark.parametrize(("num", "held"), [(2, 0), (3, 1), (4, 2), (100, 20)])
def test_rows_are_split_without_loss(num, held):
    one, other = split_rows(num, share=0.2, seed=0)
    assert len(other) == held
    np.testing.assert_array_equal(np.sort(np.concatenate([one, other])), np.arange(num))
