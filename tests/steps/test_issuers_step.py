"""A crosswalk that names a patient with an issuer and headers that do not, or the other way round: no id before it is clear."""

import csv

import pytest

from tests.builders import a_ct_series, a_pet_series
from umd_curate.cli import main
from umd_curate.deid.vault import Vault
from umd_curate.ingest.patients import Persons, patient_key
from umd_curate.model.catalogue import ingest as codes
from umd_curate.pipeline.issuers import Doubts
from umd_curate.store.keys import DeidKey, load_key

KEY = DeidKey(b"k" * 32)
HELD, UNCLEAR, OTHER = ("", "4711"), ("HOSP-A", "4711"), ("HOSP-B", "4711")


@pytest.fixture
def vault(tmp_path):
    with Vault(tmp_path / "vault.sqlite", KEY) as opened:
        yield opened


def _keys(*names):
    return {patient_key(*name) for name in names}


@pytest.mark.parametrize(
    ("held", "asked", "doubtful"),
    [
        ([HELD], [UNCLEAR], [UNCLEAR]),
        ([UNCLEAR], [HELD], [HELD]),
        ([HELD], [UNCLEAR, OTHER, ("HOSP-A", "0815")], [UNCLEAR, OTHER]),
        ([UNCLEAR], [OTHER], []),  # two hospitals that number their patients alike
        ([HELD, UNCLEAR], [HELD, UNCLEAR], []),
        ([], [HELD, UNCLEAR], []),
    ],
)
def test_one_id_with_and_without_issuer_is_in_doubt(vault, held, asked, doubtful):
    for name in held:
        vault.subject_of(patient_key(*name))
    assert Doubts(vault, Persons()).among(_keys(*asked)) == _keys(*doubtful)
    assert len(vault) == len(held)


@pytest.mark.parametrize(
    ("mapping", "asked", "is_doubtful"),
    [
        ({HELD: HELD, UNCLEAR: UNCLEAR}, UNCLEAR, False),  # two persons, says the hospital
        ({HELD: UNCLEAR, UNCLEAR: UNCLEAR}, UNCLEAR, True),  # one person, but named by what the vault does not have
        ({UNCLEAR: UNCLEAR}, UNCLEAR, True),  # it does not say who the other one is
        ({("C", "9"): ("C", "9"), HELD: ("C", "9")}, ("C", "9"), True),  # held under the person's second name
    ],
)
def test_the_mapping_decides_where_it_tells_both_apart(vault, mapping, asked, is_doubtful):
    vault.subject_of(patient_key(*HELD))
    persons = Persons({name: patient_key(*person) for name, person in mapping.items()})
    assert bool(Doubts(vault, persons).among(_keys(asked))) is is_doubtful


class Site:
    """One PET/CT whose headers name an issuer, and a table of a trial's ids that does not."""

    def __init__(self, folder, monkeypatch, capsys):
        self._patch, self._capsys = monkeypatch, capsys
        self.raw, self.root, self.key_file = folder / "raw", folder / "study", folder / "keys" / "deid.key"
        self.out, self.table = folder / "dicom", folder / "trial.csv"
        monkeypatch.setenv("UMD_KEY_FILE", str(self.key_file))
        for series in (a_pet_series(), a_ct_series()):
            made = series.having(PatientID="4711", IssuerOfPatientID="HOSP-A")
            made.write(self.raw / made.modality)
        self.table.write_text("id,subject\n4711,TRIAL01\n", encoding="utf-8")
        assert self.call("crosswalk", "import", self.table)[0] == 0

    def call(self, *arguments):
        """Exit code, and all that was said."""
        self._patch.setattr("sys.argv", ["umd-curate", *map(str, arguments), "-w", str(self.root)])
        with pytest.raises(SystemExit) as ended:
            main.main()
        return ended.value.code, "".join(self._capsys.readouterr())

    def ingest(self):
        return self.call("ingest", self.raw, "--dicom-out", self.out)

    def accounts(self):
        with (self.root / "private" / "accounting.csv").open(encoding="utf-8") as lines:
            return {(row["disposition"], row["code"]) for row in csv.DictReader(lines)}

    def subjects(self):
        with Vault(self.root / "private" / "vault.sqlite", load_key(self.key_file)) as vault:
            return [link.subject for link in vault.links()]


@pytest.fixture
def site(tmp_path, monkeypatch, capsys):
    return Site(tmp_path, monkeypatch, capsys)


def test_ingest_sets_the_patient_aside_before_an_id_is_allotted(site):
    code, said = site.ingest()
    assert code == 3, said
    assert site.accounts() == {("quarantined", codes.ISSUER_IN_DOUBT.code)}
    assert site.subjects() == ["TRIAL01"]
    assert not list(site.root.glob("data/sub-*"))
    assert not list(site.out.rglob("*.dcm"))
    _, listed = site.call("quarantine", "--json")
    assert codes.ISSUER_IN_DOUBT.code in listed
    assert "4711" not in said + listed
    assert codes.ISSUER_IN_DOUBT.code in (site.root / "qa" / "deid-report.json").read_text(encoding="utf-8")


def test_a_row_of_the_persons_makes_it_the_one_whom_the_crosswalk_has(site):
    site.ingest()
    (site.root / "persons.csv").write_text("issuer,id,person\n,4711,one\n", encoding="utf-8")
    with (site.root / "umd.toml").open("a", encoding="utf-8") as settings:
        settings.write('\n[ingest]\npatients = "persons.csv"\n')
    assert site.ingest()[0] == 0
    assert site.accounts() == {("used", "")}
    assert site.subjects() == ["TRIAL01"]
    assert [path.name for path in site.root.glob("data/sub-*")] == ["sub-TRIAL01"]


def test_a_row_of_the_crosswalk_makes_it_another_patient(site):
    site.ingest()
    site.table.write_text("issuer,id,subject\nHOSP-A,4711,TRIAL02\n", encoding="utf-8")
    assert site.call("crosswalk", "import", site.table)[0] == 0
    assert site.ingest()[0] == 0
    assert [path.name for path in site.root.glob("data/sub-*")] == ["sub-TRIAL02"]
