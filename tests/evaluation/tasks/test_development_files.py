"""The development data sets are read as they are; their sizes are those of their README."""

from pathlib import Path

import pytest

from kinfolk.evaluation.tasks import evaluate_texts


@pytest.mark.parametrize(
    ("task", "data", "expected"),
    [
        ("pairs", "er-pairs-beer", {"pairs": 91, "true_pairs": 14, "validation_pairs": 91}),
        ("retrieval", "ret-cacm", {"queries": 52}),
        ("retrieval", "ret-cisi", {"queries": 76}),
        ("sts", "sts/stsb-ja.csv.gz", {"set": "stsb-ja", "pairs": 1379}),
        ("cross-language", "xling-tatoeba/pairs.csv.gz", {"language": "deu", "pairs": 1000}),
        ("classification", "text-agnews/news.csv.gz", {"labels_per_class": 1, "draws": 10}),
        ("geometry", "sts/stsb-en.csv.gz", {"set": "stsb-en"}),
    ],
)
def test_read_as_they_are(words, data_folder: Path, task, data, expected) -> None:
    tables = evaluate_texts(words, task=task, data=data_folder / data).to_dict()["tables"]
    row = next(iter(tables.values()))[0]
    assert {name: row[name] for name in expected} == expected
