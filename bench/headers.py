"""How many headers a reader reads per CPU second: ``python -m bench.headers [FILES] [FOLDER]``.

Writes CT files of 94 elements (private blocks included) with sparse pixel data, and reads the wanted elements of all of them
with the product's own call (`read_header`: values, digest, check of the pixel data), its two halves, and other readers, in
turns, best of three. A reader that is not installed is left out. Peers: dicomsdl; ``bench.imgtools`` runs med-imagetools.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pydicom
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from umd_curate.ingest.elements import FIELDS
from umd_curate.ingest.io import WANTED, read_flat, read_header
from umd_curate.ingest.pydicom_io import read_by_pydicom
from umd_curate.model.headers import ListedFile

ROWS = COLUMNS = 512
ROUNDS = 3
SLICES = 200  # per series
PIXELS = b"\xe0\x7f\x10\x00OW\x00\x00" + (2 * ROWS * COLUMNS).to_bytes(4, "little")


def header(number: int) -> pydicom.Dataset:
    """A CT header of 94 elements as a scanner of a large maker writes it; no name or date is real."""
    series, slice_number = divmod(number, SLICES)
    data = pydicom.Dataset()
    data.SpecificCharacterSet = "ISO_IR 100"
    data.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    data.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    data.SOPInstanceUID = generate_uid(entropy_srcs=[f"instance {number}"])
    data.StudyInstanceUID = generate_uid(entropy_srcs=[f"study {series // 4}"])
    data.SeriesInstanceUID = generate_uid(entropy_srcs=[f"series {series}"])
    data.FrameOfReferenceUID = generate_uid(entropy_srcs=[f"frame {series // 4}"])
    data.PatientName, data.PatientID = f"Example^{series // 4}", f"P{series // 4:06d}"
    data.PatientBirthDate, data.PatientSex, data.PatientAge, data.PatientWeight = "19500101", "F", "070Y", "71.5"
    for name in ("Study", "Series", "Acquisition", "Content"):
        setattr(data, f"{name}Date", "20240102")
        setattr(data, f"{name}Time", f"10{number // 60 % 60:02d}{number % 60:02d}")
    data.AccessionNumber, data.StudyID, data.ReferringPhysicianName = "A1", "1", "Example^Doctor"
    data.Modality, data.Manufacturer, data.InstitutionName = "CT", "EXAMPLE SYSTEMS", "Example Hospital"
    data.StationName, data.ManufacturerModelName = "ct01", "Example CT 8"
    data.StudyDescription, data.SeriesDescription, data.ProtocolName = "PET/CT", "CT WB 3.75", "7.1 WB"
    data.BodyPartExamined, data.ScanOptions, data.SliceThickness, data.KVP = "CHEST", "HELICAL MODE", "3.75", "120"
    data.DataCollectionDiameter, data.SoftwareVersions, data.ReconstructionDiameter = "500", "r1", "500"
    data.DistanceSourceToDetector, data.DistanceSourceToPatient, data.GantryDetectorTilt = "949", "541", "0"
    data.TableHeight, data.RotationDirection, data.ExposureTime, data.XRayTubeCurrent = "150", "CW", "500", "80"
    data.Exposure, data.FilterType, data.GeneratorPower, data.FocalSpots = "40", "BODY FILTER", "9600", "0.7"
    data.ConvolutionKernel, data.PatientPosition, data.DeviceSerialNumber = "STANDARD", "HFS", "1"
    data.SeriesNumber, data.AcquisitionNumber, data.InstanceNumber = series, 1, slice_number + 1
    data.ImagePositionPatient = ["-250", "-250", f"{-3.27 * slice_number:.6f}"]
    data.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    data.PositionReferenceIndicator, data.SliceLocation, data.ImagesInAcquisition = "OM", "0", SLICES
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.Rows, data.Columns, data.PixelSpacing = ROWS, COLUMNS, ["0.976562", "0.976562"]
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 16, 15, 1
    data.PixelPaddingValue, data.WindowCenter, data.WindowWidth = -2000, "40", "400"
    data.RescaleIntercept, data.RescaleSlope, data.RescaleType = "-1024", "1", "HU"
    data.add(_code_sequence(0x00081032))
    for group, count in ((0x0009, 4), (0x0019, 10), (0x0027, 5), (0x0043, 6)):
        block = data.private_block(group, f"EXAMPLE_{group:04X}_01", create=True)
        for offset in range(count):
            block.add_new(offset, "DS", f"{offset}.5") if offset % 3 else block.add_new(offset, "OB", bytes(96))
    return data


def _code_sequence(tag: int) -> pydicom.DataElement:
    item = pydicom.Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "1", "EXAMPLE", "Example"
    return pydicom.DataElement(tag, "SQ", [item])


def write(folder: Path, files: int) -> list[ListedFile]:
    """Write files whose pixel data takes no room on disk."""
    made = []
    for number in range(files):
        data = header(number)
        data.file_meta = FileMetaDataset()
        data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
        data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
        data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        path = folder / f"s{number // SLICES:04d}" / f"i{number:06d}"
        path.parent.mkdir(exist_ok=True)
        data.save_as(path, enforce_file_format=True)
        with path.open("ab") as handle:
            handle.write(PIXELS)
            handle.truncate(handle.tell() + 2 * ROWS * COLUMNS)
        status = path.stat()
        made.append(ListedFile(str(path), status.st_size, status.st_mtime_ns))
    return made


def _open_and_read(file: ListedFile) -> object:
    with Path(file.name).open("rb", buffering=0) as handle:
        return handle.read(8192)


def _flat_only(file: ListedFile) -> object:
    with Path(file.name).open("rb", buffering=0) as handle:
        found = read_flat(handle, file.size, handle.read(8192))
    assert found is not None
    return found


def _pydicom_fallback(file: ListedFile) -> object:
    with Path(file.name).open("rb", buffering=0) as handle:
        return read_by_pydicom(handle, file.size)


_TAGS = [element.inside or element.tag for element in WANTED]


def _pydicom(file: ListedFile) -> object:
    data = pydicom.dcmread(file.name, stop_before_pixels=True, specific_tags=_TAGS)
    return [data.get(keyword) for keyword, _ in FIELDS.values()]


def readers() -> dict[str, Callable[[ListedFile], object]]:
    """Readers by name; peers only where they are installed."""
    found: dict[str, Callable[[ListedFile], object]] = {
        "open and read 8 KiB": _open_and_read,
        "umd-curate read_header": read_header,
        "umd-curate flat values only": _flat_only,
        "umd-curate pydicom fallback": _pydicom_fallback,
        "pydicom stop_before_pixels, specific_tags": _pydicom,
    }
    try:
        import dicomsdl
    except ImportError:
        return found

    keywords = [keyword for keyword, _ in FIELDS.values()]

    def _dicomsdl(file: ListedFile) -> object:
        data = dicomsdl.open_file(file.name, load_until=0x0054FFFF)
        return [data[keyword] for keyword in keywords]

    return {**found, "dicomsdl load_until": _dicomsdl}


def main() -> None:
    """Print headers per CPU second and the ratio to pydicom."""
    files = int(sys.argv[1]) if len(sys.argv) > 1 else 3200
    with tempfile.TemporaryDirectory(dir=sys.argv[2] if len(sys.argv) > 2 else None) as folder:
        listed = write(Path(folder), files)
        print(f"{files} files of {len(list(pydicom.dcmread(listed[0].name, stop_before_pixels=True)))} elements")
        best: dict[str, float] = {}
        for _ in range(ROUNDS):
            for name, read in readers().items():
                started = time.process_time()
                for file in listed:
                    read(file)
                best[name] = max(best.get(name, 0.0), files / (time.process_time() - started))
    base = best["pydicom stop_before_pixels, specific_tags"]
    for name, rate in sorted(best.items(), key=lambda entry: -entry[1]):
        print(f"{name:45s} {rate:9,.0f} headers per CPU second  {rate / base:6.1f} x pydicom")


if __name__ == "__main__":
    main()
