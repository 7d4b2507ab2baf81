"""Finding codes of the deid room."""
