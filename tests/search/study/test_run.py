"""A run of the study: every engine in every cell, exact ones with recall 1, gone on with where it stopped."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from kinfolk.errors import ConfigurationError, DataError, RunError
from kinfolk.search.metric import stored_form
from kinfolk.search.study import (
    Kinfolk,
    KinfolkExact,
    Study,
    Terms,
    generate,
    installed_engines,
    run_study,
    standings,
)
from kinfolk.search.study.measuring import _climb
from kinfolk.search.study.plain_engines import Numpy
from kinfolk.search.study.truth import Truth
from kinfolk.search.study.winners import summary


@pytest.fixture(scope="module")
def study() -> Study:
    rng = np.random.default_rng(0)
    table = pa.table({"town": [f"t{row % 8}" for row in range(330)], "year": [row % 60 for row in range(330)]})
    return generate(rng.normal(size=(330, 12)), table, queries=30)


def test_methods_stand_in_the_same_tables_where_they_serve_the_filter(study: Study, tmp_path: Path) -> None:
    engines = installed_engines(tmp_path, only=["serf", "ung", "acorn-gamma"])
    measured = run_study(study, engines, tmp_path, seconds=0.001)["measured"]
    for cell, reads in {"r": "serf", "em": "ung", "none": "acorn-gamma", "r_em-10": "acorn-gamma"}.items():
        assert max(point["recall"] for point in measured[cell][reads]["shared"]) > 0.9, cell
    assert "serf serves filters of one column, of the kinds R. Got" in measured["em"]["serf"]["failed"]
    assert "failed" in measured["r_em-10"]["ung"]
    assert "failed" in measured["none"]["serf"]


class Counted:
    """Brute force that counts what it is asked and may be told to fail."""

    effort, about = "exact", "brute force"
    efforts: Sequence[float] = (0.5, 1.0)

    def __init__(self, name: str = "counted", *, fails_in: str = "") -> None:
        self.name, self.asked, self.built, self._fails_in = name, 0, 0, fails_in
        self._inner = Numpy()

    def build(self, vectors: np.ndarray, attributes: pa.Table) -> None:
        self.built += 1
        if self._fails_in == "build":
            raise DataError("there is no room")
        self._inner.build(vectors, attributes)

    def search(self, queries: np.ndarray, filters: Sequence[Terms], k: int, effort: float) -> np.ndarray:
        self.asked += 1
        if self._fails_in and filters[0] and filters[0][0].kind == self._fails_in:
            raise DataError("no such filter")
        found = self._inner.search(queries, filters, k, 1.0)
        return np.where(np.arange(k) < effort * k, found, -1)

    def num_bytes(self) -> int:
        return 100


def test_exact_engines_find_all_in_every_cell_and_mode(study: Study, tmp_path: Path) -> None:
    engines = [Kinfolk(), KinfolkExact(), Numpy()]
    results = run_study(study, engines, tmp_path, seconds=0.001)
    assert list(results["measured"]) == [cell.name for cell in study.cells]
    for cell, by_engine in results["measured"].items():
        for name, modes in by_engine.items():
            assert list(modes) == ["one", "batch", "shared"]
            best = [max(point["recall"] for point in points) for points in modes.values()]
            assert min(best) >= (0.95 if name == "kinfolk" else 1.0), (cell, name)
            assert all(point["cpu"] > 0 and point["qps"] > 0 for points in modes.values() for point in points)
        (first, *others) = standings(results, cell, "one")
        assert first.qps is not None
        assert all((first.qps or 0) >= (other.qps or 0) for other in others)
    assert results["cells"]["em-10"]["passing"] == pytest.approx(0.125, abs=0.03)
    assert results["builds"]["numpy"]["bytes_a_row"] > 4 * 12
    said = summary(results)
    assert said.count("| em-10 |") == 3
    assert "| kinfolk-exact | Index, exact=True |" in said


@pytest.mark.parametrize("name", ["faiss-flat", "faiss-hnsw", "faiss-ivf", "lancedb"])
def test_engines_of_others_find_what_is_true_under_their_own_filters(study: Study, tmp_path: Path, name: str) -> None:
    pytest.importorskip(name.partition("-")[0], reason=f"needs kinfolk[search]: {name} is not installed")
    (engine,) = installed_engines(tmp_path / "store", only=[name])
    vectors, queries = (
        stored_form(study.vectors, name="vectors", metric="cosine"),
        stored_form(study.queries, name="queries", metric="cosine"),
    )
    truth = Truth(vectors, study.attributes)
    engine.build(vectors, study.attributes)
    assert engine.num_bytes() > vectors.nbytes
    for cell in (cell for cell in study.cells if cell.name in ("none", "em-10", "emis-1", "r_emis-10")):
        found = engine.search(queries, cell.terms, 10, engine.efforts[-1])
        assert truth.recall(queries, cell.terms, cell.truth, found, 10) >= 0.95, cell.name
        first = [cell.terms[0]] * len(queries)
        shared = engine.search(queries, first[:1], 10, engine.efforts[-1])
        assert truth.recall(queries, first, truth.nearest(queries, first, 10), shared, 10) >= 0.95, cell.name


def test_engines_are_taken_by_name(tmp_path: Path) -> None:
    assert [engine.name for engine in installed_engines(tmp_path, only=["numpy", "kinfolk"])] == ["numpy", "kinfolk"]
    with pytest.raises(
        ConfigurationError, match="Engines that are installed: kinfolk, kinfolk-exact, numpy.* Got milvus"
    ):
        installed_engines(tmp_path, only=["milvus"])


def test_a_stopped_run_goes_on_with_the_cells_that_are_missing(study: Study, tmp_path: Path) -> None:
    first = Counted()
    results = run_study(study, [first], tmp_path, seconds=0.001)
    again = Counted()
    assert run_study(study, [again], tmp_path, seconds=0.001) == results
    assert (again.built, again.asked) == (0, 0)
    (tmp_path / "measured/r-10/counted.engine.json").unlink()
    some = Counted()
    run_study(study, [some], tmp_path, seconds=0.001)
    assert some.built == 1
    assert 0 < some.asked <= first.asked / len(study.cells) * 3
    with pytest.raises(RunError, match="holds a run with another k"):
        run_study(study, [some], tmp_path, k=5, seconds=0.001)


def test_the_smallest_effort_that_suffices_is_what_counts(study: Study, tmp_path: Path) -> None:
    results = run_study(study, [Counted()], tmp_path, recall=0.4, seconds=0.001)
    (standing,) = standings(results, "none", "batch")
    assert standing.effort == 0.5
    assert standing.recall == 0.5
    results["about"]["recall"] = 0.9
    (standing,) = standings(results, "none", "one")
    assert (standing.effort, standing.recall) == (1.0, 1.0)
    (standing,) = standings(results, "none", "shared")  # where the higher effort was not tried
    assert (standing.qps, standing.recall) == (None, 0.5)


def test_climbing_ends_where_the_recall_is_reached_or_efforts_end() -> None:
    tried: list[int] = []

    def at(place: int) -> float:
        tried.append(place)
        return place / 4

    assert _climb(at, 0, 5, 0.5) == 2
    assert _climb(at, 3, 5, 2.0) == 4
    assert tried == [0, 1, 2, 3, 4]


def test_an_engine_that_fails_is_named_with_the_reason(study: Study, tmp_path: Path) -> None:
    engines = [Counted("good"), Counted("unbuilt", fails_in="build"), Counted("no-ranges", fails_in="r")]
    results = run_study(study, engines, tmp_path, seconds=0.001)
    by_name = {standing.engine: standing for standing in standings(results, "r-10", "one")}
    assert (by_name["unbuilt"].failed, by_name["no-ranges"].failed) == ("there is no room", "no such filter")
    assert by_name["good"].qps is not None
    assert "| unbuilt | brute force | not run: there is no room |" in summary(results)
    assert standings(results, "em-10", "one")[-1].engine == "unbuilt"


def test_settings_out_of_range_are_refused(study: Study, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="k must be from 1 to 100"):
        run_study(study, [Numpy()], tmp_path, k=101)
    with pytest.raises(ConfigurationError, match="recall must be above 0 and at most 1. Got 0"):
        run_study(study, [Numpy()], tmp_path, recall=0)
    with pytest.raises(ConfigurationError, match="names of their own. Got numpy, numpy"):
        run_study(study, [Numpy(), Numpy()], tmp_path)
    with pytest.raises(ConfigurationError, match="seconds must be above 0"):
        run_study(study, [Numpy()], tmp_path, seconds=0)
