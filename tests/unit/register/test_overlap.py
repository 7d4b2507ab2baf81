"""When a pair is refused, and when its mean is worth a remark."""

import pytest

from umd_curate.register.overlap import MeanKept, Overlap, refusal, remarks


@pytest.mark.parametrize(
    ("part", "least", "is_refused"), [(0.0, 0.0, True), (0.04, 0.05, True), (0.05, 0.05, False), (1, 1, False)]
)
def test_a_pair_is_refused_below_the_limit_and_always_without_any_overlap(part, least, is_refused):
    finding = refusal("sub-7K3QF2_ses-petct1", Overlap(part, 10.0), least)
    assert (finding is not None) == is_refused


def test_the_refusal_tells_what_was_measured_and_allowed():
    finding = refusal("sub-7K3QF2_ses-petct1", Overlap(0.01, 10.0), 0.05)
    assert (finding.code, finding.measured, finding.limit) == ("REG-101", 0.01, 0.05)


@pytest.mark.parametrize(("after", "codes"), [(-900.0, []), (-898.9, []), (-895.0, ["REG-102"]), (-905.0, ["REG-102"])])
def test_a_change_of_the_mean_is_weighed_above_the_background(after, codes):
    # -900 HU is 124 above air at -1024: one part in a hundred is 1.24 HU
    assert [finding.code for finding in remarks("x", MeanKept(-900.0, after, -1024.0))] == codes


def test_an_empty_image_has_no_change():
    assert MeanKept(0.0, 0.0, 0.0).change == 0.0
