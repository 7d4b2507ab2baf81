"""The keep list: what must be on it, and what must never be."""

import hashlib
import tomllib

from pydicom.datadict import dictionary_keyword, dictionary_VR, tag_for_keyword

from umd_curate.deid.profile import confidentiality_table
from umd_curate.deid.rules import Action, class_of, packaged_rules
from umd_curate.store.resources import resource_bytes

RULES = packaged_rules()

# Where eleven tools leak most often (docs: threat model), and the classes that PS3.15 E.1-1 removes under every option.
NEVER_KEPT = [
    "PrivateInformation",
    "RetrieveURL",
    "OriginalAttributesSequence",
    "ModifiedAttributesSequence",
    "EncryptedAttributesSequence",
    "IconImageSequence",
    "UnformattedTextValue",
    "GraphicAnnotationSequence",
    "DataSetTrailingPadding",
    "ImageComments",
    "PatientComments",
    "AdditionalPatientHistory",
    "OtherPatientIDs",
    "OtherPatientIDsSequence",
    "OtherPatientNames",
    "PatientAddress",
    "PatientTelephoneNumbers",
    "InstitutionName",
    "InstitutionAddress",
    "InstitutionalDepartmentName",
    "StationName",
    "DeviceSerialNumber",
    "DeviceUID",
    "PhysiciansOfRecord",
    "PerformingPhysicianName",
    "OperatorsName",
    "RequestAttributesSequence",
    "PerformedProcedureStepDescription",
    "PerformedProcedureStepID",
    "ReferencedStudySequence",
    "ReferencedPatientSequence",
    "ContentSequence",
    "EncapsulatedDocument",
    "UniqueDeviceIdentifier",
    "CountryOfResidence",
    "EthnicGroup",
    "Occupation",
    "MilitaryRank",
    "PatientReligiousPreference",
    "ClinicalTrialSubjectID",
    "IssuerOfPatientID",
    "DeidentificationMethod",
    "CurveData",
    "OverlayData",
    "OverlayLabel",
]

SUV_INPUTS = [
    "PatientWeight",
    "PatientSize",
    "PatientSex",
    "Units",
    "SUVType",
    "DecayCorrection",
    "CorrectedImage",
    "RescaleSlope",
    "RescaleIntercept",
    "FrameReferenceTime",
    "ActualFrameDuration",
    "DecayFactor",
    "DoseCalibrationFactor",
    "SeriesTime",
    "AcquisitionTime",
    "RadiopharmaceuticalInformationSequence",
    "RadionuclideTotalDose",
    "RadionuclideHalfLife",
    "RadiopharmaceuticalStartTime",
    "RadionuclidePositronFraction",
]


def test_the_known_leaks_are_on_no_list():
    for keyword in NEVER_KEPT:
        tag = tag_for_keyword(keyword)
        assert tag is None or tag not in RULES.public, keyword


def test_no_file_meta_curve_overlay_padding_or_group_length_is_kept():
    for tag in RULES.public:
        group, element = tag >> 16, tag & 0xFFFF
        assert group not in {0x0002, 0x0400, 0xFFFC}
        assert group & 0xFF00 not in {0x5000, 0x6000}
        assert element != 0
        assert group % 2 == 0


def test_every_suv_input_is_kept_as_it_is():
    for keyword in SUV_INPUTS:
        assert RULES.public[tag_for_keyword(keyword)].action in {Action.KEEP, Action.TERM, Action.SEQUENCE}, keyword


def test_each_row_agrees_with_the_dictionary_and_its_vr():
    for tag, rule in RULES.public.items():
        assert dictionary_keyword(tag) == rule.keyword
        assert rule.vrs == frozenset(dictionary_VR(tag).split(" or "))
        wanted = {"UI": Action.UID, "SQ": Action.SEQUENCE, "DT": Action.DATETIME}
        for vr, action in wanted.items():
            if vr in rule.vrs:
                assert rule.action is action, rule.keyword
        if rule.vrs & {"DA"}:
            assert rule.action in {Action.DATE, Action.EMPTY}
        if rule.vrs & {"PN"}:
            assert rule.action in {Action.SUBJECT, Action.EMPTY}


def test_free_text_is_never_kept_whole():
    for rule in RULES.public.values():
        assert not rule.vrs & {"LT", "ST", "UT", "UC", "UR", "AE", "UN"}, rule.keyword


def test_pet_scale_data_of_three_makers_are_safe_and_their_neighbours_are_not():
    assert RULES.of_private("GEMS_PETD_01", 0x0009103B).action is Action.DATETIME
    assert RULES.of_private("GEMS_PETD_01", 0x00091038).action is Action.KEEP
    assert RULES.of_private("GEMS_PETD_01", 0x00091002) is None
    assert RULES.of_private("GEMS_PETD_01", 0x00091010) is None
    assert RULES.of_private("Philips PET Private Group", 0x70531100).action is Action.KEEP
    assert RULES.of_private("Philips PET Private Group", 0x70531003) is None
    assert RULES.of_private("SIEMENS MED PT", 0x00711022).action is Action.DATETIME
    assert RULES.of_private("SOMEBODY ELSE", 0x00711022) is None


def test_removed_elements_are_counted_without_telling_their_value():
    assert class_of(0x00100010, known=True) == "0010,0010"
    assert class_of(0x00091010, known=True) == "private"
    assert class_of(0x60021500, known=True) == "60xx overlay"
    assert class_of(0x00080777, known=False) == "unknown"


def test_each_list_is_the_one_that_was_reviewed():
    sources = tomllib.loads(resource_bytes("manifests/deid/SOURCES.toml").decode())
    for name, source in sources.items():
        assert hashlib.sha256(resource_bytes(f"manifests/deid/{name}")).hexdigest() == source["sha256"], name
    digests = {name.rpartition(".")[0]: source["sha256"] for name, source in sources.items()}
    assert {**RULES.sha256, "ps3.15-e1-1": confidentiality_table().sha256} == digests
