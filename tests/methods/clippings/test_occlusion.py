from dataclasses import replace

import numpy as np
import pytest
import torch

from kinfolk.encoders.record import FieldSpec, RecordEncoder
from kinfolk.encoders.record_inputs import RecordInputs, image_field, text_field
from kinfolk.errors import ConfigurationError
from kinfolk.methods.clippings.model import RecordModel
from kinfolk.methods.clippings.occlusion import losses_of_fields, losses_of_patches, losses_of_words


@pytest.fixture(scope="module")
def model(towers):
    torch.manual_seed(0)
    specs = (FieldSpec("mark", "image"), FieldSpec("name", "text"))
    return RecordModel(RecordEncoder(specs, towers).eval(), {"stages": []})


def record(name, ink=slice(0, 8)):
    pixels = np.full((1, 3, 16, 16), 255, np.uint8)
    pixels[0, :, ink, ink] = np.random.default_rng(0).integers(0, 255, (3, 8, 8))
    return RecordInputs((image_field("mark", pixels), text_field("name", [name])))


def test_the_cosine_and_what_it_loses_without_a_field(model):
    one, other = record("smith & sons"), record("brown")
    losses = losses_of_fields(model, one, other)
    parts = [model.encoder.encode_parts(r)[0] for r in (one, other)]
    assert losses.cosine == pytest.approx(float((model.encode(one) @ model.encode(other).T)[0, 0]))
    by_name, by_mark = (float(parts[0][at] @ parts[1][at]) for at in (1, 0))
    assert losses.fields["mark"] == pytest.approx(losses.cosine - by_name, abs=1e-6)
    assert losses.fields["name"] == pytest.approx(losses.cosine - by_mark, abs=1e-6)
    assert losses.fields["mark"] > 0 > losses.fields["name"]  # the marks are the same, the names are not


def test_a_field_that_is_missing_decides_nothing(model):
    one = record("smith")
    without = RecordInputs((replace(one.fields[0], present=np.zeros(1, np.bool_)), one.fields[1]))
    assert np.isnan(losses_of_fields(model, without, one).fields["mark"])


def test_paper_has_no_part_in_it_and_ink_has(model):
    losses = losses_of_patches(model, record("smith"), record("smith"), "mark", patches=2)
    assert losses.shape == (2, 2)
    assert losses[0, 0] == losses.max() > 1e-4
    np.testing.assert_allclose(losses[1], 0, atol=1e-6)


def test_the_words_that_both_have_count_most(model):
    found = losses_of_words(model, record("smith qqzzkk"), record("smith"), "name", weights={"mark": 0, "name": 1})
    assert [word for word, _ in found] == ["smith", "qqzzkk"]
    assert found[0][1] > 0 > found[1][1]


def test_of_a_single_word_its_characters(model):
    assert [c for c, _ in losses_of_words(model, record("日本商事"), record("日本"), "name")] == list("日本商事")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: losses_of_patches(m, record("a"), record("a"), "name"), "has no image named 'name'"),
        (lambda m: losses_of_patches(m, record("a"), record("a"), "mark", patches=17), r"patches must be in \[1, 16\]"),
        (lambda m: losses_of_words(m, record(""), record("a"), "name"), "has no text named 'name'"),
        (lambda m: losses_of_fields(m, record("a").take([0, 0]), record("a")), "Give one record each. Got 2 and 1"),
    ],
)
def test_impossible_questions_are_refused(model, call, message):
    with pytest.raises(ConfigurationError, match=message):
        call(model)
