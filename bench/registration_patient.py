"""A real patient's MR onto the publishers' crop of the same thigh: ``python -m bench.registration_patient STS_001``.

STS_001 is the folder with raw/MR_T1 and ibsi-crop (see its SOURCE.md): the crop's MR was registered by its publishers, and a
rigid fit to it, made without this product, is the answer: a rotation of 35 degrees.
"""

import sys
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813  (the name that the field uses)

from umd_curate.model.geometry import LPS_TO_RAS, Volume, apply_affine
from umd_curate.model.transforms import Rigid, euler, rigid_of
from umd_curate.register.engines.builtin import SimpleItkEngine
from umd_curate.register.engines.masks import side_of
from umd_curate.register.measures import values_at

CENTRE_LPS, ANGLES_DEG, SHIFT_LPS = (70.9, 11.5, -789.2), (34.7, 2.7, -5.6), (-13.7, -12.6, 778.6)


def series(folder: Path) -> Volume:
    """A DICOM series."""
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    image = reader.Execute()
    affine = np.eye(4)
    affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    return Volume(sitk.GetArrayFromImage(image).astype(np.float32), LPS_TO_RAS @ affine)


def main() -> None:
    """Print the errors and correlations."""
    root = Path(sys.argv[1])
    moving = series(root / "raw" / "MR_T1" / "image")
    crop = {
        name: series(root / "ibsi-crop" / folder / "dicom" / "image")
        for name, folder in (("ct", "CT"), ("mr", "MR_T1"))
    }
    answer = np.eye(4)
    answer[:3, :3] = euler(*np.radians(ANGLES_DEG))
    answer[:3, 3] = np.array(CENTRE_LPS) - answer[:3, :3] @ CENTRE_LPS + np.array(SHIFT_LPS)
    truth = rigid_of(LPS_TO_RAS @ answer @ LPS_TO_RAS)
    inside = np.argwhere(crop["mr"].array_kji > 50)[::37]
    points = apply_affine(crop["mr"].affine, inside[:, ::-1])
    here = crop["mr"].array_kji[tuple(inside.T)]

    def correlation(rigid: Rigid) -> float:
        there, seen = values_at(moving, rigid.points(points))
        return float(np.corrcoef(here[seen], there[seen])[0, 1])

    print(f"answer: angle {truth.angle_deg():.1f} degrees, correlation {correlation(truth):.3f}")
    side = side_of("mr", moving)
    for name, fixed in crop.items():
        started = time.process_time()
        found = SimpleItkEngine().rigid(side_of(name, fixed), side)
        turned, off = truth.inverse().then(found).angle_deg(), found.distance_mm(truth, points)
        cpu = time.process_time() - started
        print(f"onto {name}: {turned:.2f} degrees, {off:.2f} mm, correlation {correlation(found):.3f}, CPU {cpu:.1f} s")


if __name__ == "__main__":
    main()
