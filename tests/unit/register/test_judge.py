"""The gates: what counts as moved, which deformations are kept, which fits need a look."""

from dataclasses import replace

import pytest

from umd_curate.register.features import OrganSeen, choose_organs
from umd_curate.register.judge import (
    DeformationMeasure,
    RegionMotion,
    keep_deformation,
    motion_limit_mm,
    motion_verdict,
    verdict,
)

GOOD = DeformationMeasure(0.4, 0.1, 1.20, 1.25, (-0.4, -0.2, 0.1))


def region(name, shift, angle=0.0):
    return RegionMotion(name, shift, angle, (0.0, 0.0, shift))


@pytest.mark.parametrize(
    ("head", "pelvis", "left_over", "expected"),
    [
        (region("head", 1.0), region("pelvis", 1.0), (), "still"),
        (region("head", 8.0), region("pelvis", 8.0), (1.0, 1.0), "moved"),
        (region("head", 9.0), region("pelvis", 0.5), (6.0, 3.0), "moved in parts"),
        (region("head", 1.0, 3.0), region("pelvis", 1.0), (5.0, 5.0), "moved in parts"),
    ],
)
def test_only_head_and_pelvis_together_are_a_motion_of_the_patient(head, pelvis, left_over, expected):
    assert motion_verdict({"head": head, "pelvis": pelvis}, left_over, 5.0) == expected


def test_the_diaphragm_alone_never_asks_for_a_correction():
    regions = {"head": region("head", 0.5), "pelvis": region("pelvis", 0.5), "diaphragm": region("diaphragm", 25.0)}
    assert motion_verdict(regions, (), 5.0) == "still"


def test_one_region_alone_is_not_enough_for_a_correction():
    assert motion_verdict({"pelvis": region("pelvis", 9.0)}, (), 5.0) == "moved in parts"
    assert motion_verdict({"diaphragm": region("diaphragm", 9.0)}, (), 5.0) == "not measured"


def test_coarse_voxels_show_coarse_motions_only():
    assert motion_limit_mm(4.0) == 5.0
    assert motion_limit_mm(20.0) == 10.0


def test_a_good_deformation_is_kept():
    assert keep_deformation(GOOD) == ""


@pytest.mark.parametrize(
    "change",
    [
        {"jacobian_min": 0.0},
        {"inconsistency_mm": 1.1},
        {"agreement_deformed": 1.2},
        {"held_out_change": (0.2, 0.1, -0.3)},
    ],
)
def test_each_check_alone_keeps_the_rigid_transform(change):
    assert keep_deformation(replace(GOOD, **change))


def test_one_organ_held_out_says_nothing():
    assert keep_deformation(replace(GOOD, held_out_change=(0.5,))) == ""


@pytest.mark.parametrize(
    ("gain", "recovered", "overlap", "expected"),
    [
        (0.1, 0.5, 0.9, "accepted"),
        (0.1, 3.0, 0.9, "for a human"),
        (-0.1, 0.5, 0.9, "for a human"),
        (0.1, 0.5, 0.01, "refused"),
    ],
)
def test_a_fit_is_accepted_refused_or_for_a_human(gain, recovered, overlap, expected):
    said, reasons = verdict(gain, recovered, 2.0, overlap, 0.05)
    assert said == expected
    assert bool(reasons) == (expected != "accepted")


def test_organs_that_are_missing_swapped_or_cut_do_not_drive():
    here = {n: OrganSeen(100.0, (10.0 * n, 0.0, 0.0)) for n in range(1, 6)}
    there = {
        1: OrganSeen(90.0, (12.0, 0.0, 0.0)),
        2: OrganSeen(100.0, (120.0, 0.0, 0.0)),
        3: OrganSeen(20.0, (30.0, 0.0, 0.0)),
        5: OrganSeen(1.0, (50.0, 0.0, 0.0)),
    }
    chosen = choose_organs(here, there)
    assert chosen.driving == (1,)
    assert chosen.left_out == {2: "displaced", 3: "volume", 4: "missing", 5: "missing"}
