"""The picture of a report that the README and the guide show: its head, its scores and one doubtful pair.

Run: ``kinfolk demo``, then ``python -m benchmarks.report_image kinfolk-demo/persons/report.html``. Needs Chromium or Chrome
on the path. Writes ``docs/images/report.png``.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from benchmarks.sets import ROOT

IMAGE = ROOT / "docs" / "images" / "report.png"
WIDTH, HEIGHT = 1200, 2056
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SWITCHES = (
    "headless no-sandbox disable-gpu disable-quic no-first-run disable-sync disable-background-networking "
    "disable-component-update disable-dev-shm-usage hide-scrollbars blink-settings=preferredColorScheme=1"
)
# What the picture leaves out: panels after the first two, all but one example, and everything below the examples.
LEFT_OUT = (
    ".panels > :nth-child(n + 3), .panels ~ .panel, .caption, #certain, #nearly, #lost, #doubtful > h3, "
    "#doubtful > .pair ~ .pair, .rival, #all, #unlinked, #method, #reading, footer, .notes { display: none }"
)
TIGHTER = "h2 { margin-top: 1.6rem } .headline { padding: 1.2rem 0 1rem } .group { margin-top: 0 }"


def shortened(report: str) -> str:
    """The page without what the picture leaves out; its policy goes too, as it would refuse the added style."""
    page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", report)
    return page.replace("</style>", f"{LEFT_OUT} {TIGHTER}</style>", 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=Path)
    options = parser.parse_args()
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise SystemExit(f"none of {', '.join(BROWSERS)} is on the path")
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        page.write_text(shortened(options.report.read_text(encoding="utf-8")), encoding="utf-8")
        command = [browser, *(f"--{switch}" for switch in SWITCHES.split()), f"--user-data-dir={folder}/profile"]
        command += [f"--window-size={WIDTH},{HEIGHT}", f"--screenshot={IMAGE}", page.as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
    print(f"{IMAGE.relative_to(ROOT)}: {IMAGE.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
