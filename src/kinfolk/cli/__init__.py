"""The command line: one file a command; each parses, calls the public functions and prints."""

from kinfolk.cli.program import app, main

__all__ = ["app", "main"]
