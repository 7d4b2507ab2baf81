"""Private blocks as the scanners of each maker write them: what the SUV needs, beside elements that identify.

Creators and elements are those of real headers; values are the study's own, or planted identifiers.
"""

from umd_curate.synth.header import Header
from umd_curate.synth.scanners import Kind, Maker
from umd_curate.synth.schedule import Study
from umd_curate.synth.writing import Decay, Units


def ct_private(study: Study) -> Header:
    """Private blocks of a CT image."""
    maker = study.scanner.maker
    if maker is Maker.GE:
        return _ge_ct(study)
    if maker is Maker.SIEMENS:
        return _siemens(study)
    return _philips(study) if maker is Maker.PHILIPS else _uih(study)


def mr_private(study: Study) -> Header:
    """Private blocks of an MR image."""
    maker = study.scanner.maker
    if maker is Maker.GE:
        return _ge_ct(study)
    return _siemens(study) if maker is Maker.SIEMENS else _uih(study)


def pet_private(study: Study) -> Header:
    """Private blocks of a PET image, with the times and factors that its SUV needs."""
    maker = study.scanner.maker
    if maker is Maker.GE:
        return _ge_pet(study)
    if maker is Maker.PHILIPS:
        return _philips(study) | _philips_factors(study)
    if maker is Maker.UIH:
        return _uih(study)
    block = _siemens(study)
    writing = study.writing
    if study.scanner.kind is Kind.PETCT and writing.private_times and writing.decay is Decay.START:
        block |= {(0x00710010, "LO"): "SIEMENS MED PT", (0x00711022, "DT"): study.moment(study.scan_s)}
    return block


def _siemens(study: Study) -> Header:
    """CSA headers with identifiers."""
    person = study.person
    csa = f"SV10 tPatientName={person.family} tProtocol={study.names['private']}".encode(_codec(person.charset))
    return {
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


def _ge_pet(study: Study) -> Header:
    """Private block GEMS_PETD_01: dates that the SUV needs (xx0D, xx3B, xx3D) beside elements that identify."""
    person = study.person
    block: Header = {
        (0x00090010, "LO"): "GEMS_PETD_01",
        (0x00091001, "LO"): "GE Advance",
        (0x00091002, "LO"): person.patient_id,
        (0x0009100A, "UI"): study.uid("ge-scan"),
        (0x0009100D, "DT"): study.moment(study.scan_s),
        (0x0009100F, "ST"): f"{person.family} {study.names['private']}",
        (0x00091010, "LO"): person.institution,
        (0x00091036, "LO"): "18F-FDG",
        (0x00091038, "FL"): study.injection.activity_bq / 1e6,
        (0x00091039, "DT"): study.moment(study.injected_s - 300),
        (0x0009103B, "DT"): study.moment(study.injected_s),
        (0x0009103C, "FL"): 0.0,
        (0x0009103D, "DT"): study.moment(study.injected_s + 60),
        (0x00230010, "LO"): "GEMS_STDY_01",
        (0x00231070, "FD"): float(study.study_s),
        (0x00310010, "LO"): "KLINIK EXPORT",
        (0x00311001, "SQ"): [{(0x00310010, "LO"): "KLINIK EXPORT", (0x00311050, "LO"): person.name}],
    }
    if not study.writing.private_times:
        del block[(0x0009100D, "DT")]
    if not study.writing.is_dated and study.writing.over_midnight:
        del block[(0x0009103B, "DT")]
    return block


def _ge_ct(study: Study) -> Header:
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


def _philips(study: Study) -> Header:
    """Private block of Philips with identifiers, in a text and in a nested item."""
    person = study.person
    return {
        (0x20010010, "LO"): "Philips Imaging DD 001",
        (0x2001105F, "SQ"): [{(0x20010010, "LO"): "Philips Imaging DD 001", (0x20011032, "LO"): person.patient_id}],
        (0x20011063, "CS"): "ELSEWHERE",
        (0x200110C1, "LO"): f"{person.family} {study.names['private']}",
    }


def _philips_factors(study: Study) -> Header:
    """Philips PET Private Group: counts or Bq/mL to SUV (xx00), counts to Bq/mL (xx09)."""
    person, units, factors = study.person, study.writing.units, study.count_factors
    block: Header = {
        (0x70530010, "LO"): "Philips PET Private Group",
        (0x70531003, "ST"): f"{person.folded}_{study.names['private']}.img",
        (0x70531005, "LO"): f"worklist {person.patient_id}",
    }
    if units in {Units.BQML, Units.COUNTS_SUV}:
        block[(0x70531000, "DS")] = factors.suv
    if units in {Units.BQML, Units.COUNTS_ACTIVITY}:
        block[(0x70531009, "DS")] = factors.activity
    return block


def _uih(study: Study) -> Header:
    """Private headers of United Imaging, as its MR writes them; of its PET no public header is known."""
    person = study.person
    return {
        (0x00610010, "LO"): "DB Dicom Private Creator",
        (0x00610040, "LO"): "Common Private Header",
        (0x00611002, "US"): 1,
        (0x00650010, "LO"): "Image Private Header",
        (0x00651000, "UL"): 1537855106,
        (0x0065102D, "ST"): f"{person.family} {study.names['private']}",
        (0x00651040, "LO"): f"3.1.67-{person.patient_id}",
    }


def _codec(charset: str) -> str:
    return "utf-8" if charset == "ISO_IR 192" else "latin-1"
