"""What the room accepts from any engine: each way of breaking the contract is a failure with a code of its own."""

from importlib.metadata import EntryPoint

import numpy as np
import pytest

import umd_curate.label.registry
from tests.unit.label.phantom import drawn, grid, label_case
from umd_curate.errors import EngineError
from umd_curate.label.engine import EngineDescription, Outcome, run_engine
from umd_curate.label.judge import Drawing
from umd_curate.label.registry import engine_names, installed_engines, load_engines
from umd_curate.model.config_labels import LabelConfig
from umd_curate.model.geometry import Volume

CT = grid((12, 16, 18), (14.0, 14.0, 18.0))


class Handmade:
    """An engine that gives what it is told to give."""

    def __init__(self, array, affine=CT.affine, names=None, problems=()):
        self.volume, self.names, self.problems = Volume(array, affine), names, problems

    def describe(self):
        return EngineDescription("handmade", "1", "model", frozenset({"ct"}))

    def ready(self):
        return self.problems

    def draw(self, case):
        return Drawing(self.volume, self.names, "ct", {"ct": case.image_sha256})


@pytest.fixture
def outcome_of(tmp_path):
    case = label_case(tmp_path, drawn(CT), CT)

    def run(engine):
        labelled = run_engine(engine, case)
        return labelled.outcome, [finding.code for finding in labelled.findings]

    return run


def test_a_sound_engine_is_accepted(outcome_of):
    assert outcome_of(Handmade(drawn(CT).array_kji)) == (Outcome.OK, [])


def test_an_engine_that_is_not_ready_is_not_asked(outcome_of):
    engine = Handmade(drawn(CT).array_kji, problems=("a file of weights is absent",))
    assert outcome_of(engine) == (Outcome.NOT_READY, ["LAB-109"])


def test_labels_on_another_grid_are_a_fault_of_the_engine(outcome_of):
    assert outcome_of(Handmade(drawn(CT).array_kji[:-1])) == (Outcome.FAILED, ["LAB-110"])
    assert outcome_of(Handmade(drawn(CT).array_kji, CT.affine + 0.01)) == (Outcome.FAILED, ["LAB-110"])


def test_probabilities_are_not_labels(outcome_of):
    assert outcome_of(Handmade(drawn(CT).array_kji / np.float32(13))) == (Outcome.FAILED, ["LAB-106"])


def test_an_unknown_id_is_not_dropped_in_silence(outcome_of):
    array = drawn(CT).array_kji.copy()
    array[0, 0, 0] = 77
    assert outcome_of(Handmade(array)) == (Outcome.FAILED, ["LAB-105"])
    assert outcome_of(Handmade(array, names={1: "liver"}))[1] == ["LAB-103"]


def test_an_empty_map_is_never_ok(outcome_of):
    assert outcome_of(Handmade(np.zeros(CT.shape_kji, np.uint8))) == (Outcome.EMPTY, ["LAB-107"])
    assert outcome_of(Handmade(drawn(CT).array_kji, names={1: "femur"}))[0] is Outcome.EMPTY


def test_our_engines_are_found_by_entry_point():
    assert {"import", "propagate"} <= set(engine_names(LabelConfig()))
    engines = installed_engines(LabelConfig())
    assert all(engine.describe().name == name for name, engine in engines.items() if name in {"import", "propagate"})
    assert engines["import"].ready() == ()


def test_engines_are_loaded_in_the_order_of_the_settings():
    assert list(load_engines(("propagate", "import"), LabelConfig())) == ["propagate", "import"]


def test_an_engine_that_is_not_installed_ends_the_run_with_the_engine_code():
    with pytest.raises(EngineError, match="not installed") as caught:
        load_engines(("import", "oracle"), LabelConfig())
    assert caught.value.exit_code == 7


def test_an_engine_that_cannot_be_loaded_is_named(monkeypatch):
    broken = EntryPoint("broken", "umd_curate.label.absent:Engine", "umd_curate.engines")
    monkeypatch.setattr(umd_curate.label.registry, "entry_points", lambda group: (broken,))
    with pytest.raises(EngineError, match="'broken' is installed but cannot be loaded"):
        installed_engines(LabelConfig())
