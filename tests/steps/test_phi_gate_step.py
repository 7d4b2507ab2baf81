"""The gate below the PHI wall on real files: what gets its name in ``releases/``, and what a hit leaves behind."""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.release_builders import Folder, Ledger, Study, settings
from umd_curate.model.catalogue import run as codes
from umd_curate.model.findings import Refused
from umd_curate.model.receipts import Artifact, Receipt, State
from umd_curate.pipeline.phi_gate import SEAL_STEP
from umd_curate.pipeline.table import below_the_wall
from umd_curate.store.files import artifact, write_json

Spelled = Iterable[tuple[str, str]]


def identifiers_of(root: Path, spelled: Spelled) -> Receipt:
    """Receipt of an ingest that met these identifiers, by kind and spelling."""
    relative = "private/identifiers/x.json"
    write_json(root / relative, [list(entry) for entry in spelled])
    known = artifact("identifiers", relative, root / relative)
    return Receipt("ingest", "x", "0" * 64, State.DONE, outputs=(known,))


def build(root: Path, study: Study, spelled: Spelled) -> Receipt:
    """Plan and perform the release step of the pipeline on one session."""
    step = below_the_wall()["release"]
    (unit,) = step.plan(Ledger([study.write(root)], [identifiers_of(root, spelled)]), settings())
    return step.perform(unit, Folder(root), settings())


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()] if folder.exists() else []


def test_a_release_that_holds_an_identifier_never_gets_its_name(tmp_path):
    with pytest.raises(Refused) as refused:
        build(tmp_path, Study(tracer="FDG Zaleska"), [("name", "zaleska")])
    assert refused.value.finding.code == codes.IDENTIFIER_FOUND.code
    assert "volumes.parquet: name as utf-8" in refused.value.finding.detail
    assert "zaleska" not in str(refused.value).lower() + refused.value.finding.detail.lower()
    assert names_in(tmp_path / "releases") == []


def test_an_identifier_in_the_report_holds_the_release_back(tmp_path):
    (tmp_path / "qa").mkdir()
    (tmp_path / "qa/report.html").write_text("<p>Zaleska</p>", encoding="utf-8")
    with pytest.raises(Refused) as refused:
        build(tmp_path, Study(), [("name", "zaleska")])
    assert refused.value.finding.detail == "report.html: name as utf-8"
    assert names_in(tmp_path / "releases") == []


def test_a_hit_leaves_the_older_release_of_the_version_as_it_was(tmp_path):
    build(tmp_path, Study(), [("name", "zaleska")])
    sums = tmp_path / "releases/0.1.0/umd/manifests/SHA256SUMS"
    before = sums.read_bytes()
    with pytest.raises(Refused):
        build(tmp_path, Study(seed=1, tracer="FDG Zaleska"), [("name", "zaleska")])
    assert sums.read_bytes() == before
    assert names_in(tmp_path / "releases/0.1.0") == ["umd"]


def test_a_new_patient_s_identifiers_make_the_release_be_searched_again(tmp_path):
    step, sessions = below_the_wall()["release"], [Study().write(tmp_path)]
    inputs = []
    for spelled in ([("name", "zaleska")], [("name", "zaleska"), ("name", "kowalczyk")]):
        (unit,) = step.plan(Ledger(sessions, [identifiers_of(tmp_path, spelled)]), settings())
        inputs.append(unit.inputs)
    assert inputs[0] != inputs[1]


@pytest.mark.parametrize(
    ("kind", "spelling"),
    [
        pytest.param("name", "siemens biograph", id="a patient called as the scanner that others were scanned on"),
        pytest.param("id", "91827", id="a five-digit PatientID that equals a size or count"),
        pytest.param("date", "19540317", id="a birthday that equals a size in bytes"),
    ],
)
def test_what_a_release_of_many_shows_by_chance_holds_nobody_back(tmp_path, kind, spelling):
    (tmp_path / "qa").mkdir()
    (tmp_path / "qa/report.html").write_text("<td>SIEMENS Biograph</td><td>91827</td><td>19540317</td>", "utf-8")
    assert build(tmp_path, Study(), [(kind, spelling)]).state is State.DONE


@pytest.mark.parametrize(
    ("kind", "spelling", "planted"),
    [
        ("name", "brown^zaleska", "Brown^Zaleska"),
        ("id", "mrn91827", "MRN91827"),
        ("id", "918273645", "918273645"),
        ("date", "1954-03-17", "1954-03-17"),
        ("place", "klinikum zaleska", "Klinikum Zaleska"),
    ],
)
def test_what_is_no_chance_holds_the_release_back(tmp_path, kind, spelling, planted):
    with pytest.raises(Refused):
        build(tmp_path, Study(tracer=planted), [(kind, spelling)])


def test_names_of_elements_and_tools_in_the_reports_hold_nobody_back(tmp_path):
    (tmp_path / "qa").mkdir()
    (tmp_path / "qa/deid-report.html").write_text("<td>MRTimingAndRelatedParametersSequence</td>", encoding="utf-8")
    (tmp_path / "qa/report.html").write_text("<td>dicom2nifti: TypeError</td>", encoding="utf-8")
    build(tmp_path, Study(), [("name", "timing"), ("id", "dicom2nifti"), ("name", "timing zaleska")])
    assert names_in(tmp_path / "releases") == ["0.1.0"]


def test_a_release_that_was_changed_by_hand_is_no_longer_sealed(tmp_path):
    done = build(tmp_path, Study(), [("name", "zaleska")])
    readme = tmp_path / "releases/0.1.0/umd/README.md"
    readme.write_text(readme.read_text(encoding="utf-8") + "\nZaleska\n", encoding="utf-8")
    known = identifiers_of(tmp_path, [("name", "zaleska")])
    (unit,) = SEAL_STEP.plan(Ledger([], [known, done]), settings())
    sealed = SEAL_STEP.perform(unit, Folder(tmp_path), settings())
    assert sealed.state is State.QUARANTINED
    assert [finding.detail for finding in sealed.findings] == ["README.md: name as utf-8"]


def test_what_is_searched_for_lies_on_the_private_side_alone(tmp_path):
    done = build(tmp_path, Study(), [("name", "zaleska")])
    assert all(isinstance(entry, Artifact) and "private" not in entry.path for entry in done.outputs)
    provenance = (tmp_path / "releases/0.1.0/umd/manifests/provenance.parquet").read_bytes()
    digest = identifiers_of(tmp_path, [("name", "zaleska")]).outputs[0].sha256
    assert digest.encode() not in provenance
    assert json.loads((tmp_path / "private/identifiers/x.json").read_text()) == [["name", "zaleska"]]
