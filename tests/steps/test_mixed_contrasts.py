"""MR files whose slices show different things at places of their own: refused by name, by ingest or by the conversion."""

from pathlib import Path

import pytest

from tests.builders import an_mr_series
from tests.convert_builders import a_frame, a_multi_frame, an_order, some_pixels
from umd_curate.convert.step import convert_series
from umd_curate.ingest.plan import plan_ingest
from umd_curate.ingest.scan import list_files, scan
from umd_curate.model.config import IngestConfig
from umd_curate.model.findings import Refused
from umd_curate.model.study import Layout, Role
from umd_curate.store.keys import DeidKey

N = 12
PARTS = [["ORIGINAL", "PRIMARY", part, "ND"] for part in "MP"]
CHANNELS = [["DERIVED", "PRIMARY", "DIXON", channel] for channel in ("WATER", "FAT")]
HALVES, TURNS = (lambda k: k // (N // 2)), (lambda k: k % 2)


def decided(folder: Path, keyword: str | None, values: list, which) -> set[str]:
    datasets = an_mr_series().sized(slices=N).datasets()
    for k, dataset in enumerate(datasets):
        if keyword:
            setattr(dataset, keyword, values[which(k)])
        dataset.save_as(folder / f"{k}.dcm", enforce_file_format=True)
    rows = list(scan(list_files([folder]), {}))
    plan = plan_ingest(rows, IngestConfig(min_slices=2), DeidKey(b"k" * 32).short_id)
    return {decision.code for decision in plan.decisions}


@pytest.mark.parametrize("which", [HALVES, TURNS], ids=["halves", "turns"])
@pytest.mark.parametrize(
    ("keyword", "values"),
    [
        ("EchoTime", ["5", "15"]),
        ("EchoNumbers", [1, 2]),
        ("DiffusionBValue", [0.0, 800.0]),
        ("ImageType", PARTS),
        ("ImageType", CHANNELS),
    ],
    ids=["echo time", "echo number", "b-value", "complex", "Dixon"],
)
def test_slices_of_two_contrasts_on_one_even_line_are_refused(
    tmp_path: Path, keyword: str, values: list, which
) -> None:
    assert decided(tmp_path, keyword, values, which) == {"ING-226"}


@pytest.mark.parametrize(
    ("keyword", "values"),
    [
        (None, []),
        ("EchoTime", ["4.6", "4.76"]),  # shortest echoes of two stations
        ("RepetitionTime", ["500", "620"]),
        ("AcquisitionNumber", [1, 2]),
        ("ContentTime", ["100000", "100500"]),
        ("RescaleSlope", ["1", "2.5"]),
        ("ImageType", [["ORIGINAL", "PRIMARY", "M", "ND"], ["ORIGINAL", "PRIMARY", "M", "ND", "NORM"]]),
    ],
)
@pytest.mark.parametrize("which", [HALVES, TURNS], ids=["halves", "turns"])
def test_what_differs_within_one_sound_volume_is_used(tmp_path: Path, keyword: str | None, values: list, which) -> None:
    assert decided(tmp_path, keyword, values, which) == {""}


@pytest.mark.parametrize("which", [HALVES, TURNS], ids=["halves", "turns"])
@pytest.mark.parametrize(
    ("macro", "keyword", "values"),
    [
        ("MREchoSequence", "EffectiveEchoTime", [5.0, 15.0]),
        ("MRDiffusionSequence", "DiffusionBValue", [0.0, 800.0]),
        ("MRImageFrameTypeSequence", "ComplexImageComponent", ["MAGNITUDE", "PHASE"]),
        ("MRImageFrameTypeSequence", "FrameType", CHANNELS),
    ],
)
def test_frames_of_two_contrasts_on_one_even_line_are_refused(tmp_path, macro, keyword, values, which) -> None:
    frames = [a_frame(k, **{macro: {keyword: values[which(k)]}}) for k in range(N)]
    dataset = a_multi_frame("MR", some_pixels((N, 6, 5), "<u2"), frames)
    order = an_order(Role.MR, "water", layout=Layout.MULTI_FRAME)
    with pytest.raises(Refused, match="CON-502"):
        convert_series([dataset], order, tmp_path, "p", None)
    assert list(tmp_path.iterdir()) == []
