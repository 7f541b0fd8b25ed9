import numpy as np
import pytest
import torch

from kinfolk.encoders.record import FieldSpec, RecordEncoder, Towers, pooled
from kinfolk.encoders.record_inputs import RecordInputs, image_field, number_field, text_field
from kinfolk.errors import ConfigurationError

TOWERS = Towers(
    dim=8,
    image_settings={"depth": 8, "width": 4},
    text_settings={"width": 8, "depth": 1, "heads": 2, "max_characters": 8, "buckets": 64},
)
SPECS = (FieldSpec("crop", "image"), FieldSpec("name", "text"), FieldSpec("year", "number", 1950.0, 10.0))


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    return RecordEncoder(SPECS, TOWERS)


def records(present=((1, 1, 1),) * 4):
    there = np.array(present, dtype=bool)
    pixels = np.random.default_rng(0).integers(0, 256, (len(there), 3, 16, 16), dtype=np.uint8)
    return RecordInputs(
        (
            image_field("crop", pixels, there[:, 0]),
            text_field("name", [f"firm {row}" if has else "" for row, has in enumerate(there[:, 1])]),
            number_field("year", np.where(there[:, 2], 1950.0 + np.arange(len(there)), np.nan)),
        )
    )


def test_parts_are_unit_vectors_where_there_is_a_value_and_zeros_where_not(encoder):
    parts = encoder.encode_parts(records([(1, 1, 1), (0, 1, 0), (0, 0, 1), (0, 0, 0)]))
    np.testing.assert_allclose(np.linalg.norm(parts, axis=2), [[1, 1, 1], [0, 1, 0], [0, 0, 1], [0, 0, 0]], atol=1e-6)


def test_a_missing_value_says_nothing_of_the_others(encoder):
    whole, without = encoder.encode_parts(records()), encoder.encode_parts(records([(0, 1, 1)] * 4))
    np.testing.assert_array_equal(whole[:, 1:], without[:, 1:])


def test_the_batch_size_changes_nothing(encoder):
    np.testing.assert_allclose(
        encoder.encode_parts(records(), batch_size=3), encoder.encode_parts(records()), atol=1e-6
    )


def test_a_mask_is_no_list_of_rows():
    with pytest.raises(ConfigurationError, match="taken by their rows. Got a mask"):
        records().take(np.array([False, False, True, False]))


def test_what_is_described_is_built_again(encoder, tmp_path):
    encoder.keep(tmp_path)
    assert not list(tmp_path.iterdir())  # small towers need nothing
    again = RecordEncoder.of(encoder.describe(), kept=tmp_path)
    again.load_state_dict(encoder.state_dict())
    np.testing.assert_array_equal(again.encode_parts(records()), encoder.encode_parts(records()))


def test_learned_weights_begin_at_one(encoder):
    torch.testing.assert_close(encoder.weights(), torch.ones(3))


def test_other_fields_are_refused(encoder):
    with pytest.raises(ConfigurationError, match=r"This encoder reads crop \(image\), name \(text\), year \(number\)"):
        encoder.encode_parts(RecordInputs((text_field("name", ["a"]),)))


def test_pooling_by_hand():
    parts = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]]).expand(3, 2, 2)
    present = torch.tensor([[True, True], [True, False], [False, False]])
    root = 0.5**0.5
    torch.testing.assert_close(pooled(parts, present), torch.tensor([[root, root], [1.0, 0.0], [0.0, 0.0]]))
    weighted = pooled(parts, present, torch.tensor([3.0, 4.0]))
    torch.testing.assert_close(weighted, torch.tensor([[0.6, 0.8], [1.0, 0.0], [0.0, 0.0]]))


def test_a_weight_of_zero_is_a_field_that_is_missing(encoder):
    parts = torch.from_numpy(encoder.encode_parts(records()))
    everything = torch.ones(4, 3, dtype=torch.bool)
    without = everything.clone()
    without[:, 0] = False
    torch.testing.assert_close(
        pooled(parts, everything, torch.tensor([0.0, 1.0, 1.0])), pooled(parts, without), rtol=0, atol=0
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ((), "Records need at least one field"),
        ((text_field("a", ["x"]), text_field("a", ["y"])), "Fields need names of their own. Got a, a"),
        ((text_field("a", ["x"]), text_field("b", ["y", "z"])), "the same number of records. Got \\[1, 2\\]"),
    ],
)
def test_impossible_records_are_refused(fields, message):
    with pytest.raises(ConfigurationError, match=message):
        RecordInputs(fields)
