"""`withdraw`: take a subject out of every later release."""

from dataclasses import asdict

import click

from umd_curate.cli import render
from umd_curate.cli.options import Options, common
from umd_curate.errors import ExitCode, UsageError
from umd_curate.model.ids import subject_id

MIN_REASON = 10  # letters, as for every reason in umd.toml


@click.command
@click.argument("subject")
@click.option("--reason", required=True, help="Why; it is published with the tombstone, so it must name no person.")
@common
def withdraw(options: Options, subject: str, reason: str) -> int:
    """Withdraw SUBJECT, a published id: no later release holds it, and what still does is listed.

    The next release has a tombstone instead of the subject, and needs a new minor version. Earlier releases, here and on the Hub, are
    not touched: the plan names their files.

    \b
    Example:
      umd-curate withdraw 7K3QF2 --reason "consent was withdrawn" --workspace study
    """
    from umd_curate.pipeline import withdraw as pipeline
    from umd_curate.store.ledger import Ledger
    from umd_curate.store.workspace import locked

    subject = subject_id(subject)
    reason = reason.strip()
    if len(reason) < MIN_REASON:
        message = f"A reason has at least {MIN_REASON} letters."
        raise UsageError(message)
    workspace = options.require()
    config = options.settings(workspace)
    with locked(workspace, "withdraw"), Ledger(workspace.ledger_path) as ledger:
        plan = pipeline.plan_purge(workspace, ledger, subject, config.dataset.definition)
        if not options.dry_run:
            pipeline.withdraw(workspace, subject, reason)
    if options.json:
        render.as_json({"withdrawn": not options.dry_run, **asdict(plan)})
        return ExitCode.DONE
    render.line(f"sub-{subject} {'would be' if options.dry_run else 'is'} withdrawn: no later release holds it.")
    render.line("Still to be purged:")
    for folder in plan.folders:
        render.line(f"  workspace  {folder}/")
    if plan.private_files:
        render.line(f"  workspace  {plan.private_files} files in private/, and the patient's raw files")
    for held in plan.versions:
        size = sum(file.size for file in held.files)
        where = held.folder or "its folder is not here"
        render.line(f"  release {held.version}  {where}: {len(held.files)} files, {size / 1e6:,.1f} MB")
    if plan.versions:
        tags = ", ".join(f"v{held.version}" for held in plan.versions)
        render.line(f"  published {tags}: build and push a version without it, then delete these for good with")
        render.line(f"    umd-curate publish yank --subject {subject} --reason TEXT --to TARGET")
    else:
        render.line("  no release of this workspace holds it")
    return ExitCode.DONE
