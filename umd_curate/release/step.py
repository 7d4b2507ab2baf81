"""The story of a release: gather the sessions, pass the gate, decide the contents, write, read back, give it its name."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from umd_curate.errors import GateRefused
from umd_curate.model.config import UmdConfig
from umd_curate.model.receipts import Artifact, Json, Receipt
from umd_curate.model.steps import Place, Step, Unit, View
from umd_curate.release.cases import subsets_of
from umd_curate.release.compose import Contents, compose, series_record
from umd_curate.release.gate import MAX_NAMED, Decision, decide, refuse_empty
from umd_curate.release.io import README, SUMS, building, read_cases, tool_versions, write_release
from umd_curate.release.plan import SERIES, SPLITS, STEP_NAME, ReleasePlan, plan_release, release_folder
from umd_curate.release.scan import verify_release
from umd_curate.release.verify import VerifyResult
from umd_curate.store.resources import definition, organ_table

RELEASE_FILE = "release-file"  # role of the artifacts


def plan(view: View, config: UmdConfig) -> Sequence[Unit]:
    """The one unit ``release-<version>``; none where no session has a file below the wall."""
    subsets = subsets_of(definition(config.dataset.definition))
    unit = plan_release(view, config.release, subsets, config.ingest.decide)
    return [unit] if unit else []


def perform(unit: Unit, place: Place, config: UmdConfig, search: Callable[[Path], None] = lambda _: None) -> Receipt:
    """Build ``releases/<version>/<dataset>/``, verify and search it before it gets its name.

    Parameters
    ----------
    unit, place, config
        As for every step.
    search
        Raises `Refused` where the built folder must not get its name; an older folder of that name then stays.

    Raises
    ------
    GateRefused
        No session can be released, or the built folder does not read back as the manifest says.
    ConfigError
        A relaxation names a rule that must not be relaxed.
    """
    dataset = definition(config.dataset.definition)
    subsets = subsets_of(dataset)
    release_plan = ReleasePlan.model_validate(dict(unit.params))
    decision = decide(read_cases(release_plan, unit.inputs, place, subsets), config.release.relax)
    refuse_empty(decision)
    contents = compose(decision, release_plan, config, subsets, organ_table(config.dataset.definition))
    relative = release_folder(config)
    target = place.resolve(relative)
    with building(target) as folder:
        sums = write_release(folder, contents, place, config, dataset)
        result = verify_release(folder)
        _refuse_faults(result)
        search(folder)
    shards = [shard.path for content in contents.configs for shard in content.shards]
    outputs = [
        Artifact(RELEASE_FILE, f"{relative}/{name}", sums[name], (target / name).stat().st_size)
        for name in [README, SUMS, *shards]
    ]
    return unit.receipt(
        outputs=outputs,
        findings=[finding for held in decision.held for finding in held.findings],
        measured=_measured(contents, decision, result, sum(artifact.size for artifact in outputs)),
        versions=tool_versions(),
    )


def _refuse_faults(result: VerifyResult) -> None:
    if result.is_whole:
        return
    named = "; ".join(f"{fault.code} {fault.place}" for fault in result.faults[:MAX_NAMED])
    more = f" and {len(result.faults) - MAX_NAMED} more" if len(result.faults) > MAX_NAMED else ""
    message = f"The built release does not read back as its manifest says: {named}{more}."
    raise GateRefused(message, hint="A file in data/ changed after its step wrote it; run `umd-curate run` again.")


def _measured(contents: Contents, decision: Decision, result: VerifyResult, size: int) -> dict[str, Json]:
    summary = contents.summary
    held = Counter(code for entry in decision.held for code in {finding.code for finding in entry.findings})
    return {
        "subjects": summary.subjects,
        "sessions": summary.sessions,
        "slices": summary.slices,
        "organ_masks": summary.organ_masks,
        "rows": {content.name: content.n_rows for content in contents.configs},
        "split_sizes": dict(summary.splits),
        SPLITS: dict(contents.splits),
        SERIES: series_record(contents),
        "held_sessions": dict(sorted(held.items())),
        "size_bytes": size,
        "verified_files": result.files,
        "verified_volumes": result.volumes,
    }


STEP = Step(name=STEP_NAME, version=3, sections=("dataset", "release"), plan=plan, perform=perform)
