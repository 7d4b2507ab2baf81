"""Grey words that are taken from the file as they lie are the ones that pydicom's decoders give."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.pixels import pixel_array
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from tests.convert_builders import a_slice
from umd_curate.convert.io import stored_plane
from umd_curate.model.findings import Refused

FORMS = [(bits, stored, sign) for bits in (8, 16, 32) for stored in (bits, bits - 4) for sign in (0, 1)]


def a_noisy_slice(bits, stored, sign, frames=1):
    words = np.random.default_rng(2).integers(0, 2**bits, (frames * 5, 7), dtype=np.uint64).astype(f"<u{bits // 8}")
    dataset = a_slice("CT", words[:5], (0, 0, 0), PixelRepresentation=sign, BitsStored=stored, HighBit=stored - 1)
    dataset.PixelData = words.tobytes() + bytes(words.nbytes % 2)
    if frames > 1:
        dataset.NumberOfFrames = frames
    return dataset


@pytest.mark.parametrize(("bits", "stored", "sign"), FORMS)
@pytest.mark.parametrize("frame", [0, 2])
def test_words_of_every_width_and_sign_are_pydicoms(bits, stored, sign, frame):
    dataset = a_noisy_slice(bits, stored, sign, frames=3)
    expected = pixel_array(dataset, index=frame, raw=True)
    found = stored_plane(dataset, frame, "s-TEST")
    assert found.dtype == expected.dtype
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_the_order_of_the_bytes_is_the_syntaxs(syntax):
    dataset = a_noisy_slice(16, 16, 1)
    dataset.file_meta.TransferSyntaxUID = syntax
    assert np.array_equal(stored_plane(dataset, 0, "s-TEST"), pixel_array(dataset, index=0, raw=True))


@pytest.mark.parametrize(
    "keyword", ["Rows", "Columns", "BitsAllocated", "PixelRepresentation", "PhotometricInterpretation"]
)
def test_without_an_element_that_tells_what_a_word_is_there_are_no_pixels(keyword):
    dataset = a_noisy_slice(16, 16, 1)
    del dataset[keyword]
    with pytest.raises(Refused):
        stored_plane(dataset, 0, "s-TEST")


@given(st.sampled_from(FORMS), st.sampled_from([-1, 1, 2, 35]))
def test_pixels_that_are_too_few_or_too_many_are_refused(form, difference):
    dataset = a_noisy_slice(*form)
    data = dataset.PixelData
    dataset.PixelData = data[:difference] if difference < 0 else data + bytes(difference)
    padded = form[0] == 8 and difference == -1  # the byte that made the length even
    if padded:
        assert stored_plane(dataset, 0, "s-TEST").shape == (5, 7)
    else:
        with pytest.raises(Refused):
            stored_plane(dataset, 0, "s-TEST")
