"""What the search for text and the cutting of a face cost by themselves: ``python -m bench.wall``.

One CT of 512 x 512 x 350 of a trial head with shoulders and one PET beside it, on the grids of a scanner: a coarse trial head,
sampled up. CPU seconds and the memory above that of the images.
"""

import resource
import time
from collections.abc import Callable

import numpy as np

from umd_curate.deid.deface import cut_of
from umd_curate.deid.engine import examine, faces_of, is_turned, surface_cut
from umd_curate.deid.strokes import text_rows
from umd_curate.model.geometry import Volume
from umd_curate.model.receipts import What
from umd_curate.synth.heads import HeadSpec, trial_head

SHAPES_KJI = {"ct": (350, 512, 512), "pet": (350, 200, 200)}
COARSE_MM = (5.0, 5.0, 5.0)


def sampled_up(volume: Volume, shape_kji: tuple[int, int, int]) -> Volume:
    """The nearest voxels of a volume on a finer grid over the same field of view, with a scanner's noise of its own."""
    index = [np.arange(n) * m // n for n, m in zip(shape_kji, volume.array_kji.shape, strict=True)]
    values = volume.array_kji[np.ix_(*index)]
    factors = [m / n for n, m in zip(shape_kji[::-1], volume.array_kji.shape[::-1], strict=True)]
    affine = volume.affine @ np.diag([*factors, 1.0])
    if values.dtype.kind == "i":
        noise = np.random.default_rng(1).integers(-20, 21, values.shape[1:], np.int16)
        values = values + noise
    return Volume(values, affine)


def measured(name: str, work: Callable[[], object]) -> object:
    """Do a piece of work and print what it cost."""
    before, begin = _peak_mib(), time.process_time()
    result = work()
    print(f"{name:42}{time.process_time() - begin:7.2f} CPU s{_peak_mib() - before:7.0f} MiB more", flush=True)
    return result


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Measure and print."""
    heads = trial_head(HeadSpec(spacings_mm=dict.fromkeys(SHAPES_KJI, COARSE_MM)))
    volumes = {What(role): sampled_up(heads[role].volume, shape) for role, shape in SHAPES_KJI.items()}
    seen = {}
    for role, volume in volumes.items():
        seen[role] = measured(f"look for a head, {role}", lambda role=role, volume=volume: examine(volume, role))
        measured(f"is it turned, {role}", lambda role=role, volume=volume: is_turned(seen[role], volume, role))
    faces = measured("make the blocks", lambda: faces_of(seen))
    for role, volume in volumes.items():
        measured(f"carry, cut and count, {role}", lambda role=role, volume=volume: _cut(volume, role, faces))
        measured(f"is the surface cut, {role}", lambda role=role: surface_cut(seen[role], faces))
    for role, volume in volumes.items():
        hits = measured(f"search for text, {role}", lambda volume=volume: _text(volume))
        print(f"{'':42}{hits} slices with text")


def _cut(volume: Volume, role: What, faces: list) -> int:  # type: ignore[type-arg]
    return cut_of(faces, volume.grid, role).count_changed(volume.array_kji)


def _text(volume: Volume) -> int:
    before, found = None, 0
    for plane in volume.array_kji:
        found += bool(text_rows(plane, before))
        before = plane
    return found


if __name__ == "__main__":
    main()
