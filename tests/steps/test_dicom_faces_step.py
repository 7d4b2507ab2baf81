"""Faces and text cut out of DICOM: what was cut is what the session's images lost, and each file says what befell it alone."""

import functools
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pydicom
import pytest
from click.testing import CliRunner
from pydicom.uid import ExplicitVRLittleEndian, RLELossless

from umd_curate.cli.main import cli
from umd_curate.deid.conformance_io import errors_of, program
from umd_curate.store.keys import load_key
from umd_curate.store.nifti import read_volume
from umd_curate.synth.options import Size, SynthOptions
from umd_curate.synth.step import write_cohort

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("dicom-faces")]
REGION = (2, 8, 3, 12)


class Made:
    """A cohort with heads whose CT is compressed, and the clean DICOM of it, by the source's SOP Instance UID."""

    def __init__(self, root: Path) -> None:
        self.root = root
        write_cohort(root / "cohort", SynthOptions(subjects=1, size=Size.TINY))
        self.sources = {}
        for path in sorted(path for path in (root / "cohort/raw").rglob("*") if path.is_file()):
            dataset = pydicom.dcmread(path, force=True)
            if dataset.get("Modality") == "CT" and "AXIAL" in dataset.get("ImageType", ()):
                dataset.compress(RLELossless, generate_instance_uid=False)
                dataset.save_as(path)
            self.sources[str(dataset.get("SOPInstanceUID"))] = path
        self.run("out", str(root / "cohort/raw"))
        self.key = load_key(root / "key/deid.key")

    def run(self, out: str, *arguments: str) -> dict[str, Path]:
        result = CliRunner().invoke(
            cli,
            [
                "ingest",
                *arguments,
                "-w",
                str(self.root / "ws"),
                "--dicom-out",
                str(self.root / out),
                "--referee",
                "none",
            ],
            env={"UMD_KEY_FILE": str(self.root / "key/deid.key")},
            standalone_mode=False,
        )
        assert result.exception is None, result.output
        return {
            str(pydicom.dcmread(path, specific_tags=["SOPInstanceUID"]).SOPInstanceUID): path
            for path in (self.root / out).rglob("*.dcm")
        }

    @functools.cache  # noqa: B019  (one object per module)
    def pairs(self, out: str) -> list[tuple[pydicom.Dataset, pydicom.Dataset, np.ndarray]]:
        """Source, clean file, and the pixels [j, i] that changed."""
        clean, found = {}, []
        for path in (self.root / out).rglob("*.dcm"):
            dataset = pydicom.dcmread(path)
            clean[str(dataset.SOPInstanceUID)] = dataset
        for uid, path in self.sources.items():
            if self.key.uid(uid) in clean:
                source, after = pydicom.dcmread(path), clean[self.key.uid(uid)]
                found.append((source, after, source.pixel_array != after.pixel_array))
        return found


def declared(dataset: pydicom.Dataset) -> set[str]:
    return {item.CodeValue for item in dataset.DeidentificationMethodCodeSequence}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Made(tmp_path_factory.mktemp("faces"))


def test_a_face_is_cut_from_ct_mr_and_pet_and_only_the_slices_that_lost_it_say_so(made):
    seen: dict[str, list[bool]] = {}
    for _, clean, changed in made.pairs("out"):
        is_cut = "113102" in declared(clean)
        assert is_cut or not changed.any()
        assert (clean.get("RecognizableVisualFeatures") == "NO") == is_cut
        assert "113101" not in declared(clean)
        seen.setdefault(clean.Modality, []).append(is_cut)
    for modality in ("CT", "MR", "PT"):
        assert any(seen[modality])
        assert not all(seen[modality])


def test_slices_without_a_face_stay_compressed_as_they_were_and_all_can_be_read(made):
    syntaxes = set()
    for source, clean, changed in made.pairs("out"):
        if "113102" not in declared(clean):
            assert clean.file_meta.TransferSyntaxUID == source.file_meta.TransferSyntaxUID
            assert clean.PixelData == source.PixelData
        elif source.file_meta.TransferSyntaxUID == RLELossless:
            assert clean.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
        assert not changed.all()
        syntaxes.add((str(source.file_meta.TransferSyntaxUID), str(clean.file_meta.TransferSyntaxUID)))
    assert (RLELossless, RLELossless) in syntaxes
    assert (RLELossless, ExplicitVRLittleEndian) in syntaxes


def test_what_is_cut_from_the_ct_is_what_its_volume_lost(made):
    (staged,) = (made.root / "ws/private/staged").glob("*_ct.nii")
    (published,) = (made.root / "ws/data").rglob(f"{staged.name}.gz")
    lost = int((read_volume(staged).array_kji != read_volume(published).array_kji).sum())
    cut: Counter[str] = Counter()
    for source, _, changed in made.pairs("out"):
        cut[str(source.SeriesInstanceUID)] += int(changed.sum())
    assert lost
    assert lost in cut.values()


@pytest.mark.skipif(program() is None, reason="dciodvfy is not installed")
def test_a_cut_makes_no_new_error_of_conformance(made):
    judged = set()
    for source, clean, _ in made.pairs("out"):
        kind = (clean.Modality, "113102" in declared(clean))
        if kind not in judged:
            judged.add(kind)
            before, after = errors_of(Path(source.filename)), errors_of(Path(clean.filename))
            assert before is not None
            assert after is not None
            assert not after - before
    assert len(judged) == 6


def test_a_region_that_a_person_had_cleared_is_declared_as_clean_pixel_data(made):
    (sidecar,) = (made.root / "ws/data").rglob("*_ct.json")
    series = json.loads(sidecar.read_text())["Source"]["Series"]
    config = made.root / "ws/umd.toml"
    config.write_text(
        config.read_text()
        + f'\n[[deid.burned_in]]\nseries = "{series}"\nverdict = "redact"\nreason = "a name at the rim"\n'
        + f"region = {list(REGION)}\nslices = [0, 2]\n"
    )
    made.run("again", str(made.root / "cohort/raw"))
    cleared, faces = [], 0
    for source, clean, changed in made.pairs("again"):
        if "113101" in declared(clean):
            assert clean.BurnedInAnnotation == "NO"
            assert source.Modality == "CT"
            inside = np.zeros(changed.shape, bool)
            inside[REGION[0] : REGION[1], REGION[2] : REGION[3]] = True
            assert not (changed & ~inside).any()
            assert "113102" not in declared(clean)
            cleared.append(clean)
        else:
            assert clean.get("BurnedInAnnotation") == source.get("BurnedInAnnotation")
            faces += "113102" in declared(clean)
    assert len(cleared) == 2
    assert faces
