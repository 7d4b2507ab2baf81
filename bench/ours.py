"""One measured run of the product: ``python -m bench.ours prepare|convert|pixel-path``, each in a process of its own.

prepare RAW WORK        scan the raw folder and write the work order; not part of what is measured
convert WORK OUT TIMES  rescale, place, compress and verify the order's images as they are in the raw folder, as often as told
pixel-path WORK OUT     clean headers, gather identifiers, convert, compress, verify, carry below the wall, verify
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from umd_curate.startup import settle

if TYPE_CHECKING:
    from umd_curate.model.steps import Unit
    from umd_curate.store.workspace import Workspace


def _workspace(work: Path) -> "Workspace":
    from umd_curate.store.workspace import Workspace

    os.environ["UMD_KEY_FILE"] = str(work.with_name(f"{work.name}-key") / "deid.key")
    return Workspace(work, work / "private")


def prepare(raw: Path, work: Path) -> None:
    """Scan and plan; one order per volume lies in ``private/orders`` afterwards."""
    from umd_curate.model.config import UmdConfig
    from umd_curate.pipeline.raw import order_volumes
    from umd_curate.pipeline.roots import workspace_key
    from umd_curate.pipeline.understood import understand

    workspace, config = _workspace(work), UmdConfig()
    workspace.private.mkdir(parents=True)
    key = workspace_key(workspace, config)
    order_volumes(understand([raw], workspace, config, key, lambda *_: None), workspace, key)


def convert(work: Path, out: Path, times: int) -> None:
    """The room convert by itself, on source headers."""
    from umd_curate.convert.geometry import SlicePlace, stack_of_places
    from umd_curate.convert.step import convert_series
    from umd_curate.pipeline.orders import read_order
    from umd_curate.store.dicom import dataset_of
    from umd_curate.store.sources import read_unchanged

    for path in sorted((work / "private/orders").glob("*.json")) * times:
        order = read_order(path)
        geometry = stack_of_places([SlicePlace(*place) for place in order.places], order.series)
        read = (read_unchanged(*file) for file in order.files)
        datasets = (dataset_of(data) for data in read if data is not None)  # a slice that is missing is refused
        convert_series(datasets, order, out, ".", geometry)


def pixel_path(work: Path, out: Path) -> None:
    """Every order through the one pass, then into its final file."""
    from umd_curate.model.config import UmdConfig
    from umd_curate.pipeline.pixel_path import stage_volume
    from umd_curate.store.carried import carry_volume
    from umd_curate.store.nifti import Written

    workspace, config = _workspace(work), UmdConfig()
    for unit in _units(workspace):
        image = stage_volume(unit, workspace, config).outputs[0]
        staged = workspace.resolve(image.path)
        carry_volume(staged, Written("", image.sha256, image.size), out / staged.name)


def _units(workspace: "Workspace") -> Iterator["Unit"]:
    from umd_curate.model.receipts import Artifact
    from umd_curate.model.steps import Unit
    from umd_curate.pipeline.orders import read_order
    from umd_curate.store.files import sha256_of

    for path in sorted((workspace.private / "orders").glob("*.json")):
        order = read_order(path)
        entry = Artifact("order", f"private/orders/{path.name}", sha256_of(path), path.stat().st_size)
        yield Unit("ingest", order.unit, order.subject, order.session, (entry,))


if __name__ == "__main__":
    settle()  # as the command line does
    verb, *arguments = sys.argv[1:]
    if verb == "prepare":
        prepare(Path(arguments[0]), Path(arguments[1]))
    elif verb == "convert":
        convert(Path(arguments[0]), Path(arguments[1]), int(arguments[2]))
    else:
        pixel_path(Path(arguments[0]), Path(arguments[1]))
