from dataclasses import replace

import pytest

from tests.unit.ingest.rows import contours, series
from umd_curate.ingest.classify import is_composed, unwanted
from umd_curate.ingest.dixon import dixon_channel
from umd_curate.model.catalogue import ingest as codes
from umd_curate.model.headers import FileKind, InstanceHeader

CT, MR, PT = (series(modality, n=1)[0] for modality in ("CT", "MR", "PT"))
STORAGE = "1.2.840.10008.5.1.4.1.1."


@pytest.mark.parametrize("image", [CT, MR, PT, contours("seg", of="ct"), replace(CT, sop_class_uid=None)])
def test_images_and_contours_are_wanted(image):
    assert unwanted(image) is None


@pytest.mark.parametrize(
    ("sop_class", "code"),
    [
        ("1.2.840.10008.1.3.10", codes.DIRECTORY),
        (STORAGE + "7", codes.PAGE),
        (STORAGE + "7.4", codes.PAGE),
        (STORAGE + "88.67", codes.REPORT),
        (STORAGE + "88.59", codes.REPORT),
        (STORAGE + "11.1", codes.PRESENTATION),
        (STORAGE + "104.1", codes.DOCUMENT),
        (STORAGE + "481.2", codes.OTHER_OBJECT),
        (STORAGE + "66", codes.RAW_DATA),
        (STORAGE + "66.1", codes.OTHER_OBJECT),
        (STORAGE + "20", codes.OTHER_MODALITY),
        (STORAGE + "6.1", codes.OTHER_MODALITY),
        (STORAGE + "12.1", codes.OTHER_MODALITY),
        (STORAGE + "77.1.4", codes.OTHER_MODALITY),
        (STORAGE + "9.1.1", codes.WAVEFORM),
        (STORAGE + "104.3", codes.DOCUMENT),
        ("1.3.12.2.1107.5.9.1", codes.PRIVATE_CLASS),
    ],
)
def test_other_objects_are_excluded_by_their_kind(sop_class, code):
    assert unwanted(replace(CT, sop_class_uid=sop_class)) is code


@pytest.mark.parametrize(
    ("image", "code"),
    [
        (replace(CT, image_type=("ORIGINAL", "PRIMARY", "LOCALIZER")), codes.LOCALIZER),
        (replace(CT, series_description="Topogram 0.6 T20s"), codes.LOCALIZER),
        (replace(MR, series_description="AAHead_Scout_MPR"), codes.LOCALIZER),
        (replace(CT, samples_per_pixel=3, photometric="RGB"), codes.PAGE),
        (replace(CT, samples_per_pixel=3, burned_in_annotation="YES"), codes.PAGE),
        (replace(PT, series_description="MIP WB"), codes.REFORMAT),
        (replace(CT, image_type=("DERIVED", "SECONDARY", "MPR")), codes.REFORMAT),
        (replace(MR, series_description="Body_MRAC_UMAP"), codes.MU_MAP),
        (replace(MR, series_description="*fl3d1_µ-map"), codes.MU_MAP),
        (replace(MR, series_description="WB_MRAC"), codes.MU_MAP),
        (replace(MR, modality="CT"), codes.OTHER_OBJECT),
    ],
)
def test_images_that_are_no_anatomy_are_excluded(image, code):
    assert unwanted(image) is code


@pytest.mark.parametrize(
    "image",
    [
        replace(CT, series_description="CTAC WB 5.0 B31s"),
        replace(MR, series_description="Body_MRAC_in", dixon_channel="in"),
        replace(PT, image_type=("DERIVED", "SECONDARY")),
        replace(MR, image_type=("DERIVED", "SECONDARY", "MPR", "COMP_SP")),
        replace(MR, series_description="t1_starvibe_radial"),
    ],
)
def test_images_with_suspicious_names_stay_wanted(image):
    assert unwanted(image) is None


def test_file_that_is_not_dicom_is_excluded():
    row = InstanceHeader(path="/raw/a.txt", size=1, mtime_ns=1, kind=FileKind.NOT_DICOM)
    assert unwanted(row) is codes.NOT_DICOM


def test_cut_off_report_is_excluded_and_not_quarantined():
    assert unwanted(replace(CT, sop_class_uid=STORAGE + "88.67", kind=FileKind.UNREADABLE)) is codes.REPORT


def test_composed_series_is_known_by_type_or_description():
    assert is_composed(replace(MR, image_type=("DERIVED", "PRIMARY", "M", "COMPOSED")))
    assert is_composed(replace(MR, series_description="t1_vibe_dixon_in_composed"))
    assert not is_composed(replace(MR, series_description="complete body"))


@pytest.mark.parametrize(
    ("image_type", "description", "channel"),
    [
        (("DERIVED", "PRIMARY", "DIXON", "IN_PHASE"), None, "in"),
        (("ORIGINAL", "PRIMARY", "OTHER", "OPP_PHASE"), None, "opp"),
        (("ORIGINAL", "PRIMARY", "OUT_PHASE"), None, "opp"),
        (("DERIVED", "PRIMARY", "W", "W", "DERIVED"), "mDIXON", "water"),
        (("DERIVED", "PRIMARY", "F", "F", "DERIVED"), "mDIXON", "fat"),
        (("ORIGINAL", "PRIMARY", "IP", "IP"), None, "in"),
        (("ORIGINAL", "PRIMARY", "OTHER"), "WATER: Ax LAVA-Flex", "water"),
        (("ORIGINAL", "PRIMARY", "OTHER"), "InPhase: Ax LAVA-Flex", "in"),
        (("ORIGINAL", "PRIMARY", "OTHER"), "t1_vibe_dixon_tra_bh_opp", "opp"),
        (("ORIGINAL", "PRIMARY", "OTHER"), "t1_vibe_dixon_tra_bh_F", "fat"),
        (("ORIGINAL", "PRIMARY", "OTHER"), "T1 in-phase", "in"),
        (("DERIVED", "PRIMARY", "OTHER"), "t1_vibe_dixon_in_composed", "in"),
        (("ORIGINAL", "PRIMARY", "M", "ND"), "T2 FAT SAT", None),
        (("ORIGINAL", "PRIMARY", "M", "ND"), "thorax in expiration", None),
        (("ORIGINAL", "PRIMARY", "M", "ND"), "t1_opp_in", None),
        ((), None, None),
    ],
)
def test_dixon_channel_is_read_from_type_before_description(image_type, description, channel):
    assert dixon_channel(image_type, description) == channel


@pytest.mark.parametrize("description", ["Dose Report", "Patient Protocol", "Screen Save", "Exam Summary"])
def test_a_secondary_image_that_is_called_a_page_is_one_and_an_original_is_not(description):
    secondary = replace(CT, image_type=("DERIVED", "SECONDARY", "AXIAL"), series_description=description)
    assert unwanted(secondary) is codes.PAGE
    assert unwanted(replace(secondary, image_type=("ORIGINAL", "PRIMARY", "AXIAL"))) is not codes.PAGE
