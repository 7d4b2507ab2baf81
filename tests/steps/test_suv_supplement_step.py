"""A table of the site's records from the command line to the sidecar, and images of further SUV types."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from tests.builders import a_ct_series, a_pet_series
from umd_curate.cli.main import cli
from umd_curate.errors import ConfigError
from umd_curate.model.config import ConvertConfig, UmdConfig
from umd_curate.model.pet import PetContext
from umd_curate.model.receipts import State
from umd_curate.pipeline import run
from umd_curate.pipeline.orders import read_order
from umd_curate.pipeline.pet_context import pet_order
from umd_curate.pipeline.supplement import moved, parse_supplement
from umd_curate.store.nifti import read_volume
from umd_curate.store.workspace import create_workspace

PET = a_pet_series().missing("PatientWeight").sized(rows=24, columns=24, slices=12)
CT = a_ct_series().sized(rows=24, columns=24, slices=12)
F18_DECAY = 2 ** (-3600 / 6586.2)


def ingested(folder: Path, table: str | None, **convert: object) -> tuple[dict, run.Session]:
    """Sidecar of the PET after an ingest with a supplement table of that text; ``-`` takes the table away."""
    raw = folder / "raw"
    if not raw.exists():
        PET.write(raw)
        CT.write(raw)
    path = folder / "records.csv"
    if table not in {None, "-"}:
        path.write_text(table)
    named = {None: None, "-": "-"}.get(table, str(path))
    config = UmdConfig(convert=ConvertConfig(supplement=named, **convert))
    workspace = create_workspace(folder / "workspace")
    with run.opened(workspace, config, "test") as session:
        run.ingest(session, [raw])
        assert {row.receipt.state for row in session.ledger.rows() if row.receipt} == {State.DONE}
        keys = {row.unit: row.receipt.key for row in session.ledger.rows(("ingest",)) if row.receipt}
    (sidecar,) = (folder / "workspace").rglob("data/**/*petct1_pet.json")
    return json.loads(sidecar.read_text()) | {"keys": keys}, session


def table(**cells: str) -> str:
    row = {"series_uid": PET.series_uid, "source": "ris", **cells}
    return f"{','.join(row)}\n{','.join(row.values())}\n"


def test_a_weight_from_the_table_gives_an_suv_that_names_its_source(tmp_path):
    sidecar, _ = ingested(tmp_path, table(weight_kg="70"))
    assert sidecar["Units"] == "SUVbw"
    assert sidecar["BodyWeight"] == 70.0
    assert sidecar["Suv"]["Inputs"]["PatientWeight"] == {
        "tag": "(0010,1030)",
        "value": 70.0,
        "unit": "kg",
        "source": "ris",
    }
    assert sidecar["Suv"]["FactorMin"] == pytest.approx(70e3 / (3.5e8 * F18_DECAY), rel=1e-12)
    assert "SUV-314" in [finding["Code"] for finding in sidecar["Findings"]]
    assert sidecar["Suv"]["Steps"][-1]["Name"] == "suv_factor"


def test_without_the_table_the_image_is_kept_in_bq_per_ml(tmp_path):
    sidecar, _ = ingested(tmp_path, None)
    assert (sidecar["Units"], sidecar["Suv"]) == ("Bq/mL", None)
    assert sidecar["Findings"][0]["Code"] == "SUV-201"


def test_what_became_of_the_suv_is_said_at_the_end_of_an_ingest(tmp_path):
    PET.write(tmp_path / "raw")
    CT.write(tmp_path / "raw")
    words = ["ingest", str(tmp_path / "raw"), "--workspace", str(tmp_path / "workspace")]
    said = CliRunner().invoke(cli, words, standalone_mode=False)
    assert "suv:   SUV-201 in 1 image(s): The patient's weight is missing or 0" in said.output
    as_json = CliRunner().invoke(cli, [*words, "--json"], standalone_mode=False)
    assert json.loads(as_json.stdout)["suv"] == {"SUV-201": 1}


def test_a_series_time_between_beds_is_seen_where_date_and_time_of_acquisition_are_one_element(tmp_path):
    """Beds at 11:00 and 11:05 in (0008,002A) alone, both corrected to 11:00; the series time is 11:03."""
    CT.write(tmp_path / "raw")
    (tmp_path / "raw/pet").mkdir()
    for k, dataset in enumerate(a_pet_series().sized(rows=24, columns=24, slices=12).datasets()):
        bed = k // 6
        dataset.AcquisitionDateTime = f"{dataset.AcquisitionDate}110{5 * bed}00"
        del dataset.AcquisitionDate, dataset.AcquisitionTime
        dataset.SeriesTime, dataset.ActualFrameDuration = "110300", "300000"
        dataset.FrameReferenceTime = str(150000 + 300000 * bed)
        dataset.save_as(tmp_path / f"raw/pet/{k}.dcm", enforce_file_format=True)
    words = ["ingest", str(tmp_path / "raw"), "--workspace", str(tmp_path / "workspace"), "--json"]
    said = CliRunner().invoke(cli, words, standalone_mode=False)
    assert "SUV-306" in json.loads(said.stdout)["suv"]
    (sidecar,) = (tmp_path / "workspace").rglob("data/**/*petct1_pet.json")
    assert json.loads(sidecar.read_text())["Suv"]["Rule"] == "BQML/START/FrameReferenceTime"
    explained = CliRunner().invoke(cli, ["suv", "explain", str(tmp_path / "raw/pet"), "--json"], standalone_mode=False)
    assert json.loads(explained.stdout)[0]["suv"] == json.loads(sidecar.read_text())["Suv"]


def test_a_change_of_the_table_makes_its_pet_anew_and_nothing_else(tmp_path):
    first, _ = ingested(tmp_path, table(weight_kg="70"))
    second, _ = ingested(tmp_path, table(weight_kg="71"))
    again, _ = ingested(tmp_path, None)  # the table of the last run is remembered
    without, _ = ingested(tmp_path, "-")
    changed = {unit for unit, key in first["keys"].items() if second["keys"][unit] != key}
    assert {unit.rpartition("_")[2] for unit in changed} == {"pet"}
    assert second["Suv"]["FactorMin"] / first["Suv"]["FactorMin"] == pytest.approx(71 / 70, rel=1e-12)
    assert again["keys"] == second["keys"]
    assert without["Suv"] is None


def test_a_row_of_the_study_serves_and_a_row_of_the_series_goes_before_it(tmp_path):
    study = PET.datasets()[0].StudyInstanceUID
    text = f"series_uid,study_uid,weight_kg,source\n,{study},60,ris\n{PET.series_uid},,70,chart\n"
    sidecar, _ = ingested(tmp_path, text)
    assert sidecar["Suv"]["Inputs"]["PatientWeight"]["source"] == "chart"
    only, _ = ingested(tmp_path, f"study_uid,weight_kg,source\n{study},60,ris\n")
    assert only["BodyWeight"] == 60.0


def test_an_order_keeps_its_supplement_and_is_found_by_each_of_its_names(tmp_path):
    _, session = ingested(tmp_path, table(weight_kg="70", injection_datetime="2020-03-02T09:00"))
    (path,) = (session.workspace.private / "orders").glob("*_pet.json")
    order = read_order(path)
    assert order.pet is not None
    assert order.pet.supplement is not None
    assert order.pet.supplement.injection_datetime == "20200302090000"
    for name in (order.unit, order.series, order.unit.removesuffix("_pet")):
        assert pet_order(session.workspace, name) == order
    assert pet_order(session.workspace, "s-UNKNOWN1") is None


def test_further_types_stand_in_the_sidecar_and_an_image_only_where_asked(tmp_path):
    types = {"suv_types": ("SUVbw", "SUL-janma", "SUVbsa"), "suv_images": ("SUL-janma",)}
    sidecar, session = ingested(tmp_path, table(weight_kg="70", height_m="1.75"), **types)
    assert set(sidecar["Suv"]["Types"]) == {"SUL-janma", "SUVbsa"}
    ratio = sidecar["Suv"]["Types"]["SUL-janma"]["Ratio"]
    assert ratio == pytest.approx(9270 / (8780 + 244 * 70 / 1.75**2), rel=1e-12)  # the builder's patient is F
    (image,) = session.workspace.root.rglob("data/**/*_desc-suljanma_pet.nii.gz")
    (pet,) = session.workspace.root.rglob("data/**/*_ses-petct1_pet.nii.gz")
    lean, plain = read_volume(image), read_volume(pet)
    assert np.allclose(lean.array_kji, plain.array_kji * ratio, rtol=1e-6)
    assert np.array_equal(lean.affine, plain.affine)
    beside = json.loads(image.with_name(image.name.replace(".nii.gz", ".json")).read_text())
    assert beside["Units"] == "SUL-janma (g/mL)"
    ingested(tmp_path, None, suv_types=types["suv_types"])
    assert not image.exists()


# --- the table -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the header"),
        ("series_uid,weight_kg\n", "the header"),
        ("series_uid,source,weight\n", "the header"),
        ("series_uid,source,weight_kg\n1.2,ris\n", "row 2"),
        ("series_uid,source\n,ris\n", "row 2"),
        ("series_uid,study_uid,source\n1.2,1.3,ris\n", "row 2"),
        ("series_uid,source\n1.2,ris\n1.2,ris\n", "row 3"),
        ("series_uid,source\n1.2,Mrs CANARY\n", "row 2, source"),
        ("series_uid,source,weight_kg\n1.2,ris,70000\n", "row 2, weight_kg"),
        ("series_uid,source,weight_kg\n1.2,ris,CANARY\n", "row 2, weight_kg"),
        ("series_uid,source,height_m\n1.2,ris,175\n", "row 2, height_m"),
        ("series_uid,source,injected_bq\n1.2,ris,368\n", "row 2, injected_bq"),
        ("series_uid,source,half_life_s\n1.2,ris,nan\n", "row 2, half_life_s"),
        ("series_uid,source,sex\n1.2,ris,CANARY\n", "row 2, sex"),
        ("series_uid,source,injection_datetime\n1.2,ris,02.03.2020 09:00\n", "row 2, injection_datetime"),
        ("series_uid,source,injection_datetime\n1.2,ris,20200302090000+0100\n", "row 2, injection_datetime"),
        ("series_uid,source,override\n1.2,ris,CANARY\n", "row 2, override"),
        ("series_uid,source,override,reason\n1.2,ris,true,short\n", "row 2, reason"),
    ],
)
def test_a_table_that_does_not_fit_names_row_and_column_and_no_value(text, said):
    with pytest.raises(ConfigError) as refused:
        parse_supplement(text)
    assert said in refused.value.message
    assert "CANARY" not in refused.value.message


def test_an_override_with_a_reason_is_read():
    text = "study_uid,source,weight_kg,override,reason\n1.2,ris,70,yes,weighed again on the day\n"
    row = parse_supplement(text).of(None, "1.2")
    assert (row.override, row.weight_kg) == (True, 70.0)


@pytest.mark.parametrize("written", ["2020-02-29T23:59", "2020-02-29 23:59:00", "202002292359", "20200229235900"])
def test_a_time_of_injection_is_read_as_people_write_it_and_moves_over_a_leap_day(written):
    row = parse_supplement(f"series_uid,source,injection_datetime\n1.2,ris,{written}\n").of("1.2", None)
    shifted = moved(PetContext(supplement=row), -366).supplement
    assert shifted.injection_datetime.startswith("201902282359")


def test_a_table_that_cannot_be_read_is_an_error_of_the_settings(tmp_path):
    with pytest.raises(ConfigError):
        ingested(tmp_path, table(weight_kg="CANARY"))
