"""Finding codes of the register room."""
