"""Every pixel encoding that the product reads, proven by known pixels: exact where the encoding is lossless."""

import io
import json
from pathlib import Path

import gdcm
import nibabel as nib
import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGExtended12Bit,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from tests.convert_builders import a_slice, a_stack, an_order, places_of, some_pixels
from umd_curate.convert.geometry import stack_of_places
from umd_curate.convert.io import stored_plane
from umd_curate.convert.step import convert_series
from umd_curate.model.findings import Refused
from umd_curate.model.study import Role

# ``add.outer(arange(8) * 300, arange(8) * 200)`` in 12-bit JPEG with loss, by libjpeg-turbo 3 (imagecodecs.jpeg_encode, level 95).
JPEG12 = bytes.fromhex(
    "ffd8ffe000104a46494600010100000100010000ffdb0043000201010101010201010102020202020403020202020504040304"
    "060506060605060606070908060709070606080b08090a0a0a0a0a06080b0c0b0a0c090a0a0affc1000b0c0008000801011100"
    "ffc4001400010000000000000000000000000000000bffc4001c1000000603000000000000000000000000000c0d2a38475563"
    "73ffda0008010100003f0035723849549101b8782aab9691ffd9"
)
SHAPES = {  # name: type of the words, bits stored, lowest and highest value
    "8 bits": ("u1", 8, 0, 255),
    "12 bits": ("<u2", 12, 0, 4095),
    "12 bits signed": ("<i2", 12, -2048, 2047),
    "16 bits": ("<u2", 16, 0, 65535),
    "16 bits signed": ("<i2", 16, -32768, 32767),
}
GDCM = gdcm.TransferSyntax
# 6 x 5 pixels of 12 bits, ``arange(30) ** 2 * 37 % 4096``, encoded by OpenJPH 0.26.3 (imagecodecs.htj2k_encode, reversible).
HTJ2K = bytes.fromhex(
    "ff4fff5100294000000000050000000600000000000000000000000500000006000000000000000000010f0101ff50000800"
    "020000000aff52000c00020001000504044001ff5c00132088909090909090909090909090888888ff64001700014f70656e"
    "4a50482056657220302e32362e332eff90000a0000000000880001ff93c0002695f2050774000000c00012c0001340001280"
    "3802877400c0fc03077400db03077400c00013400013c0001300a74f020374006de08900c23400fdfc03077400c0002ba000"
    "16ac0002acb493e424d0c6f66cf301ccc195003923e78895588991b37a6fc9b20202dc4280bd9800fef7ff7fff7f087ca2d5"
    "00ffd9"
)


def image(shape: str) -> tuple[np.ndarray, FileDataset]:
    dtype, bits, low, high = SHAPES[shape]
    pixels = np.random.default_rng(11).integers(low, high + 1, (40, 48)).astype(dtype)
    pixels[0, 0], pixels[0, 1] = low, high
    return pixels, a_slice("MR", pixels, (0, 0, 0), BitsStored=bits, HighBit=bits - 1, SOPInstanceUID="1.2.3")


def through_a_file(dataset: FileDataset, syntax: str) -> pydicom.Dataset:
    """Write and read back in another uncompressed syntax."""
    stored = dataset.pixel_array
    dataset.file_meta.TransferSyntaxUID = syntax
    if syntax == ExplicitVRBigEndian and dataset.BitsAllocated > 8:
        dataset.PixelData = stored.astype(stored.dtype.newbyteorder(">")).tobytes()
    if dataset.BitsAllocated == 8:
        dataset["PixelData"].VR = "OB"
    little, implicit = syntax != ExplicitVRBigEndian, syntax == ImplicitVRLittleEndian
    kept = io.BytesIO()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    pydicom.dcmwrite(kept, dataset, little_endian=little, implicit_vr=implicit, enforce_file_format=True)
    kept.seek(0)
    return pydicom.dcmread(kept)


def by_gdcm(dataset: FileDataset, syntax: int, folder: Path) -> pydicom.Dataset:
    """Encode by GDCM, from file to file."""
    source, target = folder / "native.dcm", folder / "encoded.dcm"
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.save_as(source, enforce_file_format=True)
    reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
    reader.SetFileName(str(source))
    assert reader.Read()
    change.SetTransferSyntax(GDCM(syntax))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer.SetFileName(str(target))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    return pydicom.dcmread(target)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "syntax",
    [ExplicitVRLittleEndian, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian],
    ids=lambda syntax: syntax.name,
)
def test_uncompressed_pixels_are_exact(syntax: str, shape: str) -> None:
    pixels, dataset = image(shape)
    found = stored_plane(through_a_file(dataset, syntax), 0, "s-X")
    assert np.array_equal(found, pixels)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless], ids=lambda syntax: syntax.name)
def test_losslessly_compressed_pixels_are_exact(syntax: str, shape: str) -> None:
    pixels, dataset = image(shape)
    dataset.compress(syntax, generate_instance_uid=False)
    assert np.array_equal(stored_plane(dataset, 0, "s-X"), pixels)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("process", ["JPEGLosslessProcess14", "JPEGLosslessProcess14_1"])
def test_lossless_jpeg_is_exact(tmp_path: Path, process: str, shape: str) -> None:
    pixels, dataset = image(shape)
    encoded = by_gdcm(dataset, getattr(GDCM, process), tmp_path)
    assert np.array_equal(stored_plane(encoded, 0, "s-X"), pixels)


def test_high_throughput_jpeg_2000_is_exact() -> None:
    pixels = (np.arange(30) ** 2 * 37 % 4096).astype("<u2").reshape(6, 5)
    dataset = a_slice("CT", pixels, (0, 0, 0))
    dataset.PixelData = encapsulate([HTJ2K])
    dataset.file_meta.TransferSyntaxUID = HTJ2KLossless
    assert np.array_equal(stored_plane(dataset, 0, "s-X"), pixels)


@pytest.mark.parametrize("process", ["JPEGBaselineProcess1", "JPEGExtendedProcess2_4"])
def test_lossy_jpeg_of_eight_bits_is_close(tmp_path: Path, process: str) -> None:
    smooth = np.add.outer(np.arange(16) * 8, np.arange(24) * 4).astype("u1")
    dataset = a_slice("MR", smooth, (0, 0, 0), SOPInstanceUID="1.2.3")
    found = stored_plane(by_gdcm(dataset, getattr(GDCM, process), tmp_path), 0, "s-X")
    assert np.abs(found.astype(int) - smooth).max() <= 4


def in_twelve_bit_jpeg(sign: int, stream: bytes = JPEG12, **elements: object) -> FileDataset:
    words = np.zeros((8, 8), "<i2" if sign else "<u2")
    dataset = a_slice("CT", words, (0, 0, 0), BitsStored=12, HighBit=11)
    dataset.PixelData = encapsulate([stream])
    dataset.file_meta.TransferSyntaxUID = JPEGExtended12Bit
    for name, value in elements.items():
        setattr(dataset, name, value)
    return dataset


@pytest.mark.parametrize("sign", [0, 1])
def test_lossy_jpeg_of_twelve_bits_is_close_and_says_nothing(sign: int, capfd: pytest.CaptureFixture[str]) -> None:
    drawn = np.add.outer(np.arange(8) * 300, np.arange(8) * 200)
    wanted = np.where(drawn > 2047, drawn - 4096, drawn) if sign else drawn
    found = stored_plane(in_twelve_bit_jpeg(sign), 0, "s-X")
    assert found.dtype.kind == ("i" if sign else "u")
    assert np.abs(found.astype(int) - wanted).max() <= 3
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("stream", "elements"),
    [
        (JPEG12[:-2], {}),
        (JPEG12[:100], {}),
        (JPEG12, {"Rows": 16}),
        (JPEG12.replace(bytes.fromhex("ffc1000b0c"), bytes.fromhex("ffc1000b10")), {}),
        (JPEG12, {"BitsStored": 10, "HighBit": 9}),
        (bytes(2), {}),
    ],
    ids=["no end", "cut", "other rows", "other precision", "other bits", "empty"],
)
def test_twelve_bit_jpeg_that_is_not_what_the_header_says_is_refused(
    stream: bytes, elements: dict[str, object]
) -> None:
    with pytest.raises(Refused, match="CON-201"):
        stored_plane(in_twelve_bit_jpeg(0, stream, **elements), 0, "s-X")


def test_lossy_jpeg_2000_is_close() -> None:
    smooth = np.add.outer(np.arange(40) * 40, np.arange(48) * 30).astype("<u2")
    dataset = a_slice("CT", smooth, (0, 0, 0), BitsStored=12, HighBit=11)
    dataset.compress(JPEG2000, j2k_psnr=[80], generate_instance_uid=False)
    assert 0 < np.abs(stored_plane(dataset, 0, "s-X").astype(int) - smooth).max() <= 4


def test_near_lossless_jpeg_ls_keeps_its_bound() -> None:
    pixels, dataset = image("12 bits")
    dataset.compress(JPEGLSNearLossless, jls_error=3, generate_instance_uid=False)
    assert np.abs(stored_plane(dataset, 0, "s-X").astype(int) - pixels).max() <= 3


@pytest.mark.parametrize("mark", ["element", "syntax", "none"])
def test_a_loss_is_recorded_and_found(tmp_path: Path, mark: str) -> None:
    datasets = a_stack("CT", some_pixels(dtype="<u2"))
    if mark == "element":
        datasets[2].LossyImageCompression = "01"
    if mark == "syntax":
        for dataset in datasets:
            dataset.SOPInstanceUID = "1.2.3"
            dataset.compress(JPEGLSNearLossless, jls_error=2, generate_instance_uid=False)
            if "LossyImageCompression" in dataset:
                del dataset.LossyImageCompression
    geometry = stack_of_places(places_of(datasets), "s-X")
    converted = convert_series(datasets, an_order(Role.CT), tmp_path, "p", geometry)
    sidecar = json.loads((tmp_path / "sub-7K3QF2_ses-petct1_ct.json").read_text())
    is_lossy = mark != "none"
    assert [finding.code for finding in converted.findings] == ["CON-210"] * is_lossy
    assert sidecar["LossyImageCompression"] is is_lossy


@pytest.mark.parametrize("dtype", ["<u2", "<i2"])
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian], ids=["little", "big"])
def test_overlays_in_the_unused_high_bits_do_not_reach_the_values(tmp_path: Path, syntax: str, dtype: str) -> None:
    values = np.random.default_rng(5).integers(0, 2000, (3, 6, 5)).astype("<i4") - (1000 if dtype == "<i2" else 0)
    overlay = np.random.default_rng(6).integers(0, 2, values.shape) << 13  # PS3.5 8.1.2, retired: bits 12 to 15
    words = ((values & 0x0FFF) | overlay).astype(dtype)
    datasets = [
        through_a_file(dataset, syntax)
        for dataset in a_stack("CT", words, BitsStored=12, HighBit=11, SOPInstanceUID="1.2.3")
    ]
    geometry = stack_of_places(places_of(datasets), "s-X")
    convert_series(datasets, an_order(Role.CT), tmp_path, "p", geometry)
    found = nib.load(tmp_path / "sub-7K3QF2_ses-petct1_ct.nii.gz")
    assert np.array_equal(np.asanyarray(found.dataobj).T, values - 1024)
