"""`bench`: score de-identified files against an answer key."""

from pathlib import Path

import click

from umd_curate.cli import render
from umd_curate.cli.options import Options, common
from umd_curate.errors import ExitCode
from umd_curate.model.receipts import Json


@click.group
def bench() -> None:
    """Score de-identified files against an answer key.

    \b
    Example:
      umd-curate bench midi-b --answers key.db --input clean -w study
    """


@bench.command("midi-b")
@click.option("--answers", required=True, type=click.Path(path_type=Path, dir_okay=False, exists=True),
              help="MIDI-B's answer key: SQLite with the table answer_data.")  # fmt: skip
@click.option("--input", "folder", required=True, type=click.Path(path_type=Path, file_okay=False, exists=True),
              help="Folder of de-identified DICOM.")  # fmt: skip
@click.option("--uids", type=click.Path(path_type=Path, dir_okay=False, exists=True),
              help="CSV of UIDs (id_old, id_new).  [default: they follow from the workspace's key]")  # fmt: skip
@click.option("--patients", type=click.Path(path_type=Path, dir_okay=False, exists=True),
              help="CSV of PatientIDs (id_old, id_new).  [default: the first file of each patient says]")  # fmt: skip
@common
def midi_b(options: Options, answers: Path, folder: Path, uids: Path | None, patients: Path | None) -> int:
    """Score DICOM as MIDI-B does, for those who have its key.

    Ten actions; the score is the part of them that is right. By the rules of the challenge a value that is absent counts as
    shifted or changed, and a missing file as cleaned; the strict score wants both there. Hidden pixels are not judged.

    \b
    Example:
      umd-curate ingest RAW -w study --dicom-out clean
      umd-curate bench midi-b --answers key.db --input clean -w study
    """
    from umd_curate.deid.midi import ACTIONS
    from umd_curate.deid.midi_io import read_mapping, score_folder
    from umd_curate.store.keys import key_path, load_key

    if uids is not None:
        known = read_mapping(uids)
        new_uid = lambda old: known.get(old, "")  # noqa: E731
    else:
        settings = options.settings(options.open() if options.exists() else None)
        new_uid = load_key(key_path(settings.deid.key_file)).uid
    score, missing = score_folder(answers, folder, new_uid, read_mapping(patients) if patients else None)
    if options.json:
        by_action: dict[str, Json] = {
            name: {
                which: dict(getattr(score, which)).get(name, 0)
                for which in ("required", "passed", "strict", "unjudged")
            }
            for name in ACTIONS
        }
        shares: dict[str, Json] = {
            "score": round(score.share(score.passed), 4),
            "strict": round(score.share(score.strict), 4),
        }
        render.as_json({**shares, "missing_files": missing, "actions": by_action})
        return ExitCode.DONE
    rows = [
        (
            name,
            *(str(dict(getattr(score, which)).get(name, 0)) for which in ("required", "passed", "strict", "unjudged")),
        )
        for name in ACTIONS
        if score.required.get(name)
    ]
    render.table("MIDI-B", ("action", "required", "right", "right, strictly", "not judged"), rows)
    render.note(f"score: {score.share(score.passed):.2f} %, strictly {score.share(score.strict):.2f} %")
    render.note(f"files of the key that are missing: {missing}")
    return ExitCode.DONE
