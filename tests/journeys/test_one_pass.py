"""After the scan, ingest opens each file that it uses once, and no other file of the raw folder.

The scan is told apart by its index: it is kept, the ledger is not, so that everything but the scan is done again.
"""

import json
import subprocess
import sys
from collections import Counter

# The command line with an audit hook that counts what is opened below the raw folder, by whatever means Python has.
COUNTING = """
import collections, json, os, sys
raw, report = sys.argv[1:3]
opened = collections.Counter()

def count(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)):
        path = os.path.realpath(os.fsdecode(arguments[0]))
        if path.startswith(raw + os.sep):
            opened[path] += 1

sys.addaudithook(count)
from umd_curate.cli.main import main
try:
    sys.argv[1:] = sys.argv[3:]
    main()
finally:
    with open(report, "w") as handle:
        json.dump(opened, handle)
"""


def test_each_source_file_is_opened_exactly_once_after_the_scan(hospital, tmp_path):
    raw = hospital.raw.resolve()
    workspace = tmp_path / "workspace"
    assert hospital.call("ingest", raw, "-w", workspace).returncode in {0, 3}
    for path in (workspace / "private").glob("ledger.sqlite*"):
        path.unlink()

    report = tmp_path / "opened.json"
    command = [sys.executable, "-c", COUNTING, str(raw), str(report), "ingest", str(raw), "-w", str(workspace)]
    done = subprocess.run(command, env=hospital.environment, capture_output=True, text=True, check=False)
    assert done.returncode in {0, 3}, done.stderr

    orders = [json.loads(path.read_text()) for path in (workspace / "private" / "orders").glob("*.json")]
    wanted = Counter(name for order in orders for name, _, _ in order["files"])
    opened = Counter(json.loads(report.read_text()))
    assert len(wanted) > 50
    assert set(wanted.values()) == {1}
    assert opened == wanted
