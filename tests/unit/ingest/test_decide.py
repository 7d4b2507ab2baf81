"""The ranking of umd.toml, ties and decisions: what the data manager says is what is chosen, and it is recorded."""

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.ingest.rows import series
from umd_curate.ingest.criteria import rules_of
from umd_curate.ingest.plan import plan_ingest
from umd_curate.model.catalogue import ingest as codes
from umd_curate.model.config import CriterionName, Decision, IngestConfig, RankBy, RankConfig
from umd_curate.model.ids import ShortId
from umd_curate.model.study import Role
from umd_curate.pipeline.explain import explain, group_summaries, idle_decisions

PLAIN, SHARP = {"reconstruction_method": "OSEM"}, {"reconstruction_method": "OSEM PSF TOF"}
REASON = "the protocol of 2024"


def short_id(kind, value):
    """Groups by reconstruction, so that a test can name them."""
    if kind == "g":
        parts = dict(part.partition("=")[::2] for part in value.split("|"))
        return ShortId("g-" + (parts["reconstruction"] or parts["kernel"] or parts["modality"]).replace(" ", "-"))
    return ShortId(f"{kind}-{value}")


def _plan(*parts, **settings):
    return plan_ingest([row for part in parts for row in part], IngestConfig(**settings), short_id)


def _two_patients():
    """Two reconstructions of each of two patients; the plain one has the lower number."""
    return [
        series("PT", f"{name}-{patient}", patient=patient, study=patient, frame=patient, series_number=number, **method)
        for patient in "AB"
        for name, number, method in (("plain", 1, PLAIN), ("sharp", 2, SHARP))
    ]


def _used(plan):
    return {volume.series for session in plan.sessions for volume in session.volumes}


def test_series_that_only_the_number_tells_apart_are_a_tie():
    plan = _plan(*_two_patients())
    assert _used(plan) == {"s-plain-A", "s-plain-B"}
    assert all(codes.TIED.code in {finding.code for finding in session.findings} for session in plan.sessions)
    groups = {group.id: group for group in group_summaries(plan, ())}
    assert groups["g-osem"].ties == {"g-osem-psf-tof": 2}


def test_one_decision_for_a_protocol_group_decides_all_its_scans():
    decision = Decision(group="g-osem-psf-tof", choose="first", reason=REASON)
    plan = _plan(*_two_patients(), decide=(decision,))
    assert _used(plan) == {"s-sharp-A", "s-sharp-B"}
    found = [finding for session in plan.sessions for finding in session.findings]
    details = [finding.detail for finding in found if finding.code == codes.DECIDED.code]
    assert details == [f"g-osem-psf-tof first: {REASON}"] * 2
    assert {volume.decided_by for volume in plan.passed_over} == {"decision for the protocol group"}
    assert all(ranking.tied == 1 for ranking in plan.rankings)


def test_last_puts_a_group_behind_the_others_and_leaves_it_where_it_is_alone():
    last = (Decision(group="g-osem", choose="last", reason=REASON),)
    assert _used(_plan(*_two_patients(), decide=last)) == {"s-sharp-A", "s-sharp-B"}
    assert _used(_plan(series("PT", "plain", **PLAIN), decide=last)) == {"s-plain"}


def test_never_leaves_out_even_a_broken_series_and_quarantines_nothing():
    broken = series("PT", "plain", series_number=1, **PLAIN)
    sound = series("PT", "sharp", series_number=2, **SHARP)
    never = (Decision(series="s-plain", choose="never", reason=REASON),)
    plan = _plan(broken[:9] + broken[10:], sound, decide=never)
    assert _used(plan) == {"s-sharp"}
    assert {d.code for d in plan.decisions if d.series == "s-plain"} == {codes.DECIDED_AGAINST.code}
    assert plan.findings == ()


def test_a_decision_for_a_series_goes_before_the_tier_and_one_for_its_group_behind_it():
    nac = series("PT", "nac", corrected_image=("NORM",), reconstruction_method="other")
    ac = series("PT", "ac", **PLAIN)
    of_group = Decision(group="g-other", choose="first", reason=REASON)
    of_series = Decision(series="s-nac", choose="first", reason=REASON)
    assert _used(_plan(ac, nac, decide=(of_group,))) == {"s-ac"}
    assert _used(_plan(ac, nac, decide=(of_series,))) == {"s-nac"}


def test_a_series_is_an_exception_to_its_group():
    decisions = (
        Decision(group="g-osem", choose="never", reason=REASON),
        Decision(series="s-plain-A", choose="first", reason=REASON),
    )
    assert _used(_plan(*_two_patients(), decide=decisions)) == {"s-plain-A", "s-sharp-B"}


def test_the_order_of_the_criteria_is_the_users():
    pet = series("PT", "pet", n=40)
    low = series("CT", "low", n=40, series_description="CTAC", convolution_kernel="B70f")
    soft = series("CT", "soft", n=40, series_description="CT venous", convolution_kernel="B30f")
    by_role, by_kernel = (RankBy(by="attenuation-ct"), RankBy(by="soft-kernel")), (RankBy(by="soft-kernel"),)
    assert "s-low" in _used(_plan(pet, low, soft, rank=RankConfig(ct=by_role)))
    assert "s-soft" in _used(_plan(pet, low, soft, rank=RankConfig(ct=by_kernel)))


def test_words_are_preferred_in_the_order_in_which_they_stand():
    words = RankConfig(pet=(RankBy(by="reconstruction", words=("psf tof", "OSEM")),))
    assert _used(_plan(*_two_patients(), rank=words)) == {"s-sharp-A", "s-sharp-B"}
    others = RankConfig(pet=(RankBy(by="description", words=("WB",)), RankBy(by="highest-series-number")))
    assert _used(_plan(*_two_patients(), rank=others)) == {"s-sharp-A", "s-sharp-B"}


@given(
    names=st.permutations(["largest-coverage", "original", "bqml", "static"]),
    numbers=st.lists(st.integers(1, 3), min_size=2, max_size=4),
)
def test_whatever_the_order_one_pet_is_used_or_none_can_be_told_from_another(names, numbers):
    ranks = tuple(RankBy(by=name) for name in (*names, "lowest-series-number"))
    parts = [series("PT", f"{place}", series_number=number) for place, number in enumerate(numbers)]
    plan = _plan(*parts, rank=RankConfig(pet=ranks))
    lowest = [place for place, number in enumerate(numbers) if number == min(numbers)]
    assert _used(plan) == ({f"s-{lowest[0]}"} if len(lowest) == 1 else set())


def test_every_criterion_of_the_settings_can_be_used_for_every_role():
    words = {"description", "protocol", "kernel", "reconstruction"}
    every = tuple(
        RankBy(by=name, words=("x",) if name in words else ()) for name in CriterionName.__args__
    )  # fmt: skip
    rules = rules_of(IngestConfig(rank=RankConfig(pet=every, ct=every, mr=every)))
    assert {len(rules.criteria[role]) for role in (Role.PET, Role.CT, Role.MR)} == {3 + len(every)}
    plan = _plan(
        series("PT", "pet"), series("PT", "pet2", frame="x"), series("CT", "ct"), series("CT", "ct2"), series("MR", "mr"),
        rank=RankConfig(pet=every, ct=every, mr=every),
    )  # fmt: skip
    assert all(len(entry.values) == 3 + len(every) for ranking in plan.rankings for entry in ranking.entries)


def test_a_decision_that_meets_nothing_is_named():
    idle = Decision(group="g-gone", choose="first", reason=REASON)
    used = Decision(group="g-osem", choose="first", reason=REASON)
    assert idle_decisions(_plan(*_two_patients(), decide=(idle, used)), (idle, used)) == ["g-gone"]


def test_explanations_name_the_criterion_the_values_and_the_way_out():
    ct = series("CT", "soft", n=40, convolution_kernel="B30f")
    lung = series("CT", "lung", n=40, convolution_kernel="B70f")
    plan = _plan(series("PT", "pet", n=40), ct, lung)
    why = explain(plan, "s-lung", (), short_id, {})
    assert "s-soft was used: soft kernel (soft, not sharp)." in why.sentences
    assert any('series = "s-lung"' in text for text in why.advice)
    chosen = explain(plan, "s-soft", (), short_id, {})
    assert "Before s-lung: soft kernel (soft, not sharp)." in chosen.sentences


def test_files_groups_units_and_sessions_are_explained_and_strangers_are_not():
    plan = _plan(series("PT", "pet", n=40), series("CT", "ct", n=2))
    why = explain(plan, "f-/raw/P/study/ct/0000", (), short_id, {})
    assert any(codes.FEW_IMAGES.code in sentence for sentence in why.sentences)
    units = {"sub-7K3QF2_ses-petct1_pet": "s-pet", "sub-7K3QF2_ses-petct1_run-2_pet": "s-pet"}
    assert explain(plan, "sub-7K3QF2_ses-petct1_pet", (), short_id, units).ranking is not None
    assert len(explain(plan, "sub-7K3QF2", (), short_id, units).sentences) > 1
    assert explain(plan, "g-pt", (), short_id, {}) is not None
    assert [explain(plan, name, (), short_id, units) for name in ("s-no", "f-no", "g-no", "sub-000000")] == [None] * 4
