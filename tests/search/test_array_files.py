"""Arrays beside the rows: of one version, whole or not there, and refused where they were changed."""

from pathlib import Path

import numpy as np
import pytest

from kinfolk.errors import DataError
from kinfolk.search import array_files
from kinfolk.search.array_files import open_arrays, write_arrays


@pytest.fixture
def arrays(rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {"codes": rng.integers(0, 9, (50, 8), np.uint64), "empty": np.empty(0), "order": np.arange(50)[::2]}


def test_arrays_are_mapped_as_they_were_written(tmp_path: Path, arrays: dict[str, np.ndarray], monkeypatch) -> None:
    monkeypatch.setattr(array_files, "_CHECKED", 1000)
    write_arrays(tmp_path, arrays, version=3, about={"metric": "cosine"})
    opened = open_arrays(tmp_path, version=3, verify=True)
    assert opened is not None
    found, about = opened
    assert about == {"metric": "cosine"}
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
    assert isinstance(found["codes"], np.memmap)
    assert not found["codes"].flags.writeable
    assert found["codes"].ctypes.data % 64 == 0, "kernels read whole lines of the cache"


def test_another_version_has_none_and_a_new_one_takes_the_place_of_the_old(tmp_path: Path, arrays) -> None:
    write_arrays(tmp_path, arrays, version=3, about=None)
    (tmp_path / "arrays" / f".3-{2**22 + 1}-abc.part").mkdir()  # by a process that is gone
    assert open_arrays(tmp_path, version=4) is None
    write_arrays(tmp_path, arrays, version=4, about=None)
    write_arrays(tmp_path, arrays, version=4, about="again")
    assert [path.name for path in (tmp_path / "arrays").iterdir()] == ["4"]
    opened = open_arrays(tmp_path, version=4)
    assert opened is not None
    assert opened[1] == "again"


@pytest.mark.parametrize("harm", ["cut", "changed", "missing", "no list"])
def test_what_was_harmed_is_refused(tmp_path: Path, arrays: dict[str, np.ndarray], harm: str) -> None:
    write_arrays(tmp_path, arrays, version=1, about=None)
    path = tmp_path / "arrays" / "1" / ("arrays.json" if harm == "no list" else "codes.npy")
    if harm == "missing":
        path.unlink()
    else:
        whole = path.read_bytes()
        path.write_bytes(whole[:-9] if harm != "changed" else whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(DataError, match=rf"{path.name} cannot be used .*remove the folder"):
        open_arrays(tmp_path, version=1)


def test_arrays_that_a_later_version_replaces_while_they_are_opened_are_not_there(
    tmp_path: Path, arrays: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are not broken: who opened them would be told to remove what another process saves."""
    write_arrays(tmp_path, arrays, version=1, about=None)
    checksum = array_files._checksum

    def meanwhile(path: Path) -> int:
        monkeypatch.setattr(array_files, "_checksum", checksum)
        write_arrays(tmp_path, arrays, version=2, about=None)
        return checksum(path)

    monkeypatch.setattr(array_files, "_checksum", meanwhile)
    assert open_arrays(tmp_path, version=1) is None
    assert open_arrays(tmp_path, version=2) is not None


def test_a_large_file_is_held_to_its_checksum_where_asked(tmp_path: Path, arrays, monkeypatch) -> None:
    monkeypatch.setattr(array_files, "_CHECKED", 0)
    write_arrays(tmp_path, arrays, version=1, about=None)
    path = tmp_path / "arrays" / "1" / "codes.npy"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert open_arrays(tmp_path, version=1) is not None
    with pytest.raises(DataError, match="its bytes are not those that were written"):
        open_arrays(tmp_path, version=1, verify=True)


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    (tmp_path / "arrays").write_text("a file")
    with pytest.raises(DataError, match="Cannot write"):
        write_arrays(tmp_path, arrays, version=1, about=None)
