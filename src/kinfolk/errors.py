"""Every error kinfolk raises on purpose.

::

    KinfolkError
    ├── DataError            the data given cannot be read or cannot be used
    ├── ConfigurationError   a parameter, or a combination of parameters, is not possible
    ├── MissingExtraError    an optional dependency is needed and not installed
    └── RunError             a run folder cannot be used, resumed or read

A message is one sentence or two: what was expected, what came, where (file, column, row, parameter), what to do.
The command line prints it and leaves with exit code 2; it never prints a traceback for one of these.
"""


class KinfolkError(Exception):
    """Base of all errors raised on purpose; its text is meant for the user."""


class DataError(KinfolkError, ValueError):
    """The data given cannot be read or cannot be used."""


class ConfigurationError(KinfolkError, ValueError):
    """A parameter, or a combination of parameters, is not possible."""


class RunError(KinfolkError):
    """A run folder cannot be used, resumed or read."""


class MissingExtraError(KinfolkError, ImportError):
    """An optional dependency is needed and not installed; the message names the extra that brings it."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(
            f"{feature} needs an optional part of kinfolk. Install it with: pip install 'kinfolk[{extra}]'"
        )
