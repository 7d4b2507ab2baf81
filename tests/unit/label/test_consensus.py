"""The majority of several engines: what most gave, where they disagree, and never the word of one alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.contracts import LabelEngineContract, good
from tests.unit.label.phantom import drawn, grid, label_case
from umd_curate.errors import ConfigError, EngineError
from umd_curate.label.engine import Outcome, run_engine
from umd_curate.label.registry import load_engines
from umd_curate.label.votes import least_dice, majority
from umd_curate.model.config_labels import LabelConfig
from umd_curate.model.geometry import Volume
from umd_curate.store.nifti import write_volume

CT = grid((12, 16, 18), (14.0, 14.0, 18.0))
MAPS = st.lists(arrays(np.uint8, (3, 4, 5), elements=st.integers(0, 4)), min_size=2, max_size=5)


def copier(number, **settings):
    script = f'cp "$(dirname "$0")/labels{number}.nii.gz" "$1/organs.nii.gz"'
    return {
        "name": f"model{number}",
        "version": "1",
        "argv": ("/bin/sh", "-c", script, "{image}", "{out}"),
        "targets": ("ct",),
    } | settings


def consensus(count=2, **settings):
    members = tuple(copier(number, **settings) for number in range(count))
    config = LabelConfig(command=members, consensus=tuple(member["name"] for member in members))
    return load_engines(("consensus",), config)["consensus"]


def case_of(folder, *maps):
    for number, labels in enumerate(maps):
        write_volume(folder / f"labels{number}.nii.gz", labels)
    return label_case(folder, maps[0], CT)


class TestConsensus(LabelEngineContract):
    @pytest.fixture
    def engine(self):
        return consensus()

    @pytest.fixture
    def case(self, tmp_path):
        return case_of(tmp_path, drawn(CT), drawn(CT))

    @pytest.fixture
    def empty_case(self, tmp_path):
        empty = Volume(np.zeros(CT.shape_kji, np.uint8), CT.affine)
        return case_of(tmp_path, empty, empty)


@given(MAPS)
def test_where_all_agree_their_label_stands(maps):
    winner, apart = majority(maps)
    same = np.all([own == maps[0] for own in maps], axis=0)
    assert np.array_equal(winner[same], maps[0][same])
    assert np.array_equal(apart == 0, same)


@given(MAPS)
def test_the_winner_has_most_votes_and_of_equals_the_earliest(maps):
    winner, apart = majority(maps)
    for at in np.ndindex(winner.shape):
        votes = [int(own[at]) for own in maps]
        most = max(votes.count(vote) for vote in votes)
        assert int(winner[at]) == next(vote for vote in votes if votes.count(vote) == most)
        assert int(apart[at]) == len(maps) - most


@given(MAPS)
def test_the_least_dice_is_that_of_the_two_furthest_apart(maps):
    found = least_dice(maps, range(1, 5))
    for number in range(1, 5):
        scores = []
        for n, a in enumerate(maps):
            for b in maps[n + 1 :]:
                both = (a == number).sum() + (b == number).sum()
                if both:
                    scores.append(2 * ((a == number) & (b == number)).sum() / both)
        assert found.get(number) == (pytest.approx(min(scores)) if scores else None)


def test_disagreement_and_agreement_are_kept(tmp_path):
    first, second = drawn(CT), drawn(CT)
    second = Volume(np.where(second.array_kji == 1, 0, second.array_kji).astype(np.uint8), CT.affine)
    drawing = good(consensus(), case_of(tmp_path, first, second)).judged.drawing
    assert np.array_equal(drawing.disagreement.array_kji, (first.array_kji == 1).astype(np.uint8))
    assert drawing.agreement["liver"] == 0
    assert drawing.agreement["spleen"] == 1
    assert drawing.run.versions == {"model0/model0": "1", "model1/model1": "1"}


def test_one_result_alone_is_no_consensus(tmp_path):
    case = case_of(tmp_path, drawn(CT))
    labelled = run_engine(consensus(), case)
    assert (labelled.outcome, [finding.code for finding in labelled.findings]) == (Outcome.FAILED, ["LAB-116"])


def test_with_a_third_engine_two_results_suffice(tmp_path):
    assert run_engine(consensus(3), case_of(tmp_path, drawn(CT), drawn(CT))).outcome is Outcome.OK


@pytest.mark.parametrize("names", [(), ("model0",), ("model0", "model0"), ("model0", "consensus")])
def test_a_consensus_of_fewer_than_two_engines_is_a_fault_of_the_settings(names):
    with pytest.raises((ConfigError, EngineError)):
        load_engines(("consensus",), LabelConfig(command=(copier(0),), consensus=names))
