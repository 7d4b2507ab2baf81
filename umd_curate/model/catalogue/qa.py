"""Finding codes of the qa room."""
