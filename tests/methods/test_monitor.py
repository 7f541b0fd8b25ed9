"""A space that has collapsed is called so, and one that has not is left in peace."""

import torch
from torch import Tensor

from kinfolk.data.images import Images
from kinfolk.encoders.image_by_name import image_encoder
from kinfolk.methods import methods
from kinfolk.methods.monitor import Geometry, Monitor


def test_a_fresh_network_is_measured_and_left_as_it_was(stripes: Images) -> None:
    torch.manual_seed(0)
    method = methods()["simclr"].make(image_encoder("resnet", depth=8, width=8), size=16)
    state = {name: value.clone() for name, value in method.state_dict().items()}
    geometry = Monitor(stripes, size=16, seed=0).measure(method)
    assert method.training
    assert all(torch.equal(state[name], value) for name, value in method.state_dict().items())
    assert 1 <= geometry.effective_rank <= 128
    assert 1 <= (geometry.effective_negatives or 0) <= 159
    assert 0 < (geometry.suggested_temperature or 0) <= 10
    assert 0 <= (geometry.knn or -1) <= 1
    assert Monitor(stripes, size=16, seed=0).measure(method) == geometry, "the sample and its views are fixed"


def test_a_collapse_is_said(stripes: Images) -> None:
    method = methods()["simclr"].make(image_encoder("resnet", depth=8, width=8), size=16)
    collapsed = Monitor(stripes, size=16, seed=0)

    def constant(images: Tensor) -> Tensor:
        return torch.ones(len(images), 8) + 1e-3 * torch.randn(len(images), 8)

    method.embed = constant  # type: ignore[method-assign]
    assert "collapsed" in (collapsed.measure(method).warning() or "")
    assert Geometry(0.5, -2.0, 30.0).warning() is None


def test_without_labels_there_are_no_neighbors(stripes: Images) -> None:
    method = methods()["pixpro"].make(image_encoder("resnet", depth=8, width=8), size=16)
    unlabeled = Images(stripes.pixels, stripes.names)
    measured = Monitor(unlabeled, size=16, seed=0).measure(method).as_dict()
    assert set(measured) == {"alignment", "uniformity", "effective_rank"}
