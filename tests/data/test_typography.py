import string

import pytest

from kinfolk.data.typography import plain_typography


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("“curly” ‘quotes’ „low‟ and 5′ 6″ 7‴ 8⁗", "\"curly\" 'quotes' \"low\" and 5' 6'' 7''' 8''''"),
        ("a—b – c−d ‑ e－f", "a-b - c-d - e-f"),
        ("wait… what . . . now", "wait... what ... now"),
        ("1⁄2 ∕ 3", "1/2 / 3"),
        ("soft\u00adhyphen\u0007 bell\u000bpage\u0085next", "softhyphen bell page next"),
        ("`tick´", "'tick'"),
        ("２０／０１ ﬀ é\tx\r\ny", "２０／０１ ﬀ é\tx\r\ny"),
        ("", ""),
    ],
)
def test_typographic_characters_become_plain_ones(text: str, plain: str) -> None:
    assert plain_typography(text) == plain
    assert plain_typography(plain) == plain


def test_what_a_keyboard_writes_stays() -> None:
    keyboard = "".join(c for c in string.printable if c not in "`\x0b\x0c")
    assert plain_typography(keyboard) == keyboard
