"""Every setting of every method and of the recipe, with values that cannot be: one sentence that names it."""

from contextlib import nullcontext
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from kinfolk.data.images import Images
from kinfolk.errors import ConfigurationError, DataError
from kinfolk.methods import methods
from kinfolk.methods.fit import train
from kinfolk.methods.recipe import Recipe

BAD: dict[type, tuple[object, ...]] = {
    int: (-1, "-1", "many", "1.5", 1.5, float("inf"), None),
    float: (-1, "-1", "nan", "inf", "warm", None),
    bool: ("maybe", 1),
    str: ("nowhere", 3),
}
OPTIONS = {"encoder_settings": {"depth": 8, "width": 4}, "size": 8}


@pytest.fixture
def images() -> Images:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 3, 8, 8), dtype=np.uint8)
    return Images(pixels, tuple(map(str, range(8))), np.arange(8) % 4, ("a", "b", "c", "d"))


@pytest.mark.parametrize("name", list(methods("images")))
def test_every_setting_of_a_method_is_checked(name: str, images: Images, tmp_path: Path) -> None:
    recipe = {"epochs": 1, "batch_size": 4}
    for setting, (kind, _) in methods()[name].settings().items():
        for value in BAD[kind]:
            with pytest.raises(ConfigurationError, match=rf"{setting}.*Got"):
                train(images, method=name, output=tmp_path, recipe=recipe, settings={setting: value}, **OPTIONS)


@pytest.mark.parametrize("field", [field.name for field in fields(Recipe)])
def test_every_field_of_a_recipe_is_checked(field: str) -> None:
    usual = getattr(Recipe(), field)
    bad = BAD[float] if usual is None else BAD[type(usual)]
    for value in bad:
        if usual is not None or value is not None:
            with pytest.raises(ConfigurationError, match=rf"{field}.*Got"):
                Recipe().changed({field: value})


def test_texts_are_read_as_what_they_say() -> None:
    assert Recipe().changed({"epochs": "3", "clip_norm": "2", "learning_rate": 1, "batch_size": 4.0}) == Recipe(
        epochs=3, clip_norm=2.0, learning_rate=1.0, batch_size=4
    )
    assert Recipe(clip_norm=1.0).changed({"clip_norm": "none"}).clip_norm is None
    assert methods()["dcl"].read_settings({"weighted": "yes", "sigma": "1"}) == {"weighted": True, "sigma": 1.0}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"encoder_settings": {"wdith": 3}}, "An encoder has no setting 'wdith'. It has: channels, width"),
        ({"encoder_settings": {"name": 3}}, "An encoder has no setting 'name'"),
        ({"encoder_settings": {"width": "8"}}, "width of an encoder must be an integer. Got '8'"),
        ({"encoder_settings": {"width": 0}}, "width and blocks of a ResNet must be at least 1. Got 0"),
        ({"encoder_settings": {"channels": 1}}, "takes images of 1 channels. Got 3"),
        ({"encoder": "vit", "size": 7, "encoder_settings": {}}, "Images of 7 x 7 pixels are needed. Got 8 x 8"),
        ({"encoder": "vit", "encoder_settings": {"patch_size": 5}}, "a multiple of 5. Got 8 x 8"),
        ({"settings": {"size": 16}}, "Images of 16 x 16 pixels are needed. Got 8 x 8"),
        ({"settings": {"projection": 0}}, "projection must be a whole number of at least 1. Got 0"),
        ({"settings": {"projection": 10**11}}, "Memory does not hold this network with batches of 4 images of 8 x 8"),
        ({"seed": -1}, "seed must be in"),
        ({"seed": 1 << 32}, "seed must be in"),
        ({"patience": 0}, "patience must be at least 1, or None. Got 0"),
        ({"recipe": {"batch_size": 9}}, "batch_size must be at most the 8 items there are. Got 9. Lower it"),
        (
            {"method": "moco", "settings": {"queue_size": 9}},
            "queue_size must be at most the 8 images .* Got 9. Lower it",
        ),
        ({"method": "nnclr", "settings": {"queue_size": 3}}, "batch of 4 for a queue of 3"),
        ({"method": "mochi", "settings": {"queue_size": 8}}, "num_hard must be at most queue_size. Got 256"),
        ({"method": "moco", "settings": {"queue_size": 8, "momentum": 2.0}}, "momentum must be in .0, 1.. Got 2"),
        ({"method": "groco"}, "top_k = 10 negatives need a batch of at least 11 items. Got 4"),
        ({"method": "hydra", "settings": {"num_classes": 2}}, "labels must be in .0, 2.. Got 0 to 3"),
        ({"method": "swav", "settings": {"num_prototypes": 0}}, "num_prototypes must be a whole number"),
        ({"method": "swav", "settings": {"queue_size": 3}}, "batch of 4 for a queue of 3"),
    ],
)
def test_what_does_not_fit_together_is_said(images: Images, tmp_path: Path, options: dict, said: str) -> None:
    given = {"method": "simclr", "recipe": {"epochs": 1, "batch_size": 4}, **OPTIONS, **options}
    with pytest.raises(ConfigurationError, match=said):
        train(images, output=tmp_path, **given)
    # Nothing that failed at once stands in the way of what follows.
    fitting = {"method": "simclr", "recipe": {"epochs": 1, "batch_size": 4}, **OPTIONS}
    assert train(images, output=tmp_path, **fitting).about["epochs"] == 1


def test_large_seeds_are_seeds(images: Images, tmp_path: Path) -> None:
    given = {"method": "simclr", "recipe": {"epochs": 1, "batch_size": 4}, **OPTIONS}
    losses = {
        train(images, output=tmp_path / str(seed), seed=seed, **given).about["measures"]["loss"]
        for seed in (1, 2**31, 2**32 - 1)
    }
    assert len(losses) == 3


def test_one_image_is_no_training(images: Images, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Training needs two images at least. Got 1"):
        train(Images(images.pixels[:1], ("0",)), method="simclr", output=tmp_path, **OPTIONS)


@pytest.mark.parametrize("name", sorted(set(methods("images")) - {"groco"}))  # which needs more items than top_k
def test_two_images_are_one(name: str, images: Images, tmp_path: Path) -> None:
    settings: dict[str, object] = {"projection": 8, "queue_size": 2, "num_hard": 2, "num_prototypes": 2}
    known = methods()[name].settings()
    two = Images(images.pixels[:2], ("0", "1"), np.array([0, 1]), ("a", "b"))
    with pytest.warns(UserWarning, match="No anchor has a negative") if name == "hydra" else nullcontext():
        model = train(
            two,
            method=name,
            output=tmp_path,
            settings={key: value for key, value in settings.items() if key in known},
            recipe={"epochs": 1, "batch_size": 2},
            **OPTIONS,
        )
    assert np.isfinite(list(model.about["measures"].values())).all()
    assert np.isfinite(model.encode(two)).all()
