"""dvc.yaml against the code: its outs are the paths the code writes, its code deps are what each command imports."""

from pathlib import Path

import pytest
import yaml

import closure
from conftest import ROOT
from scrapline import paths

STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
UNCACHED_STAGES = {"evaluate", "simulate"}


def outs(stage: str) -> dict[str, bool]:
    """Out -> whether DVC caches it."""
    found = {}
    for out in STAGES[stage]["outs"]:
        name, options = next(iter(out.items())) if isinstance(out, dict) else (out, {})
        found[name] = options.get("cache", True)
    return found


def test_outs_are_the_paths_that_the_code_knows() -> None:
    named = {value.as_posix() for key, value in vars(paths).items() if isinstance(value, Path) and key.isupper()}
    for stage in STAGES:
        assert set(outs(stage)) <= named, stage
    written = {out for stage in STAGES for out in outs(stage)}
    inputs = {
        paths.PARAMS,
        paths.RUNS,
        paths.STUDIES,
        paths.RAW,
        paths.SPLIT_LISTS,
        paths.PAIRS,
        paths.PINS,
        paths.PRETRAINED,
    }
    for path in named - {path.as_posix() for path in inputs}:
        inside = any(path == out or path.startswith(f"{out}/") for out in written)
        holds = any(out.startswith(f"{path}/") for out in written)
        assert inside or holds, f"{path} is in no stage's outs"


@pytest.mark.parametrize("stage", STAGES)
def test_code_deps_are_what_the_command_imports(stage: str) -> None:
    _, script, command = STAGES[stage]["cmd"].split()
    needed = closure.shortest(closure.of_command(Path(script).name, command))
    assert [dep for dep in STAGES[stage]["deps"] if dep.startswith("src/")] == needed, "run `make deps`"


@pytest.mark.parametrize("stage", STAGES)
def test_only_the_stages_that_may_leave_outs_uncached(stage: str) -> None:
    uncached = [out for out, cached in outs(stage).items() if not cached]
    assert bool(uncached) == (stage in UNCACHED_STAGES)
    assert all(Path(out).suffix in {".json", ".png", ".md"} for out in uncached)


def test_a_package_is_a_dep_only_where_all_of_it_is_needed() -> None:
    assert "src/scrapline/report/report.md.j2" in closure.of_command("simulation.py", "simulate")
    scenes = {f"src/scrapline/rendering/{name}.py" for name in ("scene", "camera")}
    assert closure.shortest(scenes) == sorted(scenes)
    whole = {path.relative_to(ROOT).as_posix() for path in (ROOT / "src/scrapline/rendering").rglob("*.py")}
    assert closure.shortest(whole) == ["src/scrapline/rendering"]


def test_metrics_and_plots_name_what_the_stages_write() -> None:
    content = yaml.safe_load((ROOT / "dvc.yaml").read_text())
    written = {out for stage in STAGES for out in outs(stage)}
    named = list(content["metrics"])
    for plot in content["plots"]:
        named += [plot] if isinstance(plot, str) else list(next(iter(plot.values()))["y"])
    for path in named:
        assert any(path == out or path.startswith(f"{out}/") for out in written), path


def test_the_summary_alone_is_what_dvc_compares() -> None:
    assert yaml.safe_load((ROOT / "dvc.yaml").read_text())["metrics"] == [paths.SUMMARY.as_posix()]
