"""Finding codes of the release room."""
