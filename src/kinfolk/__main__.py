"""``python -m kinfolk``: the command line."""

from kinfolk.cli import main

main()
