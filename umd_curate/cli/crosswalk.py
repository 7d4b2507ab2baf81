"""`crosswalk`: which patient is published under which id. What prints or writes identifiers says so and asks for it."""

import sys
from pathlib import Path

import click

from umd_curate.cli import render
from umd_curate.cli.options import UNLINKABLE, Options, common
from umd_curate.errors import ExitCode, UsageError

_NEW_KEY_NOTE = """\
Subject ids and the numbers of sessions stay as they are published. UIDs, date shifts and short ids follow from the key:
the next run makes every file anew, and what was published under the old key cannot be joined with it by UID or date.
Now name the new key as deid.key_file in umd.toml (or in UMD_KEY_FILE). Remove the old key, and copies of the old vault, if
the old key is known to others; keep it, apart, if UIDs that were published under it must be explained later."""

_ISSUER_NOTE = """\
A row counts for headers with its very issuer (0010,0021), a row without one for headers without one. A patient of whom only
the issuer differs is set aside (ING-224); one whom no row fits gets a random id that stays. With deid.subjects = "preassigned"
in umd.toml both stop the run instead."""
_ONLY_TRIED = " (nothing was changed)"


@click.group
def crosswalk() -> None:
    """Keep the link between patients and published ids: the vault in private/.

    \b
    Example:
      umd-curate crosswalk import trial-ids.csv --workspace study
    """


@crosswalk.command
@UNLINKABLE
@common
def init(options: Options, *, unlinkable: bool) -> int:
    """Make workspace, key and an empty vault, before the first run.

    With --unlinkable the workspace gets a key that no other one uses: nothing that it publishes can be joined with another
    dataset of the same patients by id, UID or date. `crosswalk destroy --with-key` then cuts the last tie.

    \b
    Example:
      umd-curate crosswalk init --workspace study
    """
    from umd_curate.pipeline import crosswalk as work

    if options.dry_run:
        render.note("Where they are missing, a workspace, its key and an empty vault would be made.")
        return ExitCode.DONE
    workspace = options.open_or_create(unlinkable=unlinkable)
    fingerprint = work.init(workspace, options.settings(workspace))
    if options.json:
        render.as_json({"key": fingerprint})
    else:
        render.line(f"The crosswalk is ready. Key: {fingerprint}. Back the key up, apart from private/.")
    return ExitCode.DONE


@crosswalk.command("import")
@click.argument("table", metavar="CSV", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--issuer", default="", help="Issuer (0010,0021) of the rows that name none.")
@common
def import_(options: Options, table: Path, issuer: str) -> int:
    """Take ids that were assigned before, such as those of a trial: all rows of CSV, or none.

    CSV has the columns issuer, id and subject. A row without issuer is for headers without one. Patients that are one person
    by ingest.patients need one row. An id that is already published under another name is refused.

    \b
    Example:
      umd-curate crosswalk import trial-ids.csv --workspace study
    """
    from umd_curate.pipeline import crosswalk as work

    workspace = options.require() if options.dry_run else options.open_or_create()
    config = options.settings(workspace)
    counts = work.take_table(workspace, config, table, issuer, keep=not options.dry_run)
    if options.json:
        render.as_json({"new": counts.new, "patients": counts.patients})
    else:
        render.line(f"{counts.new} new, {counts.patients} patients in all{_ONLY_TRIED if options.dry_run else ''}")
    if config.deid.subjects != "preassigned":
        render.note(_ISSUER_NOTE)
    return ExitCode.DONE


@crosswalk.command
@click.argument("subject", metavar="[SUBJECT]", required=False)
@click.option("--issuer", default="", help="Issuer (0010,0021) of the patient that is asked for.")
@click.option("--to-pipe", is_flag=True, help="Write identifiers although stdout is not a terminal.")
@common
def lookup(options: Options, subject: str | None, issuer: str, *, to_pipe: bool) -> int:
    """Show the patient behind SUBJECT, or, without SUBJECT, the subject of a patient.

    The PatientID is asked for (or read as one line of standard input), so that it stands in no shell history. It prints
    identifiers, so it writes to a terminal only.

    \b
    Example:
      umd-curate crosswalk lookup 7K3QF2 --workspace study
    """
    from umd_curate.deid.crosswalk import split_patient
    from umd_curate.pipeline import crosswalk as work

    if not (sys.stdout.isatty() or to_pipe):
        message = "lookup prints identifiers and writes to a terminal only."
        raise UsageError(message, hint="Use --to-pipe if the reader may see them.")
    workspace = options.require()
    config = options.settings(workspace)
    find = work.of_subject(subject) if subject else work.of_patient(config, issuer, _asked("PatientID"))
    link = work.link_of(workspace, config, find)
    if link is None:
        message = "The crosswalk does not hold it."
        raise UsageError(message, hint="An issuer, if the headers have one, must be given with --issuer.")
    told_issuer, patient_id = split_patient(link.patient)
    told = {"subject": link.subject, "issuer": told_issuer, "id": patient_id}
    if options.json:
        render.as_json(dict(told))
    else:
        render.fields(f"sub-{link.subject}", told)
    return ExitCode.DONE


def _asked(what: str) -> str:
    if sys.stdin.isatty():
        return str(click.prompt(what, hide_input=True, err=True)).strip()
    return sys.stdin.readline().strip(" \0\r\n")


@crosswalk.command
@click.argument("vault", metavar="VAULT", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--key", "key_file", required=True, type=click.Path(path_type=Path, dir_okay=False, exists=True),
              help="Key file of the other vault.")  # fmt: skip
@common
def merge(options: Options, vault: Path, key_file: Path) -> int:
    """Take over the ids and session numbers of another VAULT, such as a second machine's: all of them, or none.

    \b
    Example:
      umd-curate crosswalk merge other/vault.sqlite --key b.key --workspace study
    """
    from umd_curate.pipeline import crosswalk as work
    from umd_curate.store.keys import key_path, load_key

    workspace = options.require() if options.dry_run else options.open_or_create()
    config, other = options.settings(workspace), load_key(key_file)
    counts = work.merge(workspace, config, vault, other, keep=not options.dry_run)
    same = load_key(key_path(config.deid.key_file)).secret == other.secret
    if options.json:
        render.as_json({"new": counts.new, "patients": counts.patients, "numbers": counts.numbers, "same_key": same})
        return ExitCode.DONE
    render.line(f"{counts.new} new, {counts.patients} patients in all{_ONLY_TRIED if options.dry_run else ''}")
    if not same:
        render.note(
            "The other vault had another key: files made there carry other UIDs and date shifts; make them here."
        )
    return ExitCode.DONE


@crosswalk.command
@click.option("--to-file", "target", required=True, type=click.Path(path_type=Path, dir_okay=False),
              help="New file, outside the workspace or in its private/; mode 0600.")  # fmt: skip
@common
def export(options: Options, target: Path) -> int:
    """Write the crosswalk as plain CSV: issuer, id, subject, shift_days. Who has this file has every patient.

    \b
    Example:
      umd-curate crosswalk export --to-file /encrypted/study-crosswalk.csv --workspace study
    """
    from umd_curate.pipeline import crosswalk as work

    workspace = options.require()
    count = work.export(workspace, options.settings(workspace), target, keep=not options.dry_run)
    if options.json:
        render.as_json({"patients": count})
    elif options.dry_run:
        render.note(f"{count} patients would be written, in plain text.")
    else:
        render.note(f"{count} patients written, in plain text. Delete the file when it has served its purpose.")
    return ExitCode.DONE


@crosswalk.command
@click.option("--new-key", required=True, type=click.Path(path_type=Path, dir_okay=False),
              help="File of the new key; made if it is not there.")  # fmt: skip
@common
def rotate(options: Options, new_key: Path) -> int:
    """Seal the vault anew under another key, and say what that changes.

    \b
    Example:
      umd-curate crosswalk rotate --new-key ~/.config/umd-curate/study-2.key --workspace study
    """
    from umd_curate.pipeline import crosswalk as work

    workspace = options.require()
    if options.dry_run:
        render.note(_NEW_KEY_NOTE)
        return ExitCode.DONE
    fingerprint, counts = work.rotate(workspace, options.settings(workspace), new_key)
    if options.json:
        render.as_json({"key": fingerprint, "patients": counts.patients, "numbers": counts.numbers})
    else:
        render.line(f"{counts.patients} patients are sealed under key {fingerprint}.")
        render.note(_NEW_KEY_NOTE)
    return ExitCode.DONE


@crosswalk.command
@click.option("--with-key", is_flag=True, help="Destroy the key too. Other workspaces that use it lose their vaults.")
@click.option("--confirm", metavar="FINGERPRINT", help="Fingerprint of the key, instead of the question.")
@common
def destroy(options: Options, *, with_key: bool, confirm: str | None) -> int:
    """Cut the link between subjects and patients for good: the vault and all of private/, and with --with-key the key.

    data/, qa/ and releases/ stay. Withdrawals by patient, corrections and later visits are impossible afterwards. Without
    --with-key, who has the key and a patient's UIDs or dates can still recognise them. Backups are not reached.

    \b
    Example:
      umd-curate crosswalk destroy --with-key --workspace study
    """
    from umd_curate.pipeline import crosswalk as work
    from umd_curate.store.keys import key_path, load_key

    workspace = options.require()
    config = options.settings(workspace)
    work.require_vault(workspace)
    path = key_path(config.deid.key_file)
    wanted = load_key(path).fingerprint if path.exists() else "lost"
    render.note("This removes the vault and all of private/" + (", and the key." if with_key else ". The key stays."))
    if options.dry_run:
        return ExitCode.DONE
    given = confirm if confirm is not None else click.prompt(f"Type {wanted} to go on", err=True)
    if given != wanted:
        message = "That is not the fingerprint; nothing was removed."
        raise UsageError(message, hint="`umd-curate doctor --workspace ...` shows the fingerprint of the key.")
    removed = work.destroy(workspace, config, with_key=with_key)
    if options.json:
        render.as_json({"removed": removed})
    else:
        render.line(f"{removed} files removed. Remove the backups of private/ and of the key too.")
    return ExitCode.DONE
