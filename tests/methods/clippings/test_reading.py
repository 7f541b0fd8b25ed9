"""Drawn strings teach an encoder to read: which fields they teach, and that crops find their texts."""

from dataclasses import replace

import numpy as np
import pytest

from kinfolk.encoders.record import Towers
from kinfolk.encoders.record_inputs import RecordInputs, image_field, number_field, text_field
from kinfolk.errors import ConfigurationError
from kinfolk.evaluation.reciprocal_rank import mean_reciprocal_rank
from kinfolk.methods.clippings import reading
from kinfolk.methods.clippings.letters import Reading
from kinfolk.methods.clippings.reading import learn_to_read, one_of_each_family
from kinfolk.views import render_texts

TOWERS = Towers(
    dim=32, image="writing", image_settings={"width": 12}, text_settings={"width": 32, "depth": 1, "buckets": 512}
)
NAMES = ("Arkwright", "Hallam", "Smith", "Oldroyd", "Wm. Booth")


class Killed(Exception):
    pass


def records(names, **others) -> RecordInputs:
    crops = np.full((len(names), 1, 48, 48), 255, np.uint8)
    return RecordInputs((image_field("crop", crops), text_field("name", names), *others.values()))


def test_of_a_family_the_regular_face_is_taken(fonts):
    (font,) = fonts
    bold, regular, other = (
        replace(font, family=family, style=style) for family, style in (("A", "Bold"), ("A", "Regular"), ("B", "Black"))
    )
    assert one_of_each_family([bold, regular, other]) == (regular, other)
    assert one_of_each_family([regular, bold]) == (regular,)


@pytest.mark.slow
def test_crops_drawn_anew_find_their_texts(fonts, tmp_path):
    texts = ["".join(letters) for letters in np.random.default_rng(5).choice(list("abdefgkmnorstwxyz"), (40, 5))]
    year = number_field("year", np.linspace(1850, 1950, len(texts)))
    inputs = records(texts, year=year)
    settings = {
        "output": tmp_path / "model",
        "fonts": fonts,
        "towers": TOWERS,
        "strings": 1_200,
    }
    model = learn_to_read(inputs, **settings, recipe={"epochs": 3, "batch_size": 16, "learning_rate": 4e-3})
    stage = model.about["stages"][-1]
    crops = render_texts(texts, fonts=fonts, size=48, seed=9, degrade=0.0, fit="fold")
    parts = model.encoder.encode_parts(RecordInputs((image_field("crop", crops), text_field("name", texts), year)))
    by_chance = np.mean(1 / np.arange(1, len(texts) + 1))
    found = mean_reciprocal_rank(parts[:, 0], parts[:, 1])
    assert found > 2 * by_chance
    assert stage["score"] < stage["score_at_start"]
    assert model.field_names == ("crop", "name", "year")
    assert model.encoder.fields[2].middle == 1900  # of the records, though no drawn one has a year


def test_reading_that_was_killed_goes_on_to_the_same_weights(fonts, monkeypatch, tmp_path):
    """Ten steps, of which seven name letters; killed before the seventh, within the second of two epochs."""
    monkeypatch.setattr(reading, "_HELD", 32)  # fewer, for a quick test
    inputs, steps = records(NAMES), []
    settings = {"fonts": fonts, "towers": TOWERS, "strings": 40, "recipe": {"epochs": 2, "batch_size": 8}}
    whole = learn_to_read(inputs, output=tmp_path / "whole", **settings)
    loss = Reading.loss

    def counted(self, batch, generator):
        steps.append(self.global_step)
        if len(steps) == 7:
            raise Killed
        return loss(self, batch, generator)

    monkeypatch.setattr(Reading, "loss", counted)
    with pytest.raises(Killed):
        learn_to_read(inputs, output=tmp_path / "killed", checkpoint_minutes=1e-9, **settings)
    resumed = learn_to_read(inputs, output=tmp_path / "killed", **settings)
    assert steps == [*range(7), *range(6, 10)], "only what was missing is done"
    assert resumed.about["stages"] == whole.about["stages"]
    assert whole.about["stages"][-1]["best_epoch"] == 2  # else the weights would be those of before
    assert resumed.fingerprint() == whole.fingerprint()
    assert [end.measures for end in resumed.history] == [end.measures for end in whole.history]


@pytest.mark.parametrize("image", [None, "photo"], ids=["two fields of images", "no such field"])
def test_the_field_that_shows_the_text_must_be_named(fonts, image, tmp_path):
    crops = np.zeros((5, 1, 48, 48), np.uint8)
    inputs = records(NAMES, seal=image_field("seal", crops))
    with pytest.raises(
        ConfigurationError, match=r"needs a field of text and one of images.*crop \(image\), name \(text\)"
    ):
        learn_to_read(inputs, output=tmp_path, fonts=fonts, image=image)


def test_an_encoder_that_names_no_letters_is_refused(fonts, tmp_path):
    with pytest.raises(ConfigurationError, match="letters= is no option of the encoder 'resnet'"):
        learn_to_read(records(NAMES), output=tmp_path, fonts=fonts, towers=Towers(image="resnet"))


def test_records_without_a_text_are_refused(fonts, tmp_path):
    inputs = RecordInputs((image_field("crop", np.zeros((5, 1, 16, 16), np.uint8)),))
    with pytest.raises(ConfigurationError, match="needs a field of text and one of images"):
        learn_to_read(inputs, output=tmp_path, fonts=fonts)
