"""What a PACS export carries besides images: dose report, screen capture, and files that are no DICOM at all."""

from umd_curate.model.study import Disposition
from umd_curate.synth.header import Header, common
from umd_curate.synth.scanners import Kind
from umd_curate.synth.schedule import Study
from umd_curate.synth.series import Expected, Series, Slice, held

_DOSE_SR_CLASS = "1.2.840.10008.5.1.4.1.1.88.67"
_TRACER_DOSE_SR_CLASS = "1.2.840.10008.5.1.4.1.1.88.68"
_CAPTURE_CLASS = "1.2.840.10008.5.1.4.1.1.7"
REPORT = Expected(Disposition.EXCLUDED, "structured report")
CAPTURE = Expected(Disposition.EXCLUDED, "screen capture")
DIRECTORY = Expected(Disposition.EXCLUDED, "media directory")
STRAY = Expected(Disposition.EXCLUDED, "not DICOM")
CAPTURE_SIZE = (120, 320)  # rows, columns


def dose_report(study: Study) -> Series:
    """A dose report as structured report (PS3.3 A.35.8, A.35.14), with the observer's and the patient's names."""
    is_ct = study.kind is Kind.PETCT
    sop_class = _DOSE_SR_CLASS if is_ct else _TRACER_DOSE_SR_CLASS
    header = common(
        study,
        modality="SR",
        sop_class=sop_class,
        series="dose",
        number=501,
        description="Dose Report",
        time_s=study.scan_s,
    )
    header.pop("FrameOfReferenceUID")
    header |= {
        "ContentDate": study.date,
        "ContentTime": header["SeriesTime"],
        "ReferencedPerformedProcedureStepSequence": [],
        "ValueType": "CONTAINER",
        "ConceptNameCodeSequence": [_code("113701", "DCM", "X-Ray Radiation Dose Report")],
        "ContinuityOfContent": "SEPARATE",
        "PerformedProcedureCodeSequence": [],
        "CompletionFlag": "COMPLETE",
        "VerificationFlag": "UNVERIFIED",
        "ContentSequence": [
            {
                "RelationshipType": "HAS OBS CONTEXT",
                "ValueType": "PNAME",
                "ConceptNameCodeSequence": [_code("121008", "DCM", "Person Observer Name")],
                "PersonName": study.person.operator,
            },
            {
                "RelationshipType": "CONTAINS",
                "ValueType": "TEXT",
                "ConceptNameCodeSequence": [_code("121106", "DCM", "Comment")],
                "TextValue": f"{study.person.given} {study.person.family}, DLP 312 mGy cm",
            },
        ],
    }
    own: Header = {"SOPInstanceUID": study.uid("instance", "dose", 0), "InstanceNumber": 1}
    return Series("dose", header, (Slice(own, held(b"")),), REPORT)


def screen_capture(study: Study, pixels: bytes) -> Series:
    """A secondary capture in RGB; its pixels show the patient's name."""
    rows, columns = CAPTURE_SIZE
    header = common(
        study,
        modality="OT",
        sop_class=_CAPTURE_CLASS,
        series="capture",
        number=999,
        description="Patient Protocol",
        time_s=study.scan_s,
    )
    header.pop("FrameOfReferenceUID")
    header |= {
        "ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"],
        "ConversionType": "WSD",
        "ContentDate": study.date,
        "ContentTime": header["SeriesTime"],
        "PatientOrientation": "",
        "SamplesPerPixel": 3,
        "PhotometricInterpretation": "RGB",
        "PlanarConfiguration": 0,
        "Rows": rows,
        "Columns": columns,
        "BitsAllocated": 8,
        "BitsStored": 8,
        "HighBit": 7,
        "PixelRepresentation": 0,
        "BurnedInAnnotation": "YES",
    }
    own: Header = {"SOPInstanceUID": study.uid("instance", "capture", 0), "InstanceNumber": 1}
    return Series("capture", header, (Slice(own, held(pixels)),), CAPTURE)


def capture_lines(study: Study) -> list[str]:
    """What the screen shows."""
    person = study.person
    return [
        f"{person.folded.replace('_', ', ')}   ID {person.patient_id}",
        f"{person.birth_date}   {study.date}",
        f"Total DLP 312   {study.names['accession']}",
    ]


def strays(studies: list[Study]) -> list[tuple[str, bytes]]:
    """Names and bytes of files that are no DICOM: protocol text, thumbnails, worklist, letter."""
    rows = ["Name;ID;Geburtsdatum;Datum;Auftrag"]
    rows += [
        f"{study.person.folded};{study.person.patient_id};{study.person.birth_date};{study.date};{study.names['accession']}"
        for study in studies
    ]
    first = studies[0].person
    letter = f"%PDF-1.4\n1 0 obj <</Title (Arztbrief {first.folded})>> endobj\ntrailer <</Root 1 0 R>>\n%%EOF\n"
    return [
        ("protokoll.txt", f"Export fuer {first.folded}, Rueckfragen {first.phone}\n".encode("ascii")),
        ("Thumbs.db", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 504),
        ("export.csv", ("\n".join(rows) + "\n").encode("ascii")),
        ("Arztbrief.pdf", letter.encode("ascii")),
    ]


def _code(value: str, scheme: str, meaning: str) -> Header:
    return {"CodeValue": value, "CodingSchemeDesignator": scheme, "CodeMeaning": meaning}
