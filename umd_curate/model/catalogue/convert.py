"""Finding codes of the convert room."""
