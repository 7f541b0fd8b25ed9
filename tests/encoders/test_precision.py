import pytest

from kinfolk.encoders.precision import processor_has_fast_bfloat16


@pytest.mark.parametrize(
    ("flags", "fast"),
    [
        ("fpu avx512f avx512_bf16 sse2", True),
        ("fpu amx_bf16 amx_tile", True),
        ("fpu avx2 avx512f avx512_vnni", False),
        ("fpu xavx512_bf16", False),
    ],
)
def test_flags_of_the_processor_decide(tmp_path, flags, fast):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\nmodel name\t: avx512_bf16 by name only\nflags\t\t: {flags}\n")
    assert processor_has_fast_bfloat16(cpuinfo) is fast


def test_no_description_of_the_processor_means_no(tmp_path):
    assert processor_has_fast_bfloat16(tmp_path / "absent") is False
    (tmp_path / "empty").write_text("")
    assert processor_has_fast_bfloat16(tmp_path / "empty") is False
