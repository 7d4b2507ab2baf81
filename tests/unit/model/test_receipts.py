"""Receipts: the heaviest finding decides."""

import pytest

from umd_curate.model.findings import Finding, Severity
from umd_curate.model.receipts import Receipt, State


def receipt(*severities):
    found = tuple(Finding("TST-101", severity, "place") for severity in severities)
    return Receipt("step", "unit", "key", State.DONE, findings=found)


@pytest.mark.parametrize(
    ("severities", "worst"),
    [
        ((), None),
        ((Severity.INFO,), Severity.INFO),
        ((Severity.INFO, Severity.WARN), Severity.WARN),
        ((Severity.WARN, Severity.FAIL, Severity.INFO), Severity.FAIL),
    ],
)
def test_the_heaviest_finding_is_the_worst(severities, worst):
    assert receipt(*severities).worst is worst
