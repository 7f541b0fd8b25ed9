"""What ``make demo`` shows of the scanned directory; the persons take half a minute, and are left to it."""

from __future__ import annotations

import csv

from kinfolk.cli.demo import directory, link_example


def test_the_directory_is_linked_and_the_report_shows_its_crops(tmp_path, capsys):
    link_example(directory(), tmp_path)

    words = capsys.readouterr().out.split()
    assert float(words[words.index("F1", words.index("truth,")) + 1]) > 0.9
    with (tmp_path / "links.csv").open(encoding="utf-8") as lines:
        assert 400 < len(list(csv.DictReader(lines))) < 500
    page = (tmp_path / "report.html").read_text("utf-8")
    assert page.count("<img") > 20
    assert "data:image/jpeg;base64" in page
