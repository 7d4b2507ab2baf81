"""What every DICOM object of a study says: patient, study, equipment, and the identifiers planted there.

A header is plain data: keyword, or tag with value representation, to value; a list of headers is a sequence. Encoding is
left to `io_dicom`. The planted identifiers stand in standard elements, nested sequences and free text.
"""

from typing import TYPE_CHECKING, Any, TypeAlias

from umd_curate.synth.schedule import Study

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TaggedKey: TypeAlias = tuple[int, str]  # tag and VR, for private and ambiguous elements
Value: TypeAlias = "str | int | float | bytes | list[str] | list[int] | list[float] | Sequence[Mapping[Any, Any]]"
Header: TypeAlias = dict["str | TaggedKey", Value]


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
    scanner, writing = study.scanner, study.writing
    series_date, series_time = study.stamp(time_s)
    created_date, created_time = study.stamp(time_s + 60)
    started = study.stamp(study.study_s)[1]
    weight_kg, height_m = study.build.weight_kg, study.build.height_m
    return {
        "SpecificCharacterSet": person.charset,
        "InstanceCreationDate": created_date,
        "InstanceCreationTime": created_time,
        "SOPClassUID": sop_class,
        "StudyDate": study.date,
        "SeriesDate": series_date,
        "StudyTime": started,
        "SeriesTime": series_time,
        "AccessionNumber": names["accession"],
        "Modality": modality,
        "Manufacturer": str(scanner.maker),
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
        "ManufacturerModelName": scanner.model,
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
        "PatientSize": round(height_m * 100) if writing.size_in_cm else height_m,
        "PatientWeight": round(weight_kg * 1000) if writing.weight_in_g else weight_kg,
        "MedicalAlerts": f"Allergie laut {person.neighbour}",
        "InsurancePlanIdentification": person.insurance_id,
        "PatientAddress": person.address,
        "PatientTelephoneNumbers": person.phone,
        "AdditionalPatientHistory": f"Mit {person.neighbour} besprochen, Tel. {person.phone}",
        "PatientComments": f"Pat. {person.given} {person.family}, {person.patient_id}, wohnt {person.address}",
        "DeviceSerialNumber": names["serial"],
        "SoftwareVersions": scanner.software,
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
        "PerformedProcedureStepStartTime": started,
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
    """DS of a coordinate, six decimals at most."""
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def cosine(value: float) -> str:
    """DS of a direction cosine, at most 16 characters."""
    text = f"{value:.12f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


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
