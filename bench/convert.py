"""What conversion costs beside dcm2niix and dicom2nifti: ``python -m bench.convert [WORK] [--peers VENV] [--turns N]``.

A CT of 512 x 512 x 600 and a PET of 400 x 400 x 300 with a slope per slice, all tools in one run: CPU seconds (user and
system, children included), peak memory, bytes. Our run holds the room convert through its public functions: every file
parsed, every slice checked, the ``.nii.gz`` written, read back and compared. The scan, which the product does before, is
not in it. With several turns, our run of the CT and dcm2niix's follow each other so often, and the ratio is told with its range.
"""

from bench.peers import FORMS, again, arguments, dcm2niix, dicom2nifti, made, ours, ours_of_several, table


def main() -> None:
    """Measure and print."""
    work, peers, turns = arguments()
    for modality in FORMS:
        series = made(work, modality)
        table(
            f"{modality}, convert",
            {
                "umd-curate": ours(series, "convert", 1),
                "umd-curate, one of three in a run": ours_of_several(series, 3),
                "dcm2niix -z i": dcm2niix(series, peers),
                "dicom2nifti": dicom2nifti(series, peers),
            },
        )
    again(made(work, "ct"), peers, turns, "convert", 1)


if __name__ == "__main__":
    main()
