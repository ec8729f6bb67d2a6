"""Write the README's example of DVC's two tables anew: `PYTHONPATH=src:tests python -m pipeline.dvc_tables FOLDER`.

FOLDER is a clone whose pipeline is reproduced and committed; the experiment runs in a folder of DVC's own beside it.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from conftest import ROOT

BLOCK = re.compile(r"(<!-- dvc-tables:begin .*?-->\n).*?(\n<!-- dvc-tables:end -->)", re.DOTALL)
EXPERIMENT = ("exp", "run", "--temp", "--force", "-S", "lr=0.001", "-n", "faster")
DIFF = ("metrics", "diff", "HEAD", "faster")
SHOW = ("exp", "show", "--no-pager", "--drop", ".*", "--keep", "Experiment|lr|test.accuracy$|test.macro_f1")


def dvc(folder: Path, *arguments: str) -> str:
    """What DVC prints, in a terminal of 120 columns."""
    environment = os.environ | {"COLUMNS": "120"}
    done = subprocess.run(["dvc", *arguments], cwd=folder, env=environment, check=True, capture_output=True, text=True)
    return "\n".join(line.rstrip() for line in done.stdout.rstrip().splitlines())


def block(folder: Path) -> str:
    """Both commands as one types them, with their output."""
    shown = ("dvc exp show --drop '.*' --keep 'Experiment|lr|test.accuracy$|test.macro_f1'", dvc(folder, *SHOW))
    diff = ("dvc metrics diff HEAD faster", dvc(folder, *DIFF))
    return "\n".join(["```console", *(f"$ {command}\n{output}" for command, output in (diff, shown)), "```"])


if __name__ == "__main__":
    clone = Path(sys.argv[1])
    dvc(clone, *EXPERIMENT)
    readme = ROOT / "README.md"
    fresh = block(clone)
    readme.write_text(BLOCK.sub(lambda found: f"{found[1]}{fresh}{found[2]}", readme.read_text(encoding="utf-8")))
