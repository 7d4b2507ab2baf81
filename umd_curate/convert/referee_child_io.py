"""What runs in the referee's own process: limits first, then one converter on one folder of links.

Decides nothing. Exit code 0: there is an image in the output folder; 3: there is a reason, one word, instead.
"""

import importlib
import logging
import os
import re
import resource
import shutil
import sys
from pathlib import Path
from typing import Final

DONE: Final = 0
REFUSED: Final = 3
NIFTI: Final = "referee.nii"
REASON: Final = "reason"


def main(arguments: list[str]) -> int:
    """Convert ``in`` to ``out``: engine, folder of links, output folder, bytes of memory, seconds of CPU."""
    engine, source, target, memory, seconds = arguments
    resource.setrlimit(resource.RLIMIT_AS, (int(memory), int(memory)))
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds)))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    logging.disable(logging.CRITICAL)
    os.umask(0o077)
    if engine == "dcm2niix":
        binary = shutil.which("dcm2niix") or _packaged_dcm2niix()
        os.execv(binary, [binary, "-b", "n", "-z", "n", "-f", "referee", "-o", target, source])  # noqa: S606
    try:
        _dicom2nifti(source, Path(target) / NIFTI)
    except Exception as error:  # noqa: BLE001  (whatever a foreign converter raises is its refusal)
        is_constant = re.fullmatch("[A-Z_/]{3,60}", str(error))  # its own words, such as NON_CUBICAL_IMAGE/GANTRY_TILT
        word = str(error) if is_constant else type(error).__name__
        (Path(target) / REASON).write_text(word, encoding="utf-8")
        return REFUSED
    return DONE


def _dicom2nifti(source: str, target: Path) -> None:
    common = importlib.import_module("dicom2nifti.common")  # after the limits are set
    converter = importlib.import_module("dicom2nifti.convert_dicom")
    converter.dicom_array_to_nifti(common.read_dicom_directory(source), str(target), reorient_nifti=False)


def _packaged_dcm2niix() -> str:
    return str(importlib.import_module("dcm2niix").bin)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
