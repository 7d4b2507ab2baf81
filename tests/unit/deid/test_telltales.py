"""What looks like an identifier is recognised, and what a clean release holds is not."""

import pytest

from umd_curate.deid.telltales import Element, Telltale, in_header, in_text

SEEN = [
    (Telltale.UID, "series 1.2.840.113619.2.55.3.2831164355.13 of"),
    (Telltale.UID, "1.3.12.2.1107.5.1.4.11090.30000019080706123400000012345"),
    (Telltale.EMAIL, "write to anna.kowalska@klinik-nord.de today"),
    (Telltale.PHONE, "call +49 30 123456"),
    (Telltale.PHONE, "call +1 (555) 555-0123"),
    (Telltale.PHONE, "555-555-0123"),
    (Telltale.PHONE, "Tel.: 030/1234567"),
    (Telltale.PHONE, '"phone": "(030) 1234567"'),
    (Telltale.NAME, "KOWALSKA^ANNA^^DR"),
    (Telltale.NAME, "Żółkiewska^Łucja"),
    (Telltale.NAME, '"PatientName": "Kowalska Anna"'),
    (Telltale.NAME, "Patient's Name: A. Kowalska"),
    (Telltale.NUMBER, "MRN: 00421337"),
    (Telltale.NUMBER, '{"PatientID": "AB-123456"}'),
    (Telltale.NUMBER, "Accession Number 20190807"),
    (Telltale.DATE, "Patient seen on 2019-08-07"),
    (Telltale.DATE, "born 12.03.1980"),
    (Telltale.DATE, '"PatientBirthDate": "19800312"'),
    (Telltale.DATE, "Kowalska^Anna 19800312"),
]
UNSEEN = [
    '"uid": "2.25.123456789012345678901234567890"', "1.2.840.10008.5.1.4.1.1.128", "2.16.840.1.113883.6.96", "version 1.2.3.4.5.6",
    '"PatientName": "7K3QF2"', "PatientID: sub-7K3QF2", "patient name: anonymous", '"PatientName": null', "0.8660254037844386",
    "1980-03-12 12:00:00 wrote 3 files", "released on 2026-11-27", "2026-11-27T00:00:00", "x^2 + y^2", "[^a-z]+", "a^b", "user@host", "@dataclass",
    "-1.5e+10 2.5E+100", "555-0123", "1-555", "10-20-30", "kg^m", "1e+49 30 123456 7", "19801312", "sha256 9f63e1d80a77c3f9e2b4a6d1c0",
]  # fmt: skip


@pytest.mark.parametrize(("telltale", "text"), SEEN)
def test_what_looks_like_an_identifier_is_seen(telltale, text):
    assert telltale in in_text(text.encode())


@pytest.mark.parametrize("text", UNSEEN)
def test_what_a_clean_release_holds_is_not(text):
    assert in_text(text.encode()) == set()


CLEAN = [
    Element(0x00020012, "UI", "1.2.276.0.7230010.3.0.3.6.6"),
    Element(0x00020003, "UI", "2.25.1"),
    Element(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2"),
    Element(0x00100010, "PN", "7K3QF2"),
    Element(0x00100020, "LO", "7K3QF2"),
    Element(0x00100030, "DA", ""),
    Element(0x00120062, "CS", "YES"),
    Element(0x00080050, "SH", ""),
    Element(0x00081090, "LO", "Biograph"),
]


def test_a_clean_header_tells_nothing():
    assert in_header(CLEAN) == set()


@pytest.mark.parametrize(
    ("element", "telltale"),
    [
        (Element(0x00100010, "PN", "Kowalska^Anna"), Telltale.NAME),
        (Element(0x00081050, "PN", "Brown"), Telltale.NAME),
        (Element(0x0020000D, "UI", "1.2.826.0.1.99"), Telltale.UID),
        (Element(0x00020016, "AE", "PACS1"), None),
        (Element(0x00100030, "DA", "19800312"), Telltale.ELEMENT),
        (Element(0x00080080, "LO", "Klinik"), Telltale.ELEMENT),
        (Element(0x00080050, "SH", "A1"), Telltale.ELEMENT),
        (Element(0x00181000, "LO", "SN1"), Telltale.ELEMENT),
        (Element(0x60003000, "OW", "x"), Telltale.ELEMENT),
        (Element(0x50100010, "US", "1"), Telltale.ELEMENT),
    ],
)
def test_one_element_that_should_not_be_there_is_told(element, telltale):
    assert in_header([*CLEAN, element]) == ({telltale} if telltale else set())


def test_a_header_that_does_not_say_that_it_is_clean_is_told():
    assert in_header(CLEAN[:-3]) == {Telltale.UNDECLARED}
