import numpy as np
import pytest

from kinfolk.encoders import TextEncoder, encode_cached, vector_cache
from kinfolk.errors import RunError


def parts(folder):
    return sorted((folder / "vectors").rglob("part-*.npz"))


@pytest.fixture
def texts():
    return [f"{'word ' * (i % 7 + 1)}{i}" for i in range(30)]


def test_the_same_vectors_as_without_a_cache(tmp_path, model, new_model, texts):
    texts = [*texts, "", texts[3]]
    cached = encode_cached(TextEncoder("hashing", model), texts, tmp_path)
    np.testing.assert_array_equal(cached, TextEncoder("hashing", new_model()).encode(texts))


def test_nothing_is_encoded_twice(tmp_path, model, new_model, texts):
    first = encode_cached(TextEncoder("hashing", model), texts, tmp_path)
    again = new_model()
    second = encode_cached(TextEncoder("hashing", again), texts[::-1], tmp_path)
    assert again.embedded == []
    np.testing.assert_array_equal(second, first[::-1])


def test_only_new_texts_are_encoded(tmp_path, model, new_model, texts):
    encode_cached(TextEncoder("hashing", model), texts[:20], tmp_path)
    again = new_model()
    encode_cached(TextEncoder("hashing", again), texts, tmp_path)
    assert sorted(again.embedded) == sorted(texts[20:])


def test_another_model_has_vectors_of_its_own(tmp_path, model, new_model):
    encode_cached(TextEncoder("hashing", model), ["shoe"], tmp_path)
    other = new_model(dim=8, fingerprint="other")
    assert encode_cached(TextEncoder("other", other), ["shoe"], tmp_path).shape == (1, 8)
    assert other.embedded == ["shoe"]


def test_a_run_stopped_in_the_middle_goes_on_where_it_was(tmp_path, model, new_model, texts, monkeypatch):
    monkeypatch.setattr(vector_cache, "TEXTS_PER_PART", 8)
    undisturbed = encode_cached(TextEncoder("hashing", model), texts, tmp_path / "undisturbed")

    stopped = new_model()
    embed = stopped.embed

    def stop_in_the_third_part(batch):
        if texts[16] in batch:
            raise KeyboardInterrupt
        return embed(batch)

    monkeypatch.setattr(stopped, "embed", stop_in_the_third_part)
    with pytest.raises(KeyboardInterrupt):
        encode_cached(TextEncoder("hashing", stopped), texts, tmp_path / "stopped")
    assert len(parts(tmp_path / "stopped")) == 2

    resumed = new_model()
    vectors = encode_cached(TextEncoder("hashing", resumed), texts, tmp_path / "stopped")
    assert sorted(resumed.embedded) == sorted(texts[16:])
    np.testing.assert_array_equal(vectors, undisturbed)


def test_a_resumed_run_puts_the_same_texts_together(tmp_path, model, new_model, texts, monkeypatch):
    # In floating point a batch's other texts move a vector's last bits: equal batches are what makes resuming exact.
    monkeypatch.setattr(vector_cache, "TEXTS_PER_PART", 8)
    encode_cached(TextEncoder("hashing", model), texts, tmp_path)
    parts(tmp_path)[1].unlink()
    resumed = new_model()
    encode_cached(TextEncoder("hashing", resumed), texts, tmp_path)
    assert resumed.batches
    assert all(batch in model.batches for batch in resumed.batches)


def test_what_a_killed_writer_left_aside_is_not_read(tmp_path, model, new_model):
    encode_cached(TextEncoder("hashing", model), ["shoe"], tmp_path)
    (path,) = parts(tmp_path)
    path.with_name(f".{path.stem}.123-abcd.part.npz").write_bytes(b"half a file")
    again = new_model()
    encode_cached(TextEncoder("hashing", again), ["shoe"], tmp_path)
    assert again.embedded == []


@pytest.mark.parametrize("content", [b"", b"not an archive", b"PK\x03\x04 cut short"])
def test_a_damaged_part_is_named(tmp_path, model, content):
    encode_cached(TextEncoder("hashing", model), ["shoe"], tmp_path)
    (path,) = parts(tmp_path)
    path.write_bytes(content)
    with pytest.raises(RunError, match=rf"{path.name}.* Delete the file and run again\."):
        encode_cached(TextEncoder("hashing", model), ["shoe"], tmp_path)


def test_a_part_of_another_width_is_named(tmp_path, model, new_model):
    encode_cached(TextEncoder("hashing", model), ["shoe"], tmp_path)
    wider = new_model(dim=17)
    with pytest.raises(RunError, match=r"vectors \(n, 17\)\. Got \(1, 16\) and \(1, 16\)"):
        encode_cached(TextEncoder("hashing", wider), ["shoe"], tmp_path)


def test_no_texts_write_nothing(tmp_path, model):
    assert encode_cached(TextEncoder("hashing", model), ["", " "], tmp_path).shape == (2, 16)
    assert encode_cached(TextEncoder("hashing", model), [], tmp_path).shape == (0, 16)
    assert list(tmp_path.iterdir()) == []


def test_half_a_surrogate_pair_has_a_key(tmp_path, model):
    vectors = encode_cached(TextEncoder("hashing", model), ["broken \ud83d"], tmp_path)
    np.testing.assert_allclose(np.linalg.norm(vectors), 1, atol=1e-6)
