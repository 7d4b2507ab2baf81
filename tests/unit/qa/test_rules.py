"""Each rule has a case that passes and a case that does not; limits are the packaged ones."""

import tomllib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from umd_curate.model.catalogue import CATALOGUE
from umd_curate.model.checks import CheckEntry, Confirmation, Intensities, OrganEntry, Outcome, heaviest
from umd_curate.model.findings import Severity
from umd_curate.qa.fit import Fit
from umd_curate.qa.io import rulebook
from umd_curate.qa.measures import GeometryFacts, LabelMeasure, Measures, PetFacts, PetMeasure
from umd_curate.qa.rulebook import Limits, Rulebook, rounded
from umd_curate.qa.rules import COHORT_RULES, check, findings_of
from umd_curate.store.resources import organ_table, resource_folder

TABLE = organ_table()
BOOK = rulebook()[0].with_fail("P7", Limits(high=0.05))

IN_PLACE = Fit((1.0, -1.0, 0.5), 0.70, 0.70, 0.5)
ELSEWHERE = Fit((0.0, 12.0, 9.0), 0.40, 0.70, 0.5)

# name: x, y, z of the centre (RAS+ mm), volume, HU, mean SUV; a plain adult
ADULT = {
    "liver": ((80, 10, 0), 1500, 60, 2.2),
    "kidney_left": ((-60, -50, -80), 170, 35, 3.0),
    "kidney_right": ((60, -50, -90), 170, 35, 3.0),
    "brain": ((0, 0, 450), 1300, 35, 7.0),
    "heart": ((-20, 30, 100), 600, 45, 2.0),
    "spleen": ((-100, -40, 10), 200, 50, 1.8),
    "aorta": ((-10, -50, 50), 200, 40, 1.6),
    "lung": ((0, 0, 130), 4000, -800, 0.4),
    "colon": ((0, 30, -120), 800, 10, 1.0),
    "urinary_bladder": ((0, 20, -300), 200, 5, 20.0),
    "pancreas": ((0, 20, -50), 80, 40, 1.4),
    "esophagus": ((0, -30, 170), 30, 35, 1.5),
    "stomach": ((-60, 40, -10), 300, 20, 1.2),
}


def numbers(median: float) -> Intensities:
    return Intensities(
        voxels=1000, mean=median, sd=1, least=median, p5=median, p25=median, median=median, p75=median, p95=median,
        greatest=median,
    )  # fmt: skip


def organ(name: str, *, hu: float | None = None, suv: float | None = None, **changes: object) -> OrganEntry:
    centre, volume, usual_hu, usual_suv = ADULT[name]
    found = TABLE.named(name)
    assert found is not None
    values: dict[str, object] = {
        "name": name,
        "id": found.id,
        "volume_ml": volume,
        "pieces": 1,
        "largest_piece": 1.0,
        "truncated": False,
        "centroid_ras_mm": centre,
        "outside_body": 0.0,
        "margin_voxels": 10,
        "tissue_part": 0.98,
        "image": numbers(usual_hu if hu is None else hu),
        "suv": numbers(usual_suv if suv is None else suv),
    }
    return OrganEntry.model_validate(values | changes)


def labels(*, without: str = "", changed: OrganEntry | None = None) -> LabelMeasure:
    organs = [changed if changed and changed.name == name else organ(name) for name in ADULT if name != without]
    return LabelMeasure(
        organs=tuple(organs),
        corner_error_mm=0.0,
        unknown_values=0,
        is_integer=True,
        extent_z_mm=(-450.0, 550.0),
        organ_z_mm={entry.name: (entry.centroid_ras_mm[2] - 50, entry.centroid_ras_mm[2] + 50) for entry in organs},
        gaps_mm={pair.organs: pair.within_mm or pair.apart_mm or 0.0 for pair in BOOK.neighbours},
        fit=IN_PLACE,
    )


def clean() -> Measures:
    return Measures(
        images=(),
        anatomy="ct",
        labels=labels(),
        pet=PetMeasure(
            not_finite=0,
            negative=0.0,
            body_mean=0.9,
            has_labels=True,
            label_corner_error_mm=0.0,
            agreement=0.97,
            fit=IN_PLACE,
        ),
        pet_facts=PetFacts("SUVbw", has_suv=True, tracer="FDG -- fluorodeoxyglucose"),
        geometry=(GeometryFacts("pet", 2e-5, 1e-4),),
        overlap=0.9,
    )


def outcomes(measures: Measures, rule: str) -> list[Outcome]:
    return [entry.outcome for entry in check(measures, BOOK, TABLE) if entry.rule == rule]


def worst(measures: Measures, rule: str) -> Outcome:
    return heaviest(outcomes(measures, rule))


def pet(**changes: object) -> Measures:
    measures = clean()
    assert measures.pet is not None
    return replace(measures, pet=replace(measures.pet, **changes))


def with_labels(found: LabelMeasure) -> Measures:
    return replace(clean(), labels=found)


def changed(name: str, **changes: object) -> Measures:
    return with_labels(labels(changed=organ(name, **changes)))


def test_a_clean_session_passes_every_rule_of_the_book() -> None:
    for rule in BOOK.rules.keys() - COHORT_RULES:
        assert worst(clean(), rule) is Outcome.PASS, rule


FAULTS = {
    "one voxel is no number": (pet(not_finite=1), "I1", Outcome.FAIL),
    "a voxel is negative": (pet(negative=1e-6), "I2", Outcome.WARN),
    "SUV was refused": (replace(clean(), pet_facts=PetFacts("Bq/mL", has_suv=False, tracer="FDG")), "I3", Outcome.WARN),
    "SUV has no receipt": (
        replace(clean(), pet_facts=PetFacts("SUVbw", has_suv=False, tracer="FDG")),
        "I3",
        Outcome.FAIL,
    ),
    "Bq/mL has an SUV receipt": (
        replace(clean(), pet_facts=PetFacts("Bq/mL", has_suv=True, tracer="FDG")),
        "I3",
        Outcome.FAIL,
    ),
    "PET has no sidecar": (replace(clean(), pet_facts=None), "I3", Outcome.FAIL),
    "little overlap": (replace(clean(), overlap=0.2), "I4", Outcome.WARN),
    "hardly any overlap": (replace(clean(), overlap=0.01), "I4", Outcome.FAIL),
    "image lies elsewhere": (replace(clean(), geometry=(GeometryFacts("ct", 2e-4, 1e-4),)), "I5", Outcome.FAIL),
    "dose ten times too low": (pet(body_mean=9.0), "I6", Outcome.WARN),
    "label map is shifted": (with_labels(replace(labels(), corner_error_mm=2.0)), "G1", Outcome.FAIL),
    "label map has another shape": (with_labels(replace(labels(), corner_error_mm=None)), "G1", Outcome.FAIL),
    "PET label map has another shape": (pet(label_corner_error_mm=None), "G1", Outcome.FAIL),
    "a value has no name": (with_labels(replace(labels(), unknown_values=2)), "G2", Outcome.FAIL),
    "labels are fractions": (with_labels(replace(labels(), is_integer=False)), "G2", Outcome.FAIL),
    "an engine lost an organ": (with_labels(labels(without="spleen")), "P1", Outcome.FAIL),
    "an organ was not drawn": (
        with_labels(replace(labels(without="spleen"), is_drawn_by_people=True)),
        "P1",
        Outcome.WARN,
    ),
    "a session has no labels": (replace(clean(), labels=None), "G0", Outcome.WARN),
    "an organ is cut flat": (changed("liver", blunt_end=0.8), "P2", Outcome.WARN),
    "scattered specks": (changed("liver", specks=12), "P3s", Outcome.WARN),
    "a leak": (changed("spleen", volume_ml=2600), "P4", Outcome.WARN),
    "a hole": (changed("liver", hole_part=0.05), "P8", Outcome.WARN),
    "half beside the organ": (changed("spleen", tissue_part=0.5), "P9p", Outcome.WARN),
    "lung and liver apart": (
        with_labels(replace(labels(), gaps_mm={("lung", "liver"): 80.0})),
        "P13",
        Outcome.WARN,
    ),
    "labels of another image": (with_labels(replace(labels(), fit=ELSEWHERE)), "P14", Outcome.FAIL),
    "labels on PET fit elsewhere": (pet(fit=ELSEWHERE), "R1", Outcome.WARN),
    "two engines disagree": (with_labels(replace(labels(), agreement={"spleen": 0.7})), "P12", Outcome.WARN),
    "labels on PET of another body": (pet(agreement=0.3), "P12", Outcome.FAIL),
    "an island": (changed("liver", pieces=2, largest_piece=0.9), "P3", Outcome.WARN),
    "two halves": (changed("liver", pieces=2, largest_piece=0.6), "P3", Outcome.FAIL),
    "specks": (changed("pancreas", volume_ml=1.0), "P4", Outcome.WARN),
    "kidney on the other side": (changed("kidney_left", centroid_ras_mm=(90, -50, -80)), "P5", Outcome.FAIL),
    "mirrored body": (changed("liver", centroid_ras_mm=(-120, 10, 0)), "P5", Outcome.FAIL),
    "upside down": (changed("urinary_bladder", centroid_ras_mm=(0, 20, 300)), "P6", Outcome.FAIL),
    "organ partly in air": (changed("stomach", outside_body=0.03), "P7", Outcome.WARN),
    "organ in air": (changed("stomach", outside_body=0.3), "P7", Outcome.FAIL),
    "lung as dense as liver": (changed("lung", hu=50), "P9", Outcome.WARN),
    "cold brain": (changed("brain", suv=1.0), "P10", Outcome.WARN),
    "hot liver": (changed("liver", suv=6.0), "P10", Outcome.WARN),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_named_by_its_rule(fault: str) -> None:
    measures, rule, expected = FAULTS[fault]
    assert worst(measures, rule) is expected


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_gives_a_finding_of_its_weight(fault: str) -> None:
    measures, rule, expected = FAULTS[fault]
    found = findings_of(check(measures, BOOK, TABLE), "sub-7K3QF2_ses-petct1")
    own = [finding for finding in found if finding.code == BOOK.rules[rule].code]
    assert Severity(expected.value) in {finding.severity for finding in own}


def test_a_clean_session_has_no_finding() -> None:
    assert findings_of(check(clean(), BOOK, TABLE), "sub-7K3QF2_ses-petct1") == ()


def test_a_brain_above_the_image_is_not_missed() -> None:
    thorax = replace(labels(without="brain"), extent_z_mm=(-450.0, 250.0))
    entries = [
        entry for entry in check(with_labels(thorax), BOOK, TABLE) if (entry.rule, entry.organ) == ("P1", "brain")
    ]
    assert [entry.outcome for entry in entries] == [Outcome.NOT_APPLICABLE]


def test_a_truncated_organ_is_not_called_too_small() -> None:
    assert Outcome.WARN not in outcomes(changed("liver", volume_ml=2.0, truncated=True), "P4")


def test_two_lungs_and_many_colon_pieces_are_normal() -> None:
    assert worst(changed("lung", pieces=2, largest_piece=1.0), "P3") is Outcome.PASS
    assert worst(changed("colon", pieces=9, largest_piece=0.3), "P3") is Outcome.PASS


def test_another_tracer_is_not_judged_as_fdg() -> None:
    measures = replace(clean(), pet_facts=PetFacts("SUVbw", has_suv=True, tracer="Florbetaben"))
    assert outcomes(measures, "P10") == [Outcome.NOT_APPLICABLE]


def test_a_psma_tracer_leaves_the_brain_cold_and_its_bladder_is_judged_by_the_way_it_leaves() -> None:
    by_liver = {**ADULT, "brain": (*ADULT["brain"][:3], 0.2), "liver": (*ADULT["liver"][:3], 8.0)}
    organs = tuple(organ(name, suv=suv) for name, (*_, suv) in by_liver.items())
    for tracer, judged in (("PSMA-11", {"brain", "heart", "liver", "urinary_bladder"}),
                           ("F-18 PSMA-1007", {"brain", "heart", "liver"})):  # fmt: skip
        measures = replace(
            with_labels(replace(labels(), organs=organs)), pet_facts=PetFacts("SUVbw", has_suv=True, tracer=tracer)
        )
        entries = [entry for entry in check(measures, BOOK, TABLE) if entry.rule == "P10"]
        assert {entry.organ.split()[0] for entry in entries} == judged
        assert heaviest([entry.outcome for entry in entries]) is Outcome.PASS


def test_mr_is_not_judged_in_hounsfield_units() -> None:
    assert outcomes(replace(clean(), anatomy="mr"), "P9") == [Outcome.NOT_APPLICABLE]


def test_without_label_map_label_rules_do_not_apply() -> None:
    entries = check(replace(clean(), labels=None), BOOK, TABLE)
    of_labels = [entry for entry in entries if entry.rule[0] in "GP" and entry.rule != "G0"]
    assert {entry.outcome for entry in of_labels} == {Outcome.NOT_APPLICABLE}


def test_without_pet_no_pet_rule_passes() -> None:
    entries = check(replace(clean(), pet=None, pet_facts=None, overlap=None), BOOK, TABLE)
    silent = {"I1", "I2", "I3", "I4", "I6", "P10", "P12", "R1"}
    assert {entry.outcome for entry in entries if entry.rule in silent} == {Outcome.NOT_APPLICABLE}


def test_every_rule_has_a_catalogue_page_and_every_organ_of_the_table_exists() -> None:
    table = tomllib.loads((resource_folder("manifests") / "qa_rules.toml").read_text(encoding="utf-8"))
    assert all(rule["code"] in CATALOGUE for rule in table["rules"])
    named = set(table["organs"]) | {pair[side] for pair in table["laterality"] for side in ("left", "right")}
    named |= {pair[side] for pair in table["order"] for side in ("upper", "lower")}
    named |= {entry["organ"] for entry in (*table["field_of_view"], *table["uptake"])}
    named |= {name for entry in (*table["neighbours"], *table["variants"]) for name in entry["organs"]}
    assert named <= {organ.name for organ in TABLE}


def test_an_unknown_key_in_the_table_is_an_error() -> None:
    table = tomllib.loads((resource_folder("manifests") / "qa_rules.toml").read_text(encoding="utf-8"))
    with pytest.raises(ValidationError):
        Rulebook.parse(table | {"ruels": []})


def test_every_rule_says_why_and_its_severity_is_the_heaviest_outcome_that_its_limits_allow() -> None:
    by_state = {"I3", "I5"}  # judged by a receipt, whose limits stand in it
    for rule in BOOK.rules.values():
        assert rule.why
        assert rule.source
        if rule.id not in by_state:
            assert (rule.severity == "fail") == (rule.fail != Limits()), rule.id


def confirm(variant: str, *organs: str) -> Confirmation:
    return Confirmation(
        variant=variant, organs=organs, reviewer="r1", reason="operation in the history", date="2026-11-20"
    )


SITUS = {name: (-x, y, z) for name, ((x, y, z), *_) in ADULT.items()}
VARIANTS = {
    "nephrectomy": (with_labels(labels(without="kidney_left")), confirm("nephrectomy", "kidney_left"), "P1"),
    "splenectomy": (with_labels(labels(without="spleen")), confirm("splenectomy", "spleen"), "P1"),
    "cystectomy": (with_labels(labels(without="urinary_bladder")), confirm("cystectomy", "urinary_bladder"), "P1"),
    "kidney-transplant": (
        changed("kidney_left", centroid_ras_mm=(-90, 20, -320)),
        confirm("kidney-transplant", "kidney_left"),
        "P6",
    ),
    "situs-inversus": (
        with_labels(
            replace(
                labels(),
                organs=tuple(
                    organ(name, centroid_ras_mm=centre if not name.startswith("kidney") else ADULT[name][0])
                    for name, centre in SITUS.items()
                ),
            )
        ),
        confirm("situs-inversus"),
        "P5",
    ),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variant_of_anatomy_fails_until_a_reviewer_confirms_it(variant: str) -> None:
    measures, confirmation, rule = VARIANTS[variant]
    assert worst(measures, rule) is Outcome.FAIL
    passed = replace(measures, confirmed=(confirmation,))
    assert worst(passed, rule) is Outcome.PASS
    assert not [entry for entry in check(passed, BOOK, TABLE) if entry.outcome in {Outcome.WARN, Outcome.FAIL}]
    (recorded,) = findings_of(check(passed, BOOK, TABLE), "place", passed.confirmed)
    assert (recorded.code, recorded.severity) == ("QA-290", Severity.INFO)
    assert all(part in recorded.detail for part in (variant, "operation in the history", "r1", "2026-11-20"))


def test_a_confirmation_says_nothing_of_other_organs_and_other_rules() -> None:
    lost = with_labels(labels(without="spleen"))
    assert worst(replace(lost, confirmed=(confirm("nephrectomy", "kidney_left"),)), "P1") is Outcome.FAIL
    holed = replace(changed("spleen", hole_part=0.2), confirmed=(confirm("splenectomy", "spleen"),))
    assert worst(holed, "P8") is Outcome.WARN


def test_an_organ_beside_a_cut_off_neighbour_warns_only_where_enough_of_it_is_seen() -> None:
    lost = labels(without="spleen")
    for seen_mm, expected in ((90.0, Outcome.NOT_APPLICABLE), (150.0, Outcome.WARN)):
        cut = replace(
            lost,
            organs=tuple(entry.model_copy(update={"is_complete": entry.name != "liver"}) for entry in lost.organs),
            organ_z_mm={**lost.organ_z_mm, "liver": (0.0, seen_mm)},
        )
        entries = check(with_labels(cut), BOOK, TABLE)
        assert [e.outcome for e in entries if (e.rule, e.organ) == ("P1", "spleen")] == [expected]


def test_a_thin_organ_in_two_parts_warns_and_a_compact_one_fails() -> None:
    assert worst(changed("pancreas", pieces=2, largest_piece=0.53), "P3") is Outcome.WARN
    assert worst(changed("spleen", pieces=2, largest_piece=0.53), "P3") is Outcome.FAIL


def test_a_flat_image_gives_no_verdict_on_the_place_of_the_labels() -> None:
    flat = with_labels(replace(labels(), fit=Fit((0.0, 0.0, 30.0), 0.010, 0.011, 0.004)))
    assert outcomes(flat, "P14") == [Outcome.NOT_APPLICABLE]


@given(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3))
def test_moving_the_left_kidney_decides_the_side_by_sign_alone(x_left: float, x_right: float) -> None:
    kidneys = labels(changed=organ("kidney_left", centroid_ras_mm=(x_left, 0, 0)))
    organs = tuple(
        entry.model_copy(update={"centroid_ras_mm": (x_right, 0.0, 0.0)}) if entry.name == "kidney_right" else entry
        for entry in kidneys.organs
    )
    entries = check(with_labels(replace(kidneys, organs=organs)), BOOK, TABLE)
    pair = next(entry for entry in entries if entry.rule == "P5" and "kidney_left" in entry.organ)
    assert (pair.outcome is Outcome.PASS) == (x_right - x_left >= 0)


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_judgement_is_monotonous_in_a_one_sided_rule(value: float) -> None:
    order = [Outcome.FAIL, Outcome.WARN, Outcome.PASS]
    lower, higher = BOOK.judge("P3", value), BOOK.judge("P3", value + abs(value) + 0.1)
    assert order.index(lower.outcome) <= order.index(higher.outcome)


@given(st.floats(1e-30, 1e30))
def test_rounding_keeps_six_digits(value: float) -> None:
    assert abs(rounded(value) - value) <= 1e-5 * value


def test_the_limit_of_a_finding_is_the_one_that_was_crossed() -> None:
    entry = CheckEntry(rule="P9", code="QA-209", outcome=Outcome.WARN, organ="lung", measured=50.0, low=-950, high=-500)
    (finding,) = findings_of([entry], "place")
    assert (finding.measured, finding.limit) == (50.0, -500)


def test_absent_organs_of_one_weight_share_one_finding_that_names_them() -> None:
    found = labels(without="spleen")
    only_liver = replace(found, organs=found.organs[:1], organ_z_mm={})
    findings = findings_of(check(with_labels(only_liver), BOOK, TABLE), "place")
    absent = {finding.severity: finding.detail for finding in findings if finding.code == "QA-201"}
    assert all(name in absent[Severity.FAIL] for name in ("spleen", "stomach", "pancreas"))  # beside a whole liver
    assert all(name in absent[Severity.WARN] for name in ("brain", "urinary_bladder", "colon", "kidney_left"))
