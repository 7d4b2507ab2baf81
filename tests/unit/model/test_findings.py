"""Findings and refusals are data that may be shown to anyone."""

import pytest
from hypothesis import given

from tests import strategies as some
from umd_curate.model.findings import FindingCode, Refused, Severity

CODE = FindingCode("TST-101", Severity.WARN, "A title", "why it matters", "what to do")


def test_a_code_makes_its_finding_at_a_place():
    finding = CODE.at("s-ABCDEFGH", "(0010,1030)", measured=1.5, limit=2.0)
    assert (finding.code, finding.severity, finding.place) == ("TST-101", Severity.WARN, "s-ABCDEFGH")
    assert (finding.detail, finding.measured, finding.limit) == ("(0010,1030)", 1.5, 2.0)


@given(some.findings)
def test_a_refusal_carries_its_finding_and_says_code_and_detail_alone(finding):
    refusal = Refused(finding)
    assert refusal.finding is finding
    assert str(refusal) == f"{finding.code} {finding.detail}".strip()


def test_a_finding_cannot_be_changed():
    with pytest.raises(AttributeError):
        CODE.at("place").code = "TST-102"
