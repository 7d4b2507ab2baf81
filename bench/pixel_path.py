"""What the one pass costs: de-identify, convert, verify: ``python -m bench.pixel_path [WORK] [--peers VENV] [--turns N]``.

From the raw files to the clean staged image and its final ``.nii.gz``, without the scan and without defacing, beside
dcm2niix, which only converts, and dicognito followed by dicom2nifti. Two runs side by side against two in a row say how
much of a second core is used.
"""

from bench.measure import wall_of_two
from bench.peers import FORMS, again, arguments, command, dcm2niix, dicognito_and_dicom2nifti, made, ours, table


def main() -> None:
    """Measure and print."""
    work, peers, turns = arguments()
    for modality in FORMS:
        series = made(work, modality)
        table(
            f"{modality}, de-identify + convert + verify",
            {
                "umd-curate": ours(series, "pixel-path"),
                "dcm2niix -z i, converting alone": dcm2niix(series, peers),
                "dicognito, then dicom2nifti": dicognito_and_dicom2nifti(series, peers),
            },
        )
        serial, together = wall_of_two(
            command(series, "pixel-path", "first"), command(series, "pixel-path", "second", copy=True)
        )
        print(
            f"two processes: {serial / together:.2f} x one (wall {serial:.1f} s in a row, {together:.1f} s side by side)"
        )
    again(made(work, "ct"), peers, turns, "pixel-path")


if __name__ == "__main__":
    main()
