"""Registers two images with another tool and writes the moving coordinates at each fixed voxel; runs in the peers' venv.

``python bench/registration_peer.py NAME FOLDER``; prints the CPU seconds of the registration. Settings are the tools' common
recipes for images of two modalities.
"""

import json
import sys
import time
from pathlib import Path


def greedy(root: Path, metric: str) -> float:
    """Rigid by NMI from the image centres, then a deformation by a metric; an empty one: rigid only."""
    from picsl_greedy import Greedy3D

    tool = Greedy3D()
    images = f"-i {root}/fixed.nii.gz {root}/moving.nii.gz"
    started = time.process_time()
    tool.execute(f"-d 3 -threads 1 -a -dof 6 -m NMI {images} -ia-image-centers -n 100x50x10 -o {root}/rigid.mat")
    warps = f"{root}/rigid.mat"
    if metric:
        tool.execute(
            f"-d 3 -threads 1 -m {metric} {images} -it {root}/rigid.mat -n 100x50x10 -s 2vox 1vox -o {root}/warp.nii.gz"
        )
        warps = f"{root}/warp.nii.gz {root}/rigid.mat"
    cpu = time.process_time() - started
    pairs = " ".join(f"-rm {root}/moving_{axis}.nii.gz {root}/out_{axis}.nii.gz" for axis in "xyz")
    tool.execute(f"-d 3 -threads 1 -rf {root}/fixed.nii.gz {pairs} -r {warps}")
    return cpu


def ants_syn(root: Path) -> float:
    """Rigid and SyN by Mattes' mutual information, from the centres of mass: air must weigh nothing, so the CT begins at 0."""
    import ants

    fixed, moving = ants.image_read(str(root / "fixed.nii.gz")), ants.image_read(str(root / "moving.nii.gz"))
    fixed = fixed - fixed.min()
    started = time.process_time()
    found = ants.registration(
        fixed, moving, type_of_transform="SyNRA", syn_metric="mattes", reg_iterations=(60, 30, 0), random_seed=1
    )
    cpu = time.process_time() - started
    for axis in "xyz":
        image = ants.image_read(str(root / f"moving_{axis}.nii.gz"))
        moved = ants.apply_transforms(fixed, image, found["fwdtransforms"], interpolator="linear")
        ants.image_write(moved, str(root / f"out_{axis}.nii.gz"))
    return cpu


if __name__ == "__main__":
    name, folder = sys.argv[1], Path(sys.argv[2])
    if name.startswith("greedy"):
        seconds = greedy(folder, {"greedy rigid": "", "greedy rigid + NMI": "NMI"}.get(name, "WNCC 2x2x2"))
    else:
        seconds = ants_syn(folder)
    print()
    print(json.dumps({"cpu": seconds}))
