"""What every DICOM object of a study says: patient, study, equipment, and the identifiers planted there.

A header is plain data: keyword, or tag with value representation, to value; a list of headers is a sequence. Encoding is
left to `io_dicom`. The planted identifiers stand in standard elements, nested sequences, free text and private blocks.
"""

from typing import TYPE_CHECKING, Any, TypeAlias

from umd_curate.synth.schedule import Study, Vendor, clock

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TaggedKey: TypeAlias = tuple[int, str]  # tag and VR, for private and ambiguous elements
Value: TypeAlias = "str | int | float | bytes | list[str] | list[int] | list[float] | Sequence[Mapping[Any, Any]]"
Header: TypeAlias = dict["str | TaggedKey", Value]

DEVICES = {
    Vendor.SIEMENS_CT: ("SIEMENS", "Biograph64", "VG60A"),
    Vendor.GE_CT: ("GE MEDICAL SYSTEMS", "Discovery 690", "pet_coreload.44"),
    Vendor.SIEMENS_MR: ("SIEMENS", "Biograph_mMR", "syngo MR E11P"),
}


def common(
    study: Study, *, modality: str, sop_class: str, series: str, number: int, description: str, time_s: float
) -> Header:
    """Patient, study, series and equipment of every object of a study.

    Parameters
    ----------
    study
        The study.
    modality, sop_class
        (0008,0060) and (0008,0016).
    series
        Name of the series within the study, from which its UID follows.
    number, description
        (0020,0011) and (0008,103E).
    time_s
        SeriesTime (0008,0031), seconds since midnight.
    """
    person, names = study.person, study.names
    maker, model, software = DEVICES[study.vendor]
    return {
        "SpecificCharacterSet": person.charset,
        "InstanceCreationDate": study.date,
        "InstanceCreationTime": clock(time_s + 60),
        "SOPClassUID": sop_class,
        "StudyDate": study.date,
        "SeriesDate": study.date,
        "StudyTime": clock(study.study_s),
        "SeriesTime": clock(time_s),
        "AccessionNumber": names["accession"],
        "Modality": modality,
        "Manufacturer": maker,
        "InstitutionName": person.institution,
        "InstitutionAddress": person.institution_address,
        "ReferringPhysicianName": person.referring,
        "StationName": names["station"],
        "StudyDescription": f"PET Ganzkoerper {person.family}",
        "SeriesDescription": description,
        "InstitutionalDepartmentName": person.department,
        "PhysiciansOfRecord": person.requesting,
        "NameOfPhysiciansReadingStudy": person.reader,
        "OperatorsName": person.operator,
        "AdmittingDiagnosesDescription": f"Staging, Befund an {person.requesting}",
        "ManufacturerModelName": model,
        "ReferencedStudySequence": [
            {"ReferencedSOPClassUID": "1.2.840.10008.3.1.2.3.1", "ReferencedSOPInstanceUID": study.uid("earlier-study")}
        ],
        "PatientName": person.name,
        "PatientID": person.patient_id,
        "IssuerOfPatientID": person.application_entity,
        "PatientBirthDate": person.birth_date,
        "PatientSex": person.sex,
        "OtherPatientIDsSequence": [{"PatientID": person.other_id, "TypeOfPatientID": "TEXT"}],
        "OtherPatientNames": f"{person.mother}^{person.given}",
        "PatientMotherBirthName": person.mother,
        "PatientAge": f"{int(study.date[:4]) - int(person.birth_date[:4]) - (study.date[4:] < person.birth_date[4:]):03d}Y",
        "PatientSize": study.build.height_m,
        "PatientWeight": study.build.weight_kg,
        "MedicalAlerts": f"Allergie laut {person.neighbour}",
        "InsurancePlanIdentification": person.insurance_id,
        "PatientAddress": person.address,
        "PatientTelephoneNumbers": person.phone,
        "AdditionalPatientHistory": f"Mit {person.neighbour} besprochen, Tel. {person.phone}",
        "PatientComments": f"Pat. {person.given} {person.family}, {person.patient_id}, wohnt {person.address}",
        "DeviceSerialNumber": names["serial"],
        "SoftwareVersions": software,
        "ProtocolName": f"WB_{person.patient_id}",
        "StudyInstanceUID": study.uid("study"),
        "SeriesInstanceUID": study.uid("series", series),
        "StudyID": names["study_id"],
        "SeriesNumber": number,
        "FrameOfReferenceUID": study.uid("frame"),
        "PositionReferenceIndicator": "",
        "RequestingPhysician": person.requesting,
        "RequestedProcedureDescription": f"FDG {person.family} {person.patient_id}",
        "PerformedProcedureStepStartDate": study.date,
        "PerformedProcedureStepStartTime": clock(study.study_s),
        "PerformedProcedureStepID": names["procedure"],
        "PerformedProcedureStepDescription": f"PET fuer {person.requesting}",
        "RequestAttributesSequence": [
            {
                "RequestedProcedureDescription": f"Auftrag {person.family}",
                "ScheduledProcedureStepDescription": f"WB PET {person.given}",
                "ScheduledProcedureStepID": names["procedure"],
                "RequestedProcedureID": names["accession"],
                "ReferencedStudySequence": [
                    {
                        "ReferencedSOPClassUID": "1.2.840.10008.3.1.2.3.1",
                        "ReferencedSOPInstanceUID": study.uid("requested-study"),
                        "RetrieveURL": f"https://pacs.example/{person.patient_id}/{person.family}",
                    }
                ],
            }
        ],
    }


def image(study: Study, *, rows: int, columns: int, image_type: list[str], bits: int, signed: bool) -> Header:
    """Image and pixel module of a monochrome image."""
    person = study.person
    return {
        "ImageType": image_type,
        "PatientPosition": "HFS",
        "ImageComments": f"{person.given} {person.family} {person.phone}",
        "BurnedInAnnotation": "NO",
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": rows,
        "Columns": columns,
        "BitsAllocated": 16,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": int(signed),
    }


def place(position_lps: tuple[float, float, float], instance_number: int, sop_uid: str) -> Header:
    """What differs from slice to slice."""
    return {
        "SOPInstanceUID": sop_uid,
        "InstanceNumber": instance_number,
        "ImagePositionPatient": [decimal(value) for value in position_lps],
        "SliceLocation": decimal(position_lps[2]),
    }


def decimal(value: float) -> str:
    """DS of a coordinate, four decimals at most."""
    text = f"{value:.4f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def siemens_private(study: Study, time_s: float) -> Header:
    """Private blocks of Siemens: CSA headers with identifiers, and for PET the decay-correction date (0071,xx22)."""
    person = study.person
    csa = f"SV10 tPatientName={person.family} tProtocol={study.names['private']}".encode(_codec(person.charset))
    block: Header = {
        (0x00290010, "LO"): "SIEMENS CSA HEADER",
        (0x00290011, "LO"): "SIEMENS MEDCOM HEADER",
        (0x00291008, "CS"): "IMAGE NUM 4",
        (0x00291009, "LO"): study.date,
        (0x00291010, "OB"): csa + b" " * (len(csa) % 2),
        (0x00291160, "LO"): f"com {study.names['private']}",
        (0x00291140, "SQ"): [
            {
                (0x00290010, "LO"): "SIEMENS MEDCOM HEADER",
                (0x00291042, "LO"): person.name,
                (0x00291043, "LO"): person.patient_id,
            }
        ],
    }
    if study.vendor is Vendor.SIEMENS_CT:
        block |= {(0x00710010, "LO"): "SIEMENS MED PT", (0x00711022, "DT"): study.date + _full(time_s)}
    return block


def ge_pet_private(study: Study) -> Header:
    """Private block GEMS_PETD_01: dates that the SUV needs (xx0D, xx3B, xx3D) beside elements that identify."""
    person = study.person
    return {
        (0x00090010, "LO"): "GEMS_PETD_01",
        (0x00091001, "LO"): "GE Advance",
        (0x00091002, "LO"): person.patient_id,
        (0x0009100A, "UI"): study.uid("ge-scan"),
        (0x0009100D, "DT"): study.date + _full(study.scan_s),
        (0x0009100F, "ST"): f"{person.family} {study.names['private']}",
        (0x00091010, "LO"): person.institution,
        (0x00091036, "LO"): "18F-FDG",
        (0x00091038, "FL"): study.injection.activity_bq / 1e6,
        (0x00091039, "DT"): study.date + _full(study.injected_s - 300),
        (0x0009103B, "DT"): study.date + _full(study.injected_s),
        (0x0009103C, "FL"): 0.0,
        (0x0009103D, "DT"): study.date + _full(study.injected_s + 60),
        (0x00230010, "LO"): "GEMS_STDY_01",
        (0x00231070, "FD"): float(study.study_s),
        (0x00310010, "LO"): "KLINIK EXPORT",
        (0x00311001, "SQ"): [{(0x00310010, "LO"): "KLINIK EXPORT", (0x00311050, "LO"): person.name}],
    }


def ge_ct_private(study: Study) -> Header:
    """Private blocks of a GE CT, with the patient's identifiers in text and in hexadecimal."""
    person = study.person
    return {
        (0x00090010, "LO"): "GEMS_IDEN_01",
        (0x00091002, "SH"): study.names["station"],
        (0x00091027, "SL"): 1_400_000_000,
        (0x00190010, "LO"): "GEMS_ACQU_01",
        (0x00191023, "DS"): "39.375",
        (0x00250010, "LO"): "GEMS_SERS_01",
        (0x00251019, "SL"): 1,
        (0x0025101B, "OB"): person.patient_id.encode().hex().encode("ascii"),
        (0x00430010, "LO"): "GEMS_PARM_01",
        (0x00431062, "SH"): study.names["private"],
    }


def overlay(study: Study) -> Header:
    """A small overlay plane whose label and comments name the patient (PS3.3 C.9.2)."""
    person = study.person
    return {
        (0x60000010, "US"): 16,
        (0x60000011, "US"): 16,
        (0x60000022, "LO"): f"Markierung {person.family}",
        (0x60000040, "CS"): "G",
        (0x60000050, "SS"): [1, 1],
        (0x60000100, "US"): 1,
        (0x60000102, "US"): 0,
        (0x60001500, "LO"): f"{person.given} {person.patient_id}",
        (0x60003000, "OW"): bytes([0x18, 0x24] * 16),
        (0x60004000, "LT"): f"gesehen von {person.reader}",
    }


def _full(seconds: float) -> str:
    """Time part of a DT with hundredths."""
    text = clock(seconds)
    return text if "." in text else f"{text}.00"


def _codec(charset: str) -> str:
    return "utf-8" if charset == "ISO_IR 192" else "latin-1"
