"""The plan of ingest against the truth of planted defects, file by file."""

import json

import pytest

from umd_curate.ingest.plan import plan_ingest
from umd_curate.ingest.scan import list_files, scan, settle_copies
from umd_curate.model.config import IngestConfig
from umd_curate.store.keys import DeidKey
from umd_curate.synth import Size, SynthOptions, write_cohort

# Each tuple is one cohort; no two of its defects share a study. A collision of UIDs is with the CT of subject 1.
COHORTS = (
    ("missing-weight@1", "missing-uids@2", "first-slice-missing@3", "uid-collision@4", "truncated-pixels@5", "rle@6"),
    ("corrupt-header@1", "missing-slice@2", "four-stations@3", "two-spacings@4", "mu-map@5", "big-endian@6"),
    ("duplicate-files@1", "duplicate-slice-differing@2", "missing-dose@3", "localizer-inside@4", "wrong-patient@5"),
    ("not-dicom@1", "coronal@2", "sagittal@3", "oblique@4", "anisotropic@5", "reversed@6", "jitter@7"),
    ("mixed-orientation@1",),
)


@pytest.mark.slow
@pytest.mark.parametrize("defects", COHORTS)
def test_every_file_is_planned_as_the_truth_says(tmp_path, defects):
    subjects = max(int(order.partition("@")[2]) for order in defects)
    write_cohort(tmp_path, SynthOptions(subjects=subjects, size=Size.TINY, defects=defects))
    index = json.loads((tmp_path / "truth" / "cohort.json").read_text())
    told = {str(tmp_path / "raw" / file["path"]): file["disposition"] for file in index["files"]}
    rows = settle_copies(list(scan(list_files([tmp_path / "raw"]), {})))
    plan = plan_ingest(rows, IngestConfig(), DeidKey(b"k" * 32).short_id)
    assert {decision.path: str(decision.disposition) for decision in plan.decisions} == told
