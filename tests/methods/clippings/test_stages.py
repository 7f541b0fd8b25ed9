from dataclasses import replace

import numpy as np
import pytest

from kinfolk.encoders.record_inputs import RecordInputs, number_field
from kinfolk.errors import ConfigurationError, DataError, RunError
from kinfolk.evaluation.reciprocal_rank import class_reciprocal_rank
from kinfolk.methods.clippings.finetune import finetune
from kinfolk.methods.clippings.guard import split_rows
from kinfolk.methods.clippings.model import RecordModel
from kinfolk.methods.clippings.pretrain import PRETRAINING, pretrain
from kinfolk.methods.clippings.stage import encoder_of, recipe_of, seeded, specs_of

SHORT = {"epochs": 6, "batch_size": 32, "learning_rate": 5e-3}


class Killed(Exception):
    pass


def kill_after(epoch):
    def tell(end):
        if end.epoch == epoch:
            raise Killed

    return tell


def test_a_short_training_warms_up_for_a_tenth_of_it_unless_told_otherwise():
    assert recipe_of(PRETRAINING, {"epochs": 1}).warmup_epochs == pytest.approx(0.1)
    assert recipe_of(PRETRAINING, {"epochs": 40}).warmup_epochs == 1.0
    assert recipe_of(PRETRAINING, {"epochs": 1, "warmup_epochs": 1}).warmup_epochs == 1.0


def test_a_sentinel_does_not_flatten_the_other_numbers():
    amounts = np.append(np.random.default_rng(0).normal(100, 15, 999), 1e9)
    (spec,) = specs_of(RecordInputs((number_field("amount", amounts),)))
    assert (spec.middle, spec.spread) == (pytest.approx(100, abs=2), pytest.approx(15, rel=0.15))


@pytest.fixture(scope="module")
def pretrained(words_and_patterns, towers, tmp_path_factory):
    inputs, _ = words_and_patterns
    return pretrain(inputs, output=tmp_path_factory.mktemp("stage1"), towers=towers, views="none", recipe=SHORT)


def test_pictures_of_held_out_records_find_texts_of_their_class(pretrained, words_and_patterns):
    inputs, labels = words_and_patterns
    (stage,) = pretrained.about["stages"]
    assert stage["best_epoch"] > 0
    assert stage["score"] < stage["score_at_start"] - 0.5
    assert [end.epoch for end in pretrained.history] == [1, 2, 3, 4, 5, 6]
    _, held = split_rows(len(inputs), share=0.2, seed=0)
    pictures, texts = pretrained.encoder.encode_parts(inputs.take(held)).transpose(1, 0, 2)
    right = labels[held][(pictures @ texts.T).argmax(axis=1)] == labels[held]
    assert right.mean() > 0.2  # by chance .06


def test_a_saved_model_gives_the_same_vectors(pretrained, words_and_patterns, tmp_path):
    inputs, _ = words_and_patterns
    again = RecordModel.load(pretrained.save(tmp_path / "model"))
    np.testing.assert_array_equal(again.encode(inputs), pretrained.encode(inputs))
    assert again.fingerprint() == pretrained.fingerprint()


def test_weights_of_one_field_are_that_field(pretrained, words_and_patterns):
    inputs, _ = words_and_patterns
    parts = pretrained.encoder.encode_parts(inputs)
    np.testing.assert_array_equal(pretrained.encode(inputs, weights={"mark": 1, "name": 0}), parts[:, 0])
    without = RecordInputs((replace(inputs.fields[0], present=np.zeros(len(inputs), np.bool_)), inputs.fields[1]))
    np.testing.assert_array_equal(
        pretrained.encode(inputs, weights={"mark": 0, "name": 1}),
        pretrained.encode(without, weights={"mark": 1, "name": 1}),
    )


def test_training_that_goes_on_is_training_that_was_never_stopped(pretrained, words_and_patterns, towers, tmp_path):
    inputs, _ = words_and_patterns
    options = {"output": tmp_path, "towers": towers, "views": "none", "recipe": SHORT}
    with pytest.raises(Killed):
        pretrain(inputs, progress=kill_after(2), **options)
    assert pretrain(inputs, **options).fingerprint() == pretrained.fingerprint()


def test_a_folder_of_another_training_is_refused(words_and_patterns, towers, tmp_path):
    inputs, _ = words_and_patterns
    options = {"output": tmp_path, "towers": towers, "views": "none", "recipe": SHORT}
    with pytest.raises(Killed):
        pretrain(inputs, progress=kill_after(1), **options)
    with pytest.raises(RunError, match="seed"):
        pretrain(inputs, seed=1, **options)


@pytest.mark.parametrize("field", [0, 1])
def test_one_field_alone_learns_from_two_looks_at_it(field, words_and_patterns, towers, tmp_path):
    inputs, labels = words_and_patterns
    alone = RecordInputs((inputs.fields[field],))
    model = pretrain(alone, output=tmp_path, towers=towers, views="document", text_noise=0.2, recipe=SHORT)
    (stage,) = model.about["stages"]
    assert stage["best_epoch"] > 0
    rank = class_reciprocal_rank(model.encode(alone), labels)
    assert rank is not None
    assert rank > 0.4  # by chance .2


def test_records_with_gaps_are_learned_from(words_and_patterns, towers, tmp_path):
    inputs, _ = words_and_patterns
    rng = np.random.default_rng(0)
    gaps = RecordInputs(tuple(replace(f, present=f.present & (rng.random(len(inputs)) > 0.3)) for f in inputs.fields))
    model = pretrain(gaps, output=tmp_path, towers=towers, views="none", recipe={**SHORT, "epochs": 1})
    vectors = model.encode(gaps)
    np.testing.assert_array_equal(np.linalg.norm(vectors, axis=1) > 0.5, gaps.present.any(axis=1))


def test_labels_bring_records_of_unseen_classes_together(words_and_patterns, towers, tmp_path):
    inputs, labels = words_and_patterns
    inputs = RecordInputs(inputs.fields[:1])  # texts find each other with random weights already
    known = labels < 11
    train, unseen = inputs.take(np.flatnonzero(known)), inputs.take(np.flatnonzero(~known))
    with seeded(0):
        untrained = RecordModel(encoder_of(train, None, towers), {"stages": []})
    recipe = {"epochs": 5, "batch_size": 36, "learning_rate": 3e-3}
    model = finetune(train, labels[known], output=tmp_path, start=untrained, views="none", recipe=recipe)
    before = class_reciprocal_rank(untrained.encode(unseen), labels[~known])
    after = class_reciprocal_rank(model.encode(unseen), labels[~known])
    assert before is not None
    assert after is not None
    assert after > before + 0.05
    assert model.about["stages"][-1]["best_epoch"] > 0


def test_learning_from_labels_goes_on_where_it_was_killed(pretrained, words_and_patterns, tmp_path):
    inputs, labels = words_and_patterns
    options = {"start": pretrained, "objective": "margin", "recipe": {"epochs": 2, "batch_size": 36}}
    whole = finetune(inputs, labels, output=tmp_path / "whole", **options)
    with pytest.raises(Killed):
        finetune(inputs, labels, output=tmp_path / "killed", progress=kill_after(1), **options)
    assert finetune(inputs, labels, output=tmp_path / "killed", **options).fingerprint() == whole.fingerprint()


def test_what_cannot_teach_is_refused(words_and_patterns, tmp_path):
    inputs, labels = words_and_patterns
    few = inputs.take([0, 1, 2])
    with pytest.raises(DataError, match="needs four that have a field, at least. Got 3"):
        pretrain(few, output=tmp_path)
    with pytest.raises(ConfigurationError, match="needs four classes of two records or more. Got 0"):
        finetune(inputs, np.arange(len(labels)), output=tmp_path)
    with pytest.raises(ConfigurationError, match="labels must be 160 integers"):
        finetune(inputs, labels[:5], output=tmp_path)


def test_with_sources_the_weights_are_kept_that_link_them(words_and_patterns, towers, tmp_path):
    """Each source holds copies of one record of a class: they find each other anyhow, and that says nothing of a link."""
    inputs, labels = words_and_patterns
    sources = np.arange(len(labels)) % 2
    first = np.searchsorted(labels, labels)
    copies = RecordInputs(inputs.fields[:1]).take(first + sources)
    options = {"towers": towers, "views": "none", "recipe": {"epochs": 2, "batch_size": 36, "learning_rate": 3e-3}}
    (blind,) = finetune(copies, labels, output=tmp_path / "blind", **options).about["stages"]
    assert (blind["best_epoch"], blind["score_at_start"]) == (0, -1)  # no weights could be better
    (seeing,) = finetune(copies, labels, output=tmp_path / "seeing", sources=sources, **options).about["stages"]
    assert seeing["best_epoch"] > 0
    assert seeing["score"] < seeing["score_at_start"] > -1


def test_sources_that_ask_for_nothing_are_refused(words_and_patterns, towers, tmp_path):
    inputs, labels = words_and_patterns
    with pytest.raises(ConfigurationError, match="sources must be 160 integers, one a record. Got int64 of shape"):
        finetune(inputs, labels, output=tmp_path, towers=towers, sources=np.arange(5))
    with pytest.raises(ConfigurationError, match="Got one at most in each"):
        finetune(inputs, labels, output=tmp_path, towers=towers, sources=labels)
