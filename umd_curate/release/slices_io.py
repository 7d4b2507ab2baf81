"""Writes the configuration of single planes: each plane of a PET, CT or MR as a small picture, with the organs that it cuts.

Images and label maps are read plane by plane, so that no volume is ever in memory as a whole. Grey values are for the eye;
who wants SUV or HU reads the volume.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from umd_curate.model.labels import OrganTable
from umd_curate.model.steps import Place
from umd_curate.release.cases import VolumeFacts
from umd_curate.release.packing import Row, Shard
from umd_curate.release.rows import PREVIEW, plane_centre
from umd_curate.release.windows import PREVIEW_PIXELS, Window, grey_of, window_of
from umd_curate.store.nifti import read_planes
from umd_curate.store.png import grey_png
from umd_curate.store.shards import Layout, PictureWriter

_SAMPLE = 4  # every fourth plane and pixel of an image without a unit decides its window


def write_slices(path: Path, shard: Shard, layout: Layout, place: Place, organs: OrganTable) -> None:
    """Write a shard of the planes of its sessions, image after image in ascending k."""
    with PictureWriter(path, layout) as writer:
        for row in shard.rows:
            for column, labels in _sources(row):
                image = row.volumes[column]
                for k, picture, present in _planes(image, row.volumes.get(labels), place, organs):
                    values = {
                        "subject_id": row.subject,
                        "session_id": row.session,
                        "split": row.split,
                        "config": row.values["config"],
                        "column": column,
                        "slice": k,
                        "n_slices": image.shape[2],
                        "position_mm": plane_centre(image, k),
                        "organs_present": present,
                    }
                    name = f"sub-{row.subject}_ses-{row.session}_{column}_{k:04d}.png"
                    writer.write(values, {PREVIEW: (name, picture)})


def _sources(row: Row) -> list[tuple[str, str]]:
    sources = row.values["sources"]
    assert isinstance(sources, dict)  # noqa: S101  (made by rows.slice_rows)
    return list(sources.items())


def _planes(
    image: VolumeFacts, labels: VolumeFacts | None, place: Place, organs: OrganTable
) -> Iterator[tuple[int, bytes, list[str] | None]]:
    path = place.resolve(image.file.path)
    window = window_of(image.units) or _measured_window(path)
    present = _present(labels, image, place, organs)
    for k, plane_ji in enumerate(read_planes(path)):
        yield k, grey_png(grey_of(plane_ji, window, PREVIEW_PIXELS)), next(present)


def _present(
    labels: VolumeFacts | None, image: VolumeFacts, place: Place, organs: OrganTable
) -> Iterator[list[str] | None]:
    """Names of the organs of each plane; None for all planes where there is no label map on this grid."""
    if labels is None or labels.shape != image.shape:
        while True:
            yield None
    for plane_ji in read_planes(place.resolve(labels.file.path)):
        values = set(np.flatnonzero(np.bincount(plane_ji.ravel())).tolist())
        yield [organ.name for organ in organs if organ.id in values]


def _measured_window(path: Path) -> Window:
    sample: list[NDArray[np.generic]] = [
        plane_ji[::_SAMPLE, ::_SAMPLE].ravel().copy()
        for k, plane_ji in enumerate(read_planes(path))
        if k % _SAMPLE == 0
    ]
    return Window.of(np.concatenate(sample))
