"""What the guide shows of adding a loss and a method is all it takes: the generic tests find both and pass."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_the_generic_tests_run_on_the_loss_and_the_method_of_the_guide(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "add-a-method.md").read_text(encoding="utf-8")
    found = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert found is not None
    (tmp_path / "margin.py").write_text(found[1], encoding="utf-8")
    files = [str(ROOT / "tests" / folder / "test_contract.py") for folder in ("objectives", "methods")]
    words = ["-q", "--also", str(tmp_path / "margin.py"), "-k", "margin", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *files, *words], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stdout
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) >= 14
