"""Finding codes of the label room."""
