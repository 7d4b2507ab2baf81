"""What a new version sends through Xet: real chunks of the real client, in a store that is a folder."""

from dataclasses import replace

import pytest
from huggingface_hub import close_session, constants

from tests.loopback_hub import cas
from tests.loopback_hub.server import served
from tests.publish_builders import REPOSITORY, built, cohort, ignore, publisher
from umd_curate.publish.io import read_release

pytestmark = pytest.mark.slow
PET_KJI = (80, 160, 160)  # 8 MiB of noise; a real session has some 100 MiB, and the half MiB of borders counts less
MOST_OF_A_RELABELLING = 0.02  # of the release
MOST_OF_A_SUBJECT = 1.1  # of its own size


def test_a_corrected_label_sends_little_and_a_new_subject_little_more_than_itself(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_writer")
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)  # as CI sets it; the Hub is on loopback
    store = tmp_path / "cas"
    store.mkdir()
    six = cohort(6, pet_shape_kji=PET_KJI)
    redrawn = [replace(study, liver_voxels=5) if number in {1, 4} else study for number, study in enumerate(six)]
    steps = {"1.0.0": six[:5], "1.0.1": redrawn[:5], "1.1.0": redrawn}
    sent, sizes = [], []
    with served(tmp_path / "hub", cas=store) as hub:
        for version, studies in steps.items():
            folder = built(tmp_path / version, studies, version)
            before = cas.stored_bytes(store)
            publisher(hub.endpoint).push(read_release(folder), folder, ignore)
            sent.append(cas.stored_bytes(store) - before)
            sizes.append(read_release(folder).size)
            shown = {path: entry.sha256 for path, entry in hub.hub.repos[REPOSITORY].files().items()}
            assert {path: file.sha256 for path, file in read_release(folder).files.items()}.items() <= shown.items()
        assert hub.hub.count("PUT /_lfs") == 0
    close_session()
    assert sent[0] > 0.9 * sizes[0]
    assert sent[1] < MOST_OF_A_RELABELLING * sizes[1]
    assert sent[2] < MOST_OF_A_SUBJECT * (sizes[2] - sizes[1])
