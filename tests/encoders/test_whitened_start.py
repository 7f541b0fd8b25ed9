"""Projections that begin whitened, and towers that stay as they are."""

import numpy as np
import pytest
import torch

from kinfolk.encoders.record import FieldSpec, RecordEncoder, Towers
from kinfolk.encoders.record_inputs import RecordInputs, image_field, number_field
from kinfolk.encoders.whitened_start import whiten_projections
from kinfolk.errors import ConfigurationError

SPECS = (FieldSpec("crop", "image"), FieldSpec("year", "number", 1950.0, 10.0))
TOWERS = Towers(dim=8, image_settings={"depth": 8, "width": 4})


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    return RecordEncoder(SPECS, TOWERS)


def records(num):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (num, 3, 16, 16), dtype=np.uint8)
    return RecordInputs(
        (image_field("crop", pixels, np.arange(num) % 5 > 0), number_field("year", 1950.0 + np.arange(num)))
    )


def test_projected_features_have_the_identity_as_second_moments(encoder):
    inputs, years = records(100), encoder.projections[1].weight.clone()
    whiten_projections(encoder, inputs, ("image",))
    projected = encoder.encode_features(inputs, 0) @ encoder.projections[0].weight.detach().numpy().T
    assert projected.shape == (80, 8)
    np.testing.assert_allclose(projected.T @ projected / 80, np.eye(8), atol=1e-3)
    assert torch.equal(encoder.projections[1].weight, years)


def test_too_few_records_leave_the_projection_as_it_is(encoder):
    before = encoder.projections[0].weight.clone()
    whiten_projections(encoder, records(8), ("image",))  # seven crops are there
    assert torch.equal(encoder.projections[0].weight, before)


def test_features_are_those_that_are_projected(encoder):
    inputs = records(10)
    vectors = encoder.encode_features(inputs, 0) @ encoder.projections[0].weight.detach().numpy().T
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    parts = encoder.encode_parts(inputs)[inputs.fields[0].present, 0]
    np.testing.assert_allclose(vectors, parts, atol=1e-5)


def test_a_locked_tower_stays_as_it_is_and_an_unlocked_one_learns(encoder):
    encoder.lock(("image",))
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    encoder.train()
    parts, _ = encoder(records(10))
    parts[:, :, 0].sum().backward()
    assert encoder.projections[1].weight.grad is not None
    assert encoder.projections[0].weight.grad is None
    assert all(value.grad is None for value in encoder.towers["image"].parameters())
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())  # means and spreads

    encoder.lock(())
    parts, _ = encoder(records(10))
    parts[:, 0, 0].sum().backward()
    assert all(value.grad is not None for value in encoder.towers["image"].parameters())
    assert not all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())


def test_projections_learn_from_a_locked_tower_if_they_may(encoder):
    encoder.lock(("image",), projections=False)
    parts, _ = encoder.train()(records(10))
    parts[:, 0, 0].sum().backward()
    assert encoder.projections[0].weight.grad is not None
    assert all(value.grad is None for value in encoder.towers["image"].parameters())


def test_only_kinds_of_fields_can_be_locked(encoder):
    with pytest.raises(ConfigurationError, match="locked must hold some of image, text, number. Got 'crop'"):
        encoder.lock(("crop",))


@pytest.mark.parametrize(
    ("towers", "kinds"),
    [
        (Towers(), ()),
        (Towers(image="efficientnet"), ("image",)),
        (Towers(text="minilm"), ("text",)),
        (Towers(image="timm/resnet18", text="minilm"), ("image", "text")),
    ],
)
def test_towers_know_which_of_them_were_trained(towers, kinds):
    assert towers.trained == kinds
