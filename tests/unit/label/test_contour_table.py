"""The table label.contours: found by keyed short id, its faults told without a path or UID."""

import pytest

from umd_curate.errors import ConfigError
from umd_curate.label.io import read_contour_table, read_names
from umd_curate.model.config import UmdConfig
from umd_curate.model.config_labels import LabelConfig
from umd_curate.store.keys import key_path, make_key

UID = "1.2.826.0.1.3680043.8.498.1"


@pytest.fixture
def key():
    return make_key(key_path(""))


def config(table):
    return UmdConfig(label=LabelConfig(contours=str(table)))


def test_no_table_is_no_contours():
    assert read_contour_table(UmdConfig()) == {}


def test_a_series_is_found_by_its_keyed_short_id_and_paths_count_from_the_table(tmp_path, key):
    table = tmp_path / "contours.csv"
    table.write_text(
        f"\ufeffseries_uid,path,map\n{UID},maps/one.nii.gz,names.toml\n{UID}.2, two.nii ,\n", encoding="utf-8"
    )
    rows = read_contour_table(config(table))
    one, two = rows[key.short_id("s", UID)], rows[key.short_id("s", f"{UID}.2")]
    assert (one.labels, one.names) == (tmp_path / "maps" / "one.nii.gz", tmp_path / "names.toml")
    assert (two.labels, two.names) == (tmp_path / "two.nii", None)
    assert str(tmp_path) not in repr(rows)
    assert UID not in repr(rows)


def test_the_checksums_follow_the_files(tmp_path, key):
    table = tmp_path / "contours.csv"
    table.write_text(f"series_uid,path\n{UID},one.nii\n", encoding="utf-8")
    row = read_contour_table(config(table))[key.short_id("s", UID)]
    assert row.checksums() == {"contours_sha256": "absent"}
    (tmp_path / "one.nii").write_bytes(b"abc")
    # the SHA-256 of "abc", FIPS 180-2 B.1
    assert row.checksums()["contours_sha256"].startswith("ba7816bf8f01cfea")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("series,path\nx,y\n", "no column 'series_uid'"),
        (f"series_uid,map\n{UID},y\n", "no column 'path'"),
        (f"series_uid,path\n{UID},a.nii\n{UID},b.nii\n", "Row 3 .* an earlier row"),
        (f"series_uid,path\n{UID},\n", "Row 2 .* lacks a value"),
        ("", "no column"),
    ],
)
def test_a_faulty_table_is_named_by_row_and_column_only(tmp_path, key, text, says):
    table = tmp_path / "SECRET.csv"
    table.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=says) as caught:
        read_contour_table(config(table))
    assert UID not in str(caught.value)
    assert "SECRET" not in str(caught.value)


def test_an_absent_table_is_a_fault_of_the_settings(tmp_path, key):
    with pytest.raises(ConfigError, match="cannot be read"):
        read_contour_table(config(tmp_path / "absent.csv"))


def test_a_map_file_names_ids(tmp_path):
    path = tmp_path / "map.toml"
    path.write_text('5 = "liver"\n90010 = "lung"\n', encoding="utf-8")
    assert read_names(path) == {5: "liver", 90010: "lung"}
    assert read_names(None) is None


@pytest.mark.parametrize("text", ['liver = "5"\n', "5 = 7\n", "5 5\n"])
def test_a_map_file_of_anything_else_is_a_fault_of_the_settings(tmp_path, text):
    path = tmp_path / "map.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="map file"):
        read_names(path)
