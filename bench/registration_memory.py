"""Peak memory of the register steps at clinical size: ``python -m bench.registration_memory``.

CT 512 x 512 x 600 with a PET 200 x 200 x 600, and an MR of the same subject 512 x 512 x 600: a synthetic body on 4 mm, stretched
to these grids. Each step runs in a process of its own; peak and CPU seconds are that process's, as the system counts them. The
limit is 2 GiB. ``--small`` tries the bench itself.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.bodies import body_pair
from umd_curate.model.config import UmdConfig
from umd_curate.model.config_register import RegisterConfig
from umd_curate.model.geometry import Volume
from umd_curate.model.receipts import What
from umd_curate.model.steps import SessionFiles
from umd_curate.register.step import STEP, STEP_BETWEEN
from umd_curate.store.files import artifact
from umd_curate.store.nifti import write_volume
from umd_curate.store.workspace import create_workspace, open_workspace

LARGE_KJI, PET_KJI = (600, 512, 512), (600, 200, 200)
SMALL_KJI, SMALL_PET_KJI = (150, 128, 128), (150, 50, 50)
STEPS = ("register", "between")
ROLES = {"petct1": (What.CT, What.ORGANS, What.PET), "petmri1": (What.MR, What.ORGANS)}


@dataclass
class Sessions:
    """A view of the ledger that holds the sessions only."""

    found: list[SessionFiles]

    def sessions(self) -> list[SessionFiles]:
        """The sessions."""
        return self.found

    def receipts(self, _step: str) -> tuple[()]:
        """No receipts."""
        return ()


def main() -> None:
    """Write the images, run each step in a process of its own, print peak memory and CPU seconds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        run(options.step, options.folder)
        return
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "ws"
        write(place, *((SMALL_KJI, SMALL_PET_KJI) if options.small else (LARGE_KJI, PET_KJI)))
        for step in STEPS:
            command = [sys.executable, "-m", "bench.registration_memory", "--step", step, "--folder", str(place)]
            print(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip(), flush=True)


def write(folder: Path, large_kji: tuple[int, int, int], pet_kji: tuple[int, int, int]) -> None:
    """Write the sessions into a workspace."""
    place = create_workspace(folder)
    pair = body_pair(1)
    ct, mr = pair.ct, pair.mr
    uptake = Volume(np.clip(ct.array_kji + 200, 0, 400) / np.float32(200), ct.affine)
    volumes = {
        "petct1": (
            stretched(ct, large_kji, np.int16),
            stretched(pair.ct_labels, large_kji),
            stretched(uptake, pet_kji),
        ),
        "petmri1": (stretched(mr, large_kji, np.float32), stretched(pair.mr_labels, large_kji)),
    }
    for session, images in volumes.items():
        for role, volume in zip(ROLES[session], images, strict=True):
            write_volume(place.resolve(path_of(session, role)), volume)


def run(step: str, folder: Path) -> None:
    """Run one step and print what it took."""
    place = open_workspace(folder)
    found = []
    for session, roles in ROLES.items():
        files = {role: artifact(role, path_of(session, role), place.resolve(path_of(session, role))) for role in roles}
        found.append(SessionFiles("7K3QF2", session, session[:-1], files))
    config = UmdConfig(register=RegisterConfig(between="deformable", grids=("pet", "anatomy")))
    which = {"register": STEP, "between": STEP_BETWEEN}[step]
    started = time.process_time()
    (unit,) = which.plan(Sessions(found), config)
    receipt = which.perform(unit, place, config)
    cpu = time.process_time() - started
    (peak,) = [line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line]
    print(f"{step}: peak {int(peak) / 1024:.0f} MiB, {cpu:.0f} CPU s, verdict {receipt.measured['verdict']}")


def stretched(volume: Volume, shape_kji: tuple[int, int, int], dtype: type | None = None) -> Volume:
    """The nearest voxels of a volume on a grid of another size over the same box."""
    found = volume.array_kji if dtype is None else volume.array_kji.astype(dtype)
    factors = [n / wanted for n, wanted in zip(found.shape, shape_kji, strict=True)]
    for axis, (wanted, factor) in enumerate(zip(shape_kji, factors, strict=True)):
        found = np.take(found, ((np.arange(wanted) + 0.5) * factor).astype(int), axis=axis)
    scale = np.diag([*factors[::-1], 1.0])
    scale[:3, 3] = [(factor - 1) / 2 for factor in factors[::-1]]
    return Volume(found, np.asarray(volume.affine @ scale, np.float64))


def path_of(session: str, role: str) -> str:
    """Where an image lies in the workspace."""
    return f"data/sub-7K3QF2/ses-{session}/sub-7K3QF2_ses-{session}_{role}.nii.gz"


if __name__ == "__main__":
    main()
