"""What belongs to which record: who learns from what, and who is no rival of whom."""

import numpy as np
import torch

from kinfolk.encoders.record import FieldSpec, RecordEncoder
from kinfolk.encoders.record_inputs import RecordInputs, number_field, text_field
from kinfolk.methods.clippings import field_contrast
from kinfolk.methods.clippings.batch import Corruption, RecordBatch
from kinfolk.methods.clippings.field_contrast import FieldContrast, groups_of, held_out, rank_of_own


def contrast(towers, inputs, **options):
    torch.manual_seed(0)
    encoder = RecordEncoder([FieldSpec(field.name, "text") for field in inputs.fields], towers)
    corrupt = Corruption(inputs, views="none", text_noise=0.2, drop=0.0)
    return FieldContrast(encoder, corrupt, groups_of(inputs), **options)


def test_a_field_without_another_beside_it_learns_from_itself(towers):
    alone = [""] * 4 + ["leeds", "york", "hull", "bath"]
    inputs = RecordInputs(
        (
            text_field("name", ["smith", "brown", "jones", "hall", "", "", "", ""]),
            text_field("trade", ["baker", "draper", "cutler", "dyer", "", "", "", ""]),
            text_field("town", alone),
        )
    )
    module = contrast(towers, inputs)
    loss = module.loss(RecordBatch(inputs, np.arange(8)), torch.Generator().manual_seed(0))
    loss.backward()
    assert all(projection.weight.grad.abs().sum() > 0 for projection in module.encoder.projections)


def test_equal_values_are_equal_however_they_are_written():
    inputs = RecordInputs(
        (
            text_field("name", ["ＡＢＣ 商会", "abc  商会", "abd"]),
            number_field("year", np.array([1900.0, 1901.0, 1900.0])),
        )
    )
    name, year = groups_of(inputs).T
    assert (name[0] == name[1], name[0] == name[2]) == (True, False)
    assert (year[0] == year[2], year[0] == year[1]) == (True, False)


def test_records_of_one_town_are_no_rivals_where_a_town_is_looked_for():
    towns, names = np.repeat(np.eye(3, dtype=np.float32), 2, 0), np.repeat(np.eye(3, dtype=np.float32), 2, 0)
    parts, present = np.stack([towns, names], 1), np.ones((6, 2), np.bool_)
    groups = np.column_stack([np.repeat(np.arange(3), 2), np.arange(6)])
    assert rank_of_own(parts, present, groups) == 1.0
    assert rank_of_own(parts, present, np.column_stack([np.arange(6), np.arange(6)])) == 0.5
    assert rank_of_own(parts, present, np.zeros((6, 2), np.int64)) is None


def test_what_is_held_out_is_judged_at_the_temperature_that_suits_it_best(towers, monkeypatch):
    inputs = RecordInputs(
        (
            text_field("name", ["smith", "brown", "jones", "hall"]),
            text_field("trade", ["baker", "draper", "cutler", "dyer"]),
        )
    )
    encoder, scores = contrast(towers, inputs).encoder, []
    for temperatures in ((0.05,), (0.5,), (0.05, 0.5)):
        monkeypatch.setattr(field_contrast, "_TEMPERATURES", temperatures)
        scores.append(held_out(encoder, inputs).score)
    assert scores[0] != scores[1]
    assert scores[2] == min(scores)
