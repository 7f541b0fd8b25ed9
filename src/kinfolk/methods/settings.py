"""Values of settings in their types, from Python or from the text of a command line."""

from __future__ import annotations

from typing import cast

from kinfolk.errors import ConfigurationError

Setting = bool | int | float | str

_WANTED = {bool: "true or false", int: "an integer", float: "a number"}


def read_setting(where: str, kind: type, value: object) -> Setting:
    """A value in the type of a setting.

    Args:
        where: what messages call it.
        kind: bool, int, float or str.
        value: of that type, or a text that says one; an integer will do for a number, and a whole number for an integer.

    Raises:
        ConfigurationError: the value is of another type.
    """
    if kind is bool and isinstance(value, str) and value.lower() in ("true", "false", "yes", "no"):
        return value.lower() in ("true", "yes")
    if isinstance(value, kind) and isinstance(value, bool) == (kind is bool):
        return cast(Setting, value)
    if kind in (int, float) and isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            number = kind(value)
        except (ValueError, OverflowError):
            pass
        else:
            if isinstance(value, str) or number == value:
                return cast(Setting, number)
    raise ConfigurationError(f"{where} must be {_WANTED.get(kind, 'a text')}. Got {value!r}.")
