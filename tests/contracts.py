"""Contracts that any implementation must keep: inherit the class, give its fixtures, and every test runs on yours.

`LabelEngineContract` is for label engines, `RegistrationEngineContract` for registration engines: ours and any that is
installed beside us.
"""

import socket
from dataclasses import replace

import numpy as np
import pytest

from tests import registration_phantom as phantom
from umd_curate.label.engine import EngineDescription, LabelCase, LabelEngine, Labelled, Need, Outcome, run_engine
from umd_curate.model.transforms import Rigid
from umd_curate.register.measures import field_measure, lead
from umd_curate.register.protocol import RegistrationEngine, RegistrationEngineDescription
from umd_curate.store.nifti import voxel_sha256

METHODS = {"site-contours", "propagated", "model", "consensus"}
ROLES = {"ct", "mr", "pet"}
SHA256_LENGTH = 64


class LabelEngineContract:
    """A label engine keeps it when all of these pass.

    A subclass gives three fixtures: `engine`; `case`, an image that it can label; `empty_case`, one in which there is
    nothing for it to find.
    """

    @pytest.fixture
    def engine(self) -> LabelEngine:
        raise NotImplementedError

    @pytest.fixture
    def case(self) -> LabelCase:
        raise NotImplementedError

    @pytest.fixture
    def empty_case(self) -> LabelCase:
        raise NotImplementedError

    def test_it_says_what_it_is_and_says_so_twice(self, engine):
        described = engine.describe()
        assert isinstance(described, EngineDescription)
        assert described == engine.describe()
        assert described.name
        assert described.version
        assert described.licence
        assert described.method in METHODS
        assert described.targets
        assert described.targets <= ROLES
        assert described.needs in set(Need)

    def test_readiness_is_told_without_a_socket(self, engine, monkeypatch):
        def refuse(*_args, **_kwargs):
            message = "an engine opened a socket"
            raise AssertionError(message)

        monkeypatch.setattr(socket, "socket", refuse)
        assert all(isinstance(problem, str) and problem for problem in engine.ready())

    def test_labels_stand_on_the_very_voxels_of_the_image(self, engine, case):
        volume = good(engine, case).judged.volume
        assert volume.grid.shape_kji == case.grid.shape_kji
        assert np.array_equal(volume.affine, case.grid.affine)

    def test_labels_are_uint8_with_ids_of_the_table_only(self, engine, case):
        judged = good(engine, case).judged
        assert judged.volume.array_kji.dtype == np.uint8
        present = set(np.unique(judged.volume.array_kji).tolist()) - {0}
        assert present == set(judged.ids.values())
        assert present <= {organ.id for organ in case.organs}
        assert all(case.organs.named(name).id == number for name, number in judged.ids.items())

    def test_volumes_are_counted_in_millilitres(self, engine, case):
        judged = good(engine, case).judged
        for name, volume_ml in judged.volumes_ml.items():
            voxels = int((judged.volume.array_kji == judged.ids[name]).sum())
            assert volume_ml == pytest.approx(voxels * case.grid.voxel_volume_ml)

    def test_the_same_image_gives_the_same_labels(self, engine, case):
        first, second = (voxel_sha256(good(engine, case).judged.volume) for _ in range(2))
        assert first == second

    def test_an_empty_result_is_never_ok(self, engine, empty_case):
        labelled = run_engine(engine, empty_case)
        assert labelled.outcome is Outcome.EMPTY
        assert labelled.findings

    def test_without_what_it_needs_it_gives_nothing(self, engine, case):
        if engine.describe().needs is Need.NOTHING:
            pytest.skip("this engine needs the image only")
        assert run_engine(engine, replace(case, sources=())).outcome is Outcome.EMPTY

    def test_an_image_of_another_modality_is_refused_before_the_engine_is_asked(self, engine, case):
        other = sorted(ROLES - engine.describe().targets)
        if not other:
            pytest.skip("this engine labels every modality")

        class Asked:
            describe, ready = engine.describe, engine.ready

            def draw(self, _case):
                message = "the engine was asked"
                raise AssertionError(message)

        labelled = run_engine(Asked(), replace(case, target=other[0]))
        assert labelled.outcome is Outcome.FAILED
        assert labelled.findings[0].code == "LAB-108"

    def test_provenance_is_complete(self, engine, case):
        drawing = good(engine, case).judged.drawing
        assert drawing.reference in {"ct", "mr"}
        assert drawing.inputs
        assert all(len(digest) == SHA256_LENGTH for digest in drawing.inputs.values())
        assert bool(drawing.transform) == bool(drawing.interpolation)
        assert bool(drawing.transform) == (drawing.reference != case.target)

    def test_no_path_shows_in_what_a_case_prints(self, case):
        assert str(case.image.parent) not in repr(case)


def good(engine: LabelEngine, case: LabelCase) -> Labelled:
    """Labels of a case that the engine can label."""
    labelled = run_engine(engine, case)
    assert labelled.outcome is Outcome.OK
    return labelled


class RegistrationEngineContract:
    """A registration engine keeps it when all of these pass.

    A subclass gives one fixture, `engine`. The bodies are drawn from formulas, so the truth is no tool's answer.
    """

    MAX_ERROR_MM = 2.0  # half a voxel of the phantom

    @pytest.fixture
    def engine(self) -> RegistrationEngine:
        raise NotImplementedError

    def test_it_says_what_it_is_and_says_so_twice(self, engine):
        described = engine.describe()
        assert isinstance(described, RegistrationEngineDescription)
        assert described == engine.describe()
        assert described.name
        assert described.version
        assert described.licence
        assert described.threads >= 1

    def test_readiness_is_told_without_a_socket(self, engine, monkeypatch):
        def refuse(*_args, **_kwargs):
            message = "an engine opened a socket"
            raise AssertionError(message)

        monkeypatch.setattr(socket, "socket", refuse)
        assert all(isinstance(problem, str) and problem for problem in engine.ready())

    def test_a_body_that_lies_elsewhere_is_found_from_fixed_to_moving(self, engine):
        pair = phantom.placed((4.0, -6.0, 9.0), (30.0, -18.0, 60.0))
        rigid = engine.rigid(pair.fixed, pair.moving)
        assert phantom.error_mm(rigid.points(pair.fixed_points), pair.moving_points).mean() < self.MAX_ERROR_MM

    def test_a_rigid_transform_is_a_rotation_and_a_shift(self, engine):
        pair = phantom.placed((4.0, -6.0, 9.0), (3.0, -8.0, 6.0))
        matrix = engine.rigid(pair.fixed, pair.moving).matrix
        assert np.allclose(matrix[:3, :3] @ matrix[:3, :3].T, np.eye(3), atol=1e-9)
        assert np.linalg.det(matrix[:3, :3]) > 0
        assert np.array_equal(matrix[3], [0, 0, 0, 1])

    def test_a_start_near_the_answer_leads_to_it(self, engine):
        pair = phantom.placed((2.0, 1.0, -3.0), (6.0, 4.0, -5.0))
        rigid = engine.rigid(pair.fixed, pair.moving, Rigid.identity())
        assert phantom.error_mm(rigid.points(pair.fixed_points), pair.moving_points).mean() < self.MAX_ERROR_MM

    def test_the_same_pair_gives_the_same_transform(self, engine):
        pair = phantom.placed((4.0, -6.0, 9.0), (3.0, -8.0, 6.0))
        first, second = (engine.rigid(pair.fixed, pair.moving).matrix for _ in range(2))
        assert np.array_equal(first, second)

    def test_a_deformation_beats_the_rigid_transform_and_does_not_fold(self, engine):
        if not engine.describe().deforms:
            pytest.skip("this engine finds rigid transforms only")
        pair = phantom.placed((2.0, 1.0, -3.0), (6.0, 4.0, -5.0), bend_mm=9.0)
        rigid = engine.rigid(pair.fixed, pair.moving)
        found = engine.deform(pair.fixed, pair.moving, rigid, (1, 2, 3, 5, 6, 10))
        before = phantom.error_mm(rigid.points(pair.fixed_points), pair.moving_points).mean()
        after = phantom.error_mm(lead(pair.fixed_points, found), pair.moving_points).mean()
        measured = field_measure(found, pair.fixed)
        assert after < 0.6 * before
        assert measured.jacobian_min > 0
        assert measured.inconsistency_mm < 1.0
