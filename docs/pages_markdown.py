"""Small pieces of Markdown that the generated pages are made of."""

import inspect


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in line) + " |" for line in lines
    )


def prose(text: str) -> str:
    """A docstring as Markdown: reStructuredText's double backticks become single ones."""
    return inspect.cleandoc(text).replace("``", "`")
