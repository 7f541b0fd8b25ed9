import pytest

from kinfolk.encoders import progress


@pytest.fixture
def clock(monkeypatch):
    """A clock that moves only when told to."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("FORCE_COLOR", "1")
    return now


def run(clock, seconds_a_step, *, shown):
    texts = ["some text"] * 40
    with progress.EncodingProgress(texts, shown=shown) as bar:
        for start in range(0, 40, 10):
            clock[0] += seconds_a_step
            bar.advance(texts[start : start + 10])


def test_nothing_under_two_seconds(clock, capsys):
    run(clock, 0.4, shown=True)
    assert capsys.readouterr() == ("", "")


def test_throughput_on_the_error_stream_over_two_seconds(clock, capsys):
    run(clock, 1.25, shown=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert "Encoding texts" in err
    assert "40/40 texts, 8/s" in err


def test_nothing_when_not_asked_for(clock, capsys):
    run(clock, 60.0, shown=False)
    assert capsys.readouterr() == ("", "")
