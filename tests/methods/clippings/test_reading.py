"""Drawn strings teach an encoder to read: what is drawn, which fields it teaches, and that crops find their texts."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import ImageFont

from kinfolk.encoders.record import Towers
from kinfolk.encoders.record_inputs import RecordInputs, image_field, number_field, text_field
from kinfolk.errors import ConfigurationError, DataError
from kinfolk.evaluation.reciprocal_rank import mean_reciprocal_rank
from kinfolk.methods.clippings.reading import learn_to_read, one_of_each_family, strings_like
from kinfolk.views import Font, find_fonts, render_texts

NAMES = ("Arkwright", "Hallam", "Smith", "Oldroyd", "Wm. Booth")


@pytest.fixture(scope="module")
def fonts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Font, ...]:
    """The font inside Pillow: it is there on every machine, and has Latin letters only."""
    path = tmp_path_factory.mktemp("fonts") / "latin.ttf"
    path.write_bytes(ImageFont.load_default(20).font_bytes)
    return find_fonts(places=[path], system=False)


def records(names, **others) -> RecordInputs:
    crops = np.full((len(names), 1, 16, 16), 255, np.uint8)
    return RecordInputs((image_field("crop", crops), text_field("name", names), *others.values()))


def drawn(texts, num, fonts, seed=0):
    return strings_like(texts, num, fonts, np.random.default_rng(seed))


def test_every_other_string_is_a_text_and_the_others_have_its_letters_and_its_length(fonts):
    strings = drawn([(name,) for name in NAMES], 200, fonts)
    assert len(strings) == 200
    assert {text for (text,) in strings[::2]} == set(NAMES)
    letters = set("".join(NAMES)) - {" "}
    assert {c for (text,) in strings[1::2] for c in text} <= letters
    assert {len(text) for (text,) in strings[1::2]} == {len(name) for name in NAMES}
    assert len({text for (text,) in strings[1::2]}) > 90


def test_the_same_seed_draws_the_same_strings(fonts):
    texts = [(name,) for name in NAMES]
    assert drawn(texts, 50, fonts) == drawn(texts, 50, fonts)
    assert drawn(texts, 50, fonts) != drawn(texts, 50, fonts, seed=1)


def test_what_no_font_has_is_left_out_of_the_texts(fonts):
    strings = drawn([("東Smith京",), ("Booth",), ("東京",)], 60, fonts)
    assert {text for (text,) in strings[::2]} == {"Smith", "Booth"}


def test_texts_of_several_fields_stay_together_and_share_the_room(fonts):
    strings = drawn([("Arkwright & Sons, drapers", "Leeds"), ("Hallam", "York")], 100, fonts)
    assert set(strings[::2]) == {("Arkwright &", "Leeds"), ("Hallam", "York")}
    assert all(sum(map(bool, string)) == 1 for string in strings[1::2])


@pytest.mark.parametrize("texts", [[("東京",), ("",)], [("aba",), ("b",)]], ids=["no font", "too few letters"])
def test_texts_that_cannot_be_drawn_are_refused(fonts, texts):
    with pytest.raises(DataError, match="needs 4 different characters that a font of this machine can draw. Got [02]"):
        drawn(texts, 10, fonts)


def test_of_a_family_the_regular_face_is_taken(fonts):
    (font,) = fonts
    bold, regular, other = (
        replace(font, family=family, style=style) for family, style in (("A", "Bold"), ("A", "Regular"), ("B", "Black"))
    )
    assert one_of_each_family([bold, regular, other]) == (regular, other)
    assert one_of_each_family([regular, bold]) == (regular,)


def test_crops_drawn_anew_find_their_texts(fonts, tmp_path):
    texts = ["".join(letters) for letters in np.random.default_rng(5).choice(list("abdefgkmnorstwxyz"), (40, 5))]
    towers = Towers(
        dim=32, image="writing", image_settings={"width": 8}, text_settings={"width": 32, "depth": 1, "buckets": 512}
    )
    year = number_field("year", np.linspace(1850, 1950, len(texts)))
    inputs = records(texts, year=year)
    settings = {
        "output": tmp_path / "model",
        "fonts": fonts,
        "towers": towers,
        "size": 32,
        "strings": 1_200,
    }
    model = learn_to_read(inputs, **settings, recipe={"epochs": 4, "batch_size": 32, "learning_rate": 4e-3})
    stage = model.about["stages"][-1]
    crops = render_texts(texts, fonts=fonts, size=32, seed=9, degrade=0.0, fit="fold")
    parts = model.encoder.encode_parts(RecordInputs((image_field("crop", crops), text_field("name", texts), year)))
    by_chance = np.mean(1 / np.arange(1, len(texts) + 1))
    found = mean_reciprocal_rank(parts[:, 0], parts[:, 1])
    assert found > 2 * by_chance
    assert stage["score"] < stage["score_at_start"]
    assert model.field_names == ("crop", "name", "year")
    assert model.encoder.fields[2].middle == 1900  # of the records, though no drawn one has a year


@pytest.mark.parametrize("image", [None, "photo"], ids=["two fields of images", "no such field"])
def test_the_field_that_shows_the_text_must_be_named(fonts, image, tmp_path):
    crops = np.zeros((5, 1, 16, 16), np.uint8)
    inputs = records(NAMES, seal=image_field("seal", crops))
    with pytest.raises(
        ConfigurationError, match=r"needs a field of text and one of images.*crop \(image\), name \(text\)"
    ):
        learn_to_read(inputs, output=tmp_path, fonts=fonts, image=image)


def test_records_without_a_text_are_refused(fonts, tmp_path):
    inputs = RecordInputs((image_field("crop", np.zeros((5, 1, 16, 16), np.uint8)),))
    with pytest.raises(ConfigurationError, match="needs a field of text and one of images"):
        learn_to_read(inputs, output=tmp_path, fonts=fonts)
