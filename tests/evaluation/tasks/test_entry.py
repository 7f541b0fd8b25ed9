"""One entry: every task, options a task does not have, and results as plain values."""

import json

import pytest

from kinfolk.errors import ConfigurationError, DataError
from kinfolk.evaluation.tasks import TASKS, evaluate_texts

PAIRS = (
    "sentence1,sentence2,score,label,split,lang\none,one two,5,1,test,x\none,three,1,0,test,x\ntwo,two,4,1,valid,x\n"
)


@pytest.mark.parametrize("task", [task for task in TASKS if task not in ("retrieval", "classification")])
def test_a_result_is_plain_values(words, written, task) -> None:
    columns = () if task in ("sts", "geometry") else ("sentence1", "sentence2")
    data = written("pairs.csv", PAIRS)
    found = evaluate_texts(words, task=task, data=data, name="hashing", columns=columns)
    told = json.loads(json.dumps(found.to_dict()))
    assert told == found.to_dict()
    assert (told["task"], told["model"], told["data"]) == (task, "hashing", str(data))
    assert [row for rows in told["tables"].values() for row in rows]


def test_a_table_in_memory_is_as_good_as_a_file(words) -> None:
    table = {"sentence1": ["one", "one"], "sentence2": ["one two", "three"], "score": [5, 1]}
    found = evaluate_texts(words, task="sts", data=table)
    assert found.data == "a table"
    assert found.tables["similarity"][0].spearman == pytest.approx(1)


def test_what_is_wrong_is_said(words, written, tmp_path) -> None:
    data = written("pairs.csv", PAIRS)
    with pytest.raises(ConfigurationError, match="task must be one of sts, retrieval, .*Got 'search'"):
        evaluate_texts(words, task="search", data=data)
    with pytest.raises(ConfigurationError, match="pairs has parts of its own"):
        evaluate_texts(words, task="pairs", data=data, split="test")
    with pytest.raises(DataError, match="is a folder; the task cross-language needs a table"):
        evaluate_texts(words, task="cross-language", data=tmp_path)
    with pytest.raises(DataError, match="Got dict"):
        evaluate_texts(words, task="retrieval", data={})
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty holds no table"):
        evaluate_texts(words, task="sts", data=tmp_path / "empty")
    with pytest.raises(DataError, match="There is no file"):
        evaluate_texts(words, task="sts", data=tmp_path / "none.csv")
    with pytest.raises(DataError, match="has no rows"):
        evaluate_texts(words, task="sts", data=written("head.csv", "sentence1,sentence2,score\n"))
