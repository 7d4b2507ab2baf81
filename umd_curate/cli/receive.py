"""`receive`: a PACS or scanner pushes its images straight into the raw folder."""

import re
import signal
import threading
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from umd_curate.cli import render
from umd_curate.cli.options import Options, common
from umd_curate.errors import ExitCode, UsageError
from umd_curate.pipeline.roots import refuse_overlap
from umd_curate.store.keys import key_path, make_key

if TYPE_CHECKING:
    from umd_curate.ingest.receive_io import Association

_AE_TITLE = re.compile(r"[\x20-\x5b\x5d-\x7e]{1,16}")  # PS3.5 6.2, AE
_MIB = 1 << 20


def _titles(
    _context: click.Context, _parameter: click.Parameter, value: str | tuple[str, ...]
) -> str | tuple[str, ...]:
    titles = (value,) if isinstance(value, str) else value
    if not all(_AE_TITLE.fullmatch(title) and title.strip() for title in titles):
        message = "an AE title has 1 to 16 characters of ASCII, without a backslash"
        raise click.BadParameter(message)
    return value


def _said(association: "Association") -> str:
    """Counts of an association in words."""
    words = [f"{association.received} received", f"{association.size / _MIB:.1f} MiB"]
    if association.beside:
        words.append(f"{association.beside} of them beside another of their UID")
    if association.again:
        words.append(f"{association.again} were there already")
    if association.refused:
        words.append(f"{association.refused} refused")
    return ", ".join(words)


@click.command
@click.argument("inbox", type=click.Path(path_type=Path, file_okay=False))
@click.option("--port", type=click.IntRange(0, 65535), default=11112, show_default=True, help="0 takes a free one.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--aet", default="UMD", show_default=True, callback=_titles, help="Our AE title; senders must call it.")
@click.option("--allow", multiple=True, required=True, metavar="AET", callback=_titles,
              help="AE title of a sender; may be repeated. All others are rejected.")  # fmt: skip
@click.option("--associations", type=click.IntRange(1), default=10, show_default=True, help="How many at once.")
@click.option("--max-pdu", type=click.IntRange(4096), default=1 << 18, show_default=True, help="Largest PDU [bytes].")
@click.option("--unencrypted", is_flag=True, help="Let images cross a network in the clear, as DICOM does.")
@common
def receive(
    options: Options, inbox: Path, port: int, host: str, aet: str, allow: tuple[str, ...], associations: int,
    max_pdu: int, *, unencrypted: bool,
) -> int:  # fmt: skip
    """Receive what a PACS or scanner sends (C-STORE) into INBOX, until Ctrl-C or SIGTERM.

    Afterwards INBOX is a raw folder like any other. An AE title is no proof of who sends: keep to loopback, or to a network
    that you trust.

    \b
    Example:
      umd-curate receive inbox --allow PACS --port 11112
      umd-curate run inbox --workspace study
    """
    from umd_curate.ingest.receive_io import Address, Association, Inbox, Receiver, is_loopback

    if not is_loopback(host) and not unencrypted:
        message = "Whoever can reach this address could send images, and read those of others on their way."
        raise UsageError(
            message, hint="Listen on 127.0.0.1 behind a tunnel, or say --unencrypted on a network you trust."
        )
    refuse_overlap((inbox,), (options.root,))
    if options.dry_run:
        render.note(f"{aet} would listen on {host}:{port} and put what {', '.join(allow)} send into the inbox.")
        return ExitCode.DONE
    settings = options.settings(options.open() if options.exists() else None)
    total = Association(0)

    def ended(association: Association) -> None:
        for name in ("received", "beside", "again", "refused", "size"):
            setattr(total, name, getattr(total, name) + getattr(association, name))
        if options.json:
            render.json_line({**asdict(association), "end": association.end.value})
        else:
            render.note(f"association {association.number}: {_said(association)}, {association.end.value}")

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    where = Address(host, port, aet, allow, associations, max_pdu)
    with Receiver(Inbox(inbox, make_key(key_path(settings.deid.key_file))), where, ended) as receiver:
        render.note(f"{aet} listens on {host}:{receiver.port}; Ctrl-C ends it.")
        stop.wait()
        render.note("No new association is taken; open ones may end.")
    render.note(f"in all: {_said(total)}")
    return ExitCode.DONE
