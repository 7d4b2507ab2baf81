"""De-identified DICOM of a head: the face is gone from each slice that showed it, and only there, and the files stay conformant."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from click.testing import CliRunner

from tests.patients import a_head
from umd_curate.cli.main import cli
from umd_curate.deid.conformance_io import errors_of, program
from umd_curate.store.keys import load_key

FACE_CUT = "113102"


@pytest.fixture(scope="module")
def pairs(tmp_path_factory) -> list[tuple[pydicom.FileDataset, pydicom.FileDataset]]:
    """Each slice of a head as it was and as it came out."""
    root = tmp_path_factory.mktemp("head")
    sources = [pydicom.dcmread(path) for path in a_head().write(root / "raw")]
    command = [
        "ingest",
        str(root / "raw"),
        "-w",
        str(root / "ws"),
        "--dicom-out",
        str(root / "out"),
        "--referee",
        "none",
    ]
    key = root / "key" / "deid.key"
    result = CliRunner().invoke(cli, command, env={"UMD_KEY_FILE": str(key)}, standalone_mode=False)
    assert result.exception is None, result.output
    uid = load_key(key).uid
    clean = {str(dataset.SOPInstanceUID): dataset for dataset in map(pydicom.dcmread, (root / "out").rglob("*.dcm"))}
    assert len(clean) == len(sources)
    return [(source, clean[uid(str(source.SOPInstanceUID))]) for source in sources]


def is_cut(source: pydicom.FileDataset, clean: pydicom.FileDataset) -> bool:
    return not np.array_equal(source.pixel_array, clean.pixel_array)


def test_a_slice_says_that_its_face_was_cut_where_its_pixels_changed_and_nowhere_else(pairs):
    said = [FACE_CUT in {item.CodeValue for item in clean.DeidentificationMethodCodeSequence} for _, clean in pairs]
    assert said == [is_cut(source, clean) for source, clean in pairs]
    assert 10 < sum(said) < len(said)


def test_pixels_that_changed_are_air(pairs):
    for source, clean in pairs:
        changed = source.pixel_array != clean.pixel_array
        air = -1000 - float(source.RescaleIntercept)
        assert (clean.pixel_array[changed] == air).all()


@pytest.mark.skipif(program() is None, reason="dciodvfy is not installed")
def test_a_cut_slice_has_no_error_of_conformance_that_its_source_does_not_have(pairs):
    compared = 0
    for source, clean in pairs:
        before, after = errors_of(Path(source.filename)), errors_of(Path(clean.filename))
        assert before is not None
        assert after is not None
        assert not after - before
        compared += is_cut(source, clean)
    assert compared > 10
