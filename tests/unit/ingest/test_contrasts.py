"""Slices of one even line that show different things are no volume; what scanners adapt on the way is no difference."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.ingest.rows import series, short_id
from umd_curate.ingest.plan import plan_ingest
from umd_curate.model.config import IngestConfig
from umd_curate.model.study import Disposition

N = 20
SIEMENS = ("ORIGINAL", "PRIMARY", "M", "ND", "NORM")
PHILIPS = ("ORIGINAL", "PRIMARY", "M_FFE", "M", "FFE")
CONTRASTS = {
    "(0018,0081)": ({"echo_time_ms": 4.6}, {"echo_time_ms": 9.2}),
    "(0018,0086)": ({"echo_number": 1}, {"echo_number": 2}),
    "(0018,9087)": ({"b_value": 0.0}, {"b_value": 800.0}),
    "Dixon channel": ({"dixon_channel": "water"}, {"dixon_channel": "fat"}),
    "(0008,0008)": ({"image_type": SIEMENS}, {"image_type": ("ORIGINAL", "PRIMARY", "P", "ND")}),
    "complex image": ({"image_type": PHILIPS}, {"image_type": ("ORIGINAL", "PRIMARY", "PHASE MAP", "P", "FFE")}),
}


def planned(images):
    return plan_ingest(images, IngestConfig(), short_id)


@pytest.mark.parametrize("pattern", ["alternate", "halves", "one"])
@pytest.mark.parametrize("name", CONTRASTS)
def test_contrasts_at_places_of_their_own_are_refused_by_name(name, pattern):
    is_other = {"alternate": lambda k: k % 2, "halves": lambda k: k >= N // 2, "one": lambda k: k == 7}[pattern]
    plain, other = CONTRASTS[name]
    images = [replace(image, **(other if is_other(k) else plain)) for k, image in enumerate(series("MR", n=N))]
    plan = planned(images)
    assert {(d.disposition, d.code) for d in plan.decisions} == {(Disposition.QUARANTINED, "ING-226")}
    (finding,) = plan.findings
    assert name in finding.detail


@given(data=st.data(), modality=st.sampled_from(["MR", "CT", "PT"]))
def test_what_a_scanner_adapts_from_slice_to_slice_is_no_contrast(data, modality):
    echo = data.draw(st.floats(0.07, 200))
    images = [
        replace(
            image,
            acquisition_number=data.draw(st.integers(1, 5)) if modality != "MR" else 1 + k // 5,
            acquisition_time=f"10{k:02d}00",
            echo_time_ms=data.draw(st.sampled_from([echo, echo * 1.03, None, 0.0])),
            b_value=data.draw(st.sampled_from([None, 800.0])),
            image_type=data.draw(st.sampled_from([SIEMENS, (*SIEMENS, "DIS2D"), PHILIPS, SIEMENS[:2]])),
        )
        for k, image in enumerate(series(modality, n=N))
    ]
    plan = planned(images)
    assert {d.code for d in plan.decisions} == {""}


@pytest.mark.parametrize("modality", ["CT", "PT"])
def test_elements_of_mr_say_nothing_of_ct_and_pet(modality):
    images = [replace(image, echo_number=k % 2, echo_time_ms=5.0 + k % 2) for k, image in enumerate(series(modality))]
    assert {d.code for d in planned(images).decisions} == {""}


@pytest.mark.parametrize("name", ["(0018,0081)", "(0018,0086)", "Dixon channel"])
def test_contrasts_at_the_same_places_are_volumes_of_their_own(name):
    plain, other = CONTRASTS[name]
    images = [replace(image, **plain) for image in series("MR", n=N)]
    copies = [
        replace(image, path=f"{image.path}b", sop_instance_uid=f"{image.sop_instance_uid}b", header_sha256="b", **other)
        for image in series("MR", n=N)
    ]
    decisions = planned([*images, *copies]).decisions
    assert sorted(str(d.disposition) for d in decisions) == ["excluded"] * N + ["used"] * N
