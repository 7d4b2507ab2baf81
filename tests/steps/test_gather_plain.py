"""What a header tells of its patient is the same whether its elements are read as bytes or as pydicom's values."""

from io import BytesIO

import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence

from umd_curate.deid.gather_io import gather
from umd_curate.deid.identifiers import Kind
from umd_curate.store.dicom import dataset_of, quiet

SYNTAXES = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1")  # implicit and explicit little endian


def file_of(syntax: str) -> bytes:
    inner = Dataset()
    inner.PatientID, inner.AccessionNumber = "QX-4471902", "0008812345"
    inner.ReferencedSOPInstanceUID = "1.2.276.0.7230010.3.1.4.81"
    inner.StudyDate, inner.AcquisitionDateTime, inner.StudyTime = "20190704", "20190705101112.5+0200", "101112"
    inner.AdditionalPatientHistory = "seen 20190706\\ward Kestrelmoor 99881234"
    inner.InstitutionName = "Kestrelmoor\\Vandersloot"
    whole = Dataset()
    whole.file_meta = FileMetaDataset()
    whole.file_meta.TransferSyntaxUID = syntax
    whole.SOPClassUID, whole.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.2.276.0.7230010.3.1.4.80"
    whole.PatientName = "Quillfeather^Zebedee"
    whole.RequestAttributesSequence = Sequence([inner])
    whole.update(inner)
    with BytesIO() as file, quiet():
        pydicom.dcmwrite(file, whole, enforce_file_format=True)
        return file.getvalue()


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_bytes_and_values_tell_the_same(syntax):
    data = file_of(syntax)
    decoded = dataset_of(data)
    with quiet():
        decoded.walk(lambda _, element: element.value)
    told = gather(dataset_of(data)).entries
    assert told == gather(decoded).entries
    assert {
        (Kind.UID, "1.2.276.0.7230010.3.1.4.81"),
        (Kind.DATE, "20190704"),
        (Kind.DATE, "2019-07-05"),
        (Kind.ID, "qx-4471902"),
        (Kind.PLACE, "vandersloot"),
    } <= told
