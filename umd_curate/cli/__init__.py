"""The command line: parse, call the pipeline, print, exit. No command decides anything about data."""
