"""How many partners a record may have: each relation on made-up persons, and the one read from the data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import kinfolk
from kinfolk.data.persons import generate_persons
from kinfolk.linking.candidates import Candidates
from kinfolk.linking.decide import BELOW_THE_CUT, LOST, NO_CANDIDATE, decide, unlinked
from kinfolk.linking.links import EVIDENCE
from kinfolk.linking.match import RIVALS
from kinfolk.linking.match_several import doubt_of
from kinfolk.linking.relation import Several, count_several
from kinfolk.linking.rivals import ONCE, Contest
from repeated_persons import Repeated, repeated_persons

COPIES = {
    "one-to-one": ((1, 1), (1, 1)),
    "many-to-one": ((3, 5), (1, 1)),
    "one-to-many": ((1, 1), (3, 5)),
    "many-to-many": ((2, 4), (2, 4)),
}


@pytest.fixture(scope="module", params=COPIES)
def case(request: pytest.FixtureRequest) -> tuple[str, Repeated, kinfolk.Links]:
    """The true relation, the tables, and what is linked when nobody says the relation."""
    left, right = COPIES[request.param]
    persons = repeated_persons(60, left=left, right=right, seed=1)
    return request.param, persons, kinfolk.link(persons.left, persons.right)


def rows_of(links: kinfolk.Links) -> dict[str, np.ndarray]:
    """Left and right rows, probability and link of every candidate pair."""
    return {name: links.scores.column(name).to_numpy() for name in ("left", "right", "probability", "link")}


def pairs_of(links: kinfolk.Links) -> set[tuple[str, str]]:
    """The ids of the links."""
    table = links.to_arrow()
    return set(zip(table.column("left_id").to_pylist(), table.column("right_id").to_pylist(), strict=True))


def test_the_relation_is_read_from_the_data(case: tuple[str, Repeated, kinfolk.Links]) -> None:
    relation, persons, links = case
    assert links.relation == relation
    assert links.evaluate(persons.truth).f1 > 0.95
    assert {stage.name: stage.detail for stage in links.stages}["match"] == relation
    assert links.notes[-1].startswith(f"The relation is {relation}, as the records say: ")


def test_the_chosen_relation_gives_the_same_links_when_it_is_given(case: tuple[str, Repeated, kinfolk.Links]) -> None:
    relation, persons, links = case
    given = kinfolk.link(persons.left, persons.right, relation=relation)
    assert given.scores.equals(links.scores)
    assert given.unlinked.equals(links.unlinked)
    assert not any(note.startswith("The relation is") for note in given.notes)


def test_only_the_sides_that_repeat_have_several_partners(case: tuple[str, Repeated, kinfolk.Links]) -> None:
    relation, _, links = case
    rows = rows_of(links)
    most = [int(np.bincount(rows[side][rows["link"]]).max()) for side in ("left", "right")]
    assert [number == 1 for number in most] == list(ONCE[relation])


def test_the_estimate_is_near_the_truth(case: tuple[str, Repeated, kinfolk.Links]) -> None:
    _, persons, links = case
    truth = links.evaluate(persons.truth)
    assert links.estimate.precision.value == pytest.approx(truth.precision, abs=0.04)
    assert links.estimate.recall.value == pytest.approx(truth.recall, abs=0.06)


def test_every_record_is_linked_or_alone_for_a_reason_the_relation_knows(
    case: tuple[str, Repeated, kinfolk.Links],
) -> None:
    relation, _, links = case
    rows = rows_of(links)
    partner = {
        "left": dict(zip(rows["right"][rows["link"]], rows["left"][rows["link"]], strict=True)),
        "right": dict(zip(rows["left"][rows["link"]], rows["right"][rows["link"]], strict=True)),
    }
    left_once, right_once = ONCE[relation]
    for side, records, other_once in (("left", links.left, right_once), ("right", links.right, left_once)):
        alone = [row for row in links.unlinked.to_pylist() if row["side"] == side]
        assert {row["row"] for row in alone} == set(range(len(records))) - set(rows[side][rows["link"]].tolist())
        for row in alone:
            above = row["probability"] is not None and row["probability"] >= links.threshold
            assert row["reason"] == (LOST if above else BELOW_THE_CUT if row["rival"] is not None else NO_CANDIDATE)
            assert other_once or not above
            if above:
                assert partner[side][row["rival"]] == row["winner"]


def test_reasons_name_what_the_relation_allows(case: tuple[str, Repeated, kinfolk.Links]) -> None:
    relation, _, links = case
    rows = rows_of(links)
    certain = int(np.argmax(rows["probability"] * rows["link"]))
    explained = links.explain_candidate(certain)
    assert explained.reason.startswith("Linked: ")
    total = explained.prior + sum(c.log_odds for c in explained.contributions)
    assert 1 / (1 + np.exp(-total)) == pytest.approx(explained.probability, abs=1e-4)
    assert explained.rival is None or not explained.rival.linked
    assert (EVIDENCE + RIVALS in links.scores.column_names) == (relation != "many-to-many")


def test_many_to_many_links_every_pair_from_the_cut_on(rng: np.random.Generator) -> None:
    contest = Contest(Candidates(np.repeat(np.arange(4), 5), np.tile(np.arange(5), 4)), 4, 5, False, False)
    probability = rng.random(20)
    decision = decide(probability, contest, 0.6)
    assert decision.link.tolist() == (probability >= 0.6).tolist()
    assert len(decision.standing) == 20
    assert LOST not in unlinked(probability, decision, contest).column("reason").to_pylist()


def test_many_to_one_takes_the_best_of_each_left_record_and_says_what_took_it() -> None:
    """Left 0 likes right 0 better than right 1; left 1 likes right 0, too; right 1 loses left 0."""
    contest = Contest(Candidates(np.array([0, 0, 1]), np.array([0, 1, 0])), 2, 2, True, False)
    probability = np.array([0.9, 0.8, 0.7])
    decision = decide(probability, contest, 0.5)
    assert decision.link.tolist() == [True, False, True]
    [alone] = unlinked(probability, decision, contest).to_pylist()
    assert (alone["side"], alone["row"], alone["reason"], alone["rival"], alone["winner"]) == ("right", 1, LOST, 0, 0)


def test_a_pair_that_lost_names_the_side_it_lost() -> None:
    persons = repeated_persons(60, left=(3, 5), right=(1, 1), seed=2)
    links = kinfolk.link(persons.left, persons.right, relation="many-to-one", threshold=0.0)
    lost = int(np.flatnonzero(~rows_of(links)["link"])[0])
    assert links.explain_candidate(lost).reason.endswith("better links took its left record.")


def test_several_partners_are_counted_among_the_records_that_have_any() -> None:
    """Left 0 has right 0 and 1, left 1 has right 2, left 2 has nobody; 0.5 is not more probable than not."""
    pairs = Candidates(np.array([0, 0, 1, 2]), np.array([0, 1, 2, 2]))
    several = count_several(np.array([0.9, 0.8, 0.7, 0.5]), Contest(pairs, 3, 3, False, False))
    assert several == Several(left=0.5, right=0.0, num_left=1, num_right=0, complete=1.0)


def test_groups_are_complete_when_records_share_all_partners() -> None:
    """Of the 2 x 2 pairs of one group three are likely."""
    pairs = Candidates(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]))
    several = count_several(np.array([0.9, 0.8, 0.7, 0.1]), Contest(pairs, 2, 2, False, False))
    assert several.complete == 0.75


@pytest.mark.parametrize(
    ("several", "relation"),
    [
        (Several(0.0, 0.0, 0, 0, 1.0), "one-to-one"),
        (Several(0.05, 0.2, 20, 80, 1.0), "many-to-one"),
        (Several(0.2, 0.05, 80, 20, 1.0), "one-to-many"),
        (Several(0.2, 0.2, 80, 80, 0.9), "many-to-many"),
        (Several(0.2, 0.2, 80, 80, 0.1), "one-to-one"),  # whoever shares a partner ought to share the others
        (Several(0.0, 1.0, 0, 3, 1.0), "one-to-one"),  # three records may be chance
    ],
)
def test_the_sides_with_several_partners_make_the_relation(several: Several, relation: str) -> None:
    assert several.relation(0.1) == relation


def test_doubt_is_the_share_of_matches_that_look_like_none() -> None:
    assert doubt_of(np.array([1.0, 1.0, 0.0])) == 0.0
    assert doubt_of(np.array([0.8, 0.0])) == pytest.approx(0.2)
    assert doubt_of(np.array([0.4, 0.1])) == doubt_of(np.zeros(0)) == 1.0


def test_swapped_tables_give_the_mirrored_relation() -> None:
    persons = repeated_persons(60, left=(1, 3), right=(1, 1), seed=3)
    assert kinfolk.link(persons.left, persons.right).relation == "many-to-one"
    assert kinfolk.link(persons.right, persons.left).relation == "one-to-many"


@pytest.mark.parametrize(
    ("num", "overlap", "seed"), [(100, 0.0, 2), (200, 0.1, 1), (20, 1.0, 2), (8, 0.8, 1), (4, 1.0, 0)]
)
def test_tables_without_repeats_are_one_to_one(num: int, overlap: float, seed: int) -> None:
    """Strangers, few common persons, and very small tables, where likeness by chance must not pass for repeats."""
    persons = generate_persons(num, overlap=overlap, seed=seed)
    assert kinfolk.link(persons.left, persons.right).relation == "one-to-one"


def test_resuming_loading_and_auditing_keep_the_relation(tmp_path: Path) -> None:
    persons = repeated_persons(60, left=(3, 4), right=(1, 1), seed=4)
    run = tmp_path / "run"
    links = kinfolk.link(persons.left, persons.right, run=run)
    assert links.relation == "many-to-one"
    for made_later in ("links.parquet", "unlinked.parquet", "result.json"):
        (run / made_later).unlink()
    resumed = kinfolk.link(persons.left, persons.right, run=run)
    read_back = kinfolk.load(run)
    relinked = kinfolk.audit(run, 10).relinked
    for again in (resumed, read_back, relinked):
        assert again.relation == "many-to-one"
        assert again.notes == links.notes
        assert pairs_of(again) == pairs_of(links)
    with pytest.raises(kinfolk.RunError, match="another relation"):
        kinfolk.link(persons.left, persons.right, relation="one-to-one", run=run)


def test_an_unknown_relation_is_refused() -> None:
    table = pa.table({"name": ["Ada"]})
    with pytest.raises(kinfolk.ConfigurationError, match="auto, one-to-one, many-to-one, one-to-many, many-to-many"):
        kinfolk.link(table, table, relation="both")
