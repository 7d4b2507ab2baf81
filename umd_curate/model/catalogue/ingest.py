"""Finding codes of the ingest room."""
