"""The order of the packages: imports point one way, and what runs on the line needs no torch."""

import ast
import subprocess
import sys
from collections import defaultdict

import pytest

import closure
from conftest import ROOT

SRC = ROOT / "src"
# From above to below: a package imports what stands in a later row, and nothing of its own row or an earlier one.
ROWS = (
    {"data_preparation", "model_training", "inference_script", "simulation", "studies"},
    {"fetch", "prepare", "train", "evaluate", "export", "simulate", "benchmark"},
    {"report"},
    {"line"},
    {"runtime", "model"},
    {"data", "measures"},
    {"rendering"},
    {"params"},
    {"cli", "paths"},
    {"system"},
)
NO_TORCH = ("data", "measures", "runtime", "line", "report", "rendering", "cli", "system", "params", "paths")


def place(file: str) -> str:
    """A file's package below scrapline/, or the module itself where it stands in none."""
    parts = file.removeprefix("src/").removeprefix("scrapline/").split("/")
    return parts[0].removesuffix(".py")


def arrows() -> dict[str, set[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for path in SRC.rglob("*.py"):
        own = place(path.relative_to(ROOT).as_posix())
        if own == "__init__":
            continue
        for module in closure.imported(ast.parse(path.read_text(encoding="utf-8"))):
            for file in closure.files_of(module):
                other = place(file.relative_to(ROOT).as_posix())
                if other not in (own, "__init__"):
                    found[own].add(other)
    return found


def test_every_package_has_its_row() -> None:
    there = {path.stem for path in SRC.glob("*.py")}
    inside = SRC / "scrapline"
    there |= {path.stem for path in inside.iterdir() if path.name not in ("__init__.py", "__pycache__", "py.typed")}
    assert set.union(*ROWS) == there


def test_arrows_point_down() -> None:
    row = {name: number for number, names in enumerate(ROWS) for name in names}
    wrong = [f"{own} -> {other}" for own, others in arrows().items() for other in others if row[other] <= row[own]]
    assert sorted(wrong) == []


def test_there_are_few_of_them() -> None:
    """The house stays one that a newcomer can hold in the head."""
    assert sum(map(len, arrows().values())) <= 103


@pytest.mark.parametrize("package", NO_TORCH)
def test_no_torch_below_the_model(package: str) -> None:
    at = SRC / "scrapline" / package
    for path in [*at.rglob("*.py")] if at.is_dir() else [at.with_suffix(".py")]:
        modules = {name.split(".")[0] for name in closure.imported(ast.parse(path.read_text(encoding="utf-8")))}
        assert not modules & {"torch", "torchvision"}, path


@pytest.mark.parametrize(("script", "command"), [("simulation.py", "simulate"), ("inference_script.py", "classify")])
def test_the_line_runs_where_torch_cannot_be_imported(script: str, command: str) -> None:
    files = sorted(file for file in closure.of_command(script, command) if file.endswith(".py"))
    modules = [file.removeprefix("src/").removesuffix(".py").replace("/", ".") for file in files]
    code = "import sys, importlib\nsys.modules['torch'] = sys.modules['torchvision'] = None\n" + "".join(
        f"importlib.import_module({name.removesuffix('.__init__')!r})\n" for name in modules
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=SRC, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_first_item_waits_for_no_import_that_it_does_without() -> None:
    """What draws, reports, reads params or shows progress is imported where it is used: each costs every start."""
    code = "import sys\nfrom scrapline.cli import entry, start\nfrom scrapline.simulate import run\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=SRC, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    unneeded = {"torch", "onnx", "pandas", "sklearn", "matplotlib", "jinja2", "scipy.special", "yaml", "rich.progress"}
    assert unneeded & {*done.stdout.split()} == set()
