"""Lets `python -m umd_curate` run the command line."""

from umd_curate.cli.main import main

if __name__ == "__main__":
    main()
