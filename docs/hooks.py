"""Makes the reference pages from the declarations in the code when the documentation is built; none of them is committed.

Commands come from click, finding codes from `model/catalogue`, settings from `UmdConfig`, documents and tables from
`model`, organs from `manifests/`. What the code says and what the documentation says cannot differ.
"""

from pathlib import Path

import pages_declared
import pages_rules
import pages_said
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages to the site."""
    pages = {
        "reference/cli.md": pages_said.cli_page(),
        "reference/findings.md": pages_said.findings_page(),
        "reference/exit-codes.md": pages_said.exit_codes_page(),
        "reference/settings.md": pages_declared.settings_page(),
        "reference/documents.md": pages_declared.documents_page(),
        "reference/tables.md": pages_declared.tables_page(),
        "reference/organs.md": pages_declared.organs_page(),
        "reference/rules.md": pages_rules.rules_page(),
        "reference/defects.md": pages_declared.defects_page(),
        "changelog.md": (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"),
    }
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    return files
