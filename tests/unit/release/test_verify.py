from dataclasses import replace

import pytest

from umd_curate.release.verify import FoundRow, FoundVolume, ReleaseFacts, judge

PET = ("petct", "7K3QF2", "petct1", "pet")
VOLUME = FoundVolume("a" * 64, "b" * 64, "b" * 64, ("petct/train-00000-of-00001.parquet", 0))
ROW = FoundRow("petct", "train", "7K3QF2", "petct1")
LABELS = FoundRow("labels-petct", "train", "7K3QF2", "petct1")
COUNTS = {("petct", "train"): 1, ("labels-petct", "train"): 1}
WHOLE = ReleaseFacts(
    sums={"README.md": "c" * 64},
    digests={"README.md": "c" * 64},
    manifest={PET: VOLUME},
    volumes={PET: VOLUME},
    rows=(ROW, LABELS),
    rows_on_disk=COUNTS,
    card=COUNTS,
    labels_prefix="labels-",
)


def test_a_whole_release_has_no_fault():
    result = judge(WHOLE)
    assert result.is_whole
    assert (result.files, result.rows, result.volumes) == (1, 2, 1)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"digests": {}}, "REL-101"),
        ({"sums": {}}, "REL-102"),
        ({"digests": {"README.md": "d" * 64}}, "REL-103"),
        ({"volumes": {PET: replace(VOLUME, sha256="d" * 64)}}, "REL-104"),
        ({"volumes": {PET: replace(VOLUME, voxel_sha256="")}}, "REL-105"),
        ({"volumes": {PET: replace(VOLUME, stated="d" * 64)}}, "REL-105"),
        ({"volumes": {}}, "REL-106"),
        ({"manifest": {}}, "REL-106"),
        ({"volumes": {PET: replace(VOLUME, place=("petct/train-00000-of-00001.parquet", 1))}}, "REL-106"),
        ({"card": {**COUNTS, ("petct", "train"): 2}}, "REL-107"),
        ({"card": {("petct", "train"): 1}}, "REL-107"),
        ({"rows": (ROW, LABELS, replace(ROW, config="petmri", split="test"))}, "REL-108"),
        ({"rows": (ROW, replace(LABELS, session="petct2"))}, "REL-109"),
        ({"rows": (LABELS,)}, "REL-109"),
        ({"unreadable": ("README.md",)}, "REL-110"),
    ],
)
def test_each_disagreement_is_found_and_nothing_else(change, code):
    assert {fault.code for fault in judge(replace(WHOLE, **change)).faults} == {code}


def test_the_name_of_an_unlisted_file_is_not_repeated():
    result = judge(replace(WHOLE, digests={**WHOLE.digests, "MUELLER_HANS.txt": "d" * 64}))
    assert "MUELLER" not in repr(result)
