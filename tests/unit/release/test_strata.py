"""Strata, windows, pictures and published settings: the small pure parts of a release."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from umd_curate.model.config import UmdConfig
from umd_curate.model.sidecars import PetSidecar
from umd_curate.pipeline.release_context import WITHHELD, published_settings
from umd_curate.release.cases import Case, Subset
from umd_curate.release.strata import strata_of
from umd_curate.release.windows import PREVIEW_PIXELS, Window, grey_of, window_of
from umd_curate.store.png import grey_png

PETCT = Subset("petct", "petct", "ct", default=True)
PETMR = Subset("petmri", "petmri", "mr")


def case(subject: str, subset: Subset, *, age: int | None = 47, sex: str | None = "F", session: str = "petct1") -> Case:
    pet = PetSidecar(
        modality="PT", manufacturer="M", manufacturers_model_name="X", sex=sex, age_years=age, units="SUVbw"
    )
    return Case(subject, session, subset.session_kind, subset=subset, pet=pet)


def test_a_stratum_is_subset_scanner_sex_and_age_band_and_both_subsets_are_one_of_their_own():
    both = [case("A", PETCT), case("A", PETMR, session="petmri1")]
    assert strata_of([*both, case("B", PETMR, age=None, sex=None), case("C", PETCT, age=60)]) == {
        "A": "petct+petmri/M X/F/040",
        "B": "petmri/M X/?/?",
        "C": "petct/M X/F/060",
    }


def test_a_ct_shows_soft_tissue_and_a_hot_pet_is_black():
    assert grey_of(np.array([[-160, 40, 240, 3000]]), window_of("HU"), 9).tolist() == [[0, 128, 255, 255]]
    assert grey_of(np.array([[0.0, 5.0, 10.0, 40.0]]), window_of("SUVbw"), 9).tolist() == [[255, 128, 0, 0]]
    assert window_of("arbitrary") is None


planes = hnp.arrays(
    np.dtype("f4"), hnp.array_shapes(min_dims=2, max_dims=2, max_side=300), elements=st.floats(-2000, 2000, width=32)
)


@given(planes)
def test_a_preview_is_small_keeps_the_shape_and_survives_png(plane_ji):
    grey = grey_of(plane_ji, Window(-100, 100), PREVIEW_PIXELS)
    assert max(grey.shape) <= PREVIEW_PIXELS
    step = -(-max(plane_ji.shape) // PREVIEW_PIXELS)
    assert grey.shape == tuple(max(n // step, 1) for n in plane_ji.shape)
    with Image.open(io.BytesIO(grey_png(grey))) as image:
        assert (image.mode, image.info) == ("L", {})
        assert np.array_equal(np.asarray(image), grey)


@given(st.floats(-1000, 1000), st.floats(0.1, 1000))
def test_an_image_without_a_unit_is_shown_between_its_percentiles(low, width):
    values = np.linspace(low, low + width, 101)
    window = Window.of(values)
    assert window.black == pytest.approx(low + 0.01 * width, abs=1e-6 * abs(low) + 1e-6)
    assert window.white == pytest.approx(low + 0.99 * width, abs=1e-6 * abs(low) + 1e-6)
    assert Window.of(np.zeros(5)).white > Window.of(np.zeros(5)).black


def test_settings_are_published_without_what_a_person_wrote():
    config = UmdConfig.model_validate(
        {
            "label": {"engines": ["import"], "contours": "records/mueller/contours.csv"},
            "deid": {"faces_retained": "agreed with Mrs Zaleska"},
            "convert": {"fill": True, "referee_overruled": {"s-MUELLER1": "it is known to be wrong"}},
        }
    )
    schema = config.model_json_schema(by_alias=True)
    texts = {}
    for name in ("label", "deid", "convert", "ingest", "qa"):
        texts[name] = published_settings(
            config.model_dump(mode="json", by_alias=True)[name], schema["properties"][name], schema
        )
    said = str(texts).lower()
    assert not [word for word in ("mueller", "zaleska", "records", ".config", "known to be") if word in said]
    assert texts["convert"]["fill"] is True
    assert texts["convert"]["referee"] == "group"
    assert texts["label"]["contours"] == WITHHELD
    assert texts["qa"]["max_outside_body"] == 0.05
