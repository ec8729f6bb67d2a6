"""No command writes outside its own folders, or asks for a host unasked."""

import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from conftest import ROOT
from pipeline.conftest import HANGS_S, shrink

COMMANDS = (
    "data_preparation.py check",
    "data_preparation.py prepare",
    "model_training.py train",
    "model_training.py evaluate",
    "inference_script.py export",
    "inference_script.py describe",
    "inference_script.py classify data/test_frames",
    "simulation.py simulate",
    "simulation.py summary",
    "simulation.py publish docs/run",
    "studies.py crossval --folds 2",
    "studies.py doctor",
)
FETCH = "data_preparation.py fetch ../photos"
BENCHMARK = "inference_script.py benchmark --rounds 1 --frames 2"
_ADDRESS = re.compile(r"(connect|sendto|sendmsg|sendmmsg)\(.*sa_family=AF_INET|htons\(53\)")


@dataclass(frozen=True)
class Project:
    """A tiny project, an empty home, and a file of notes on who asked for a host."""

    root: Path
    home: Path
    asked: Path

    def environment(self) -> dict[str, str]:
        """Nothing that would spare a library its questions: no cache elsewhere, no CI, no opt-out."""
        spared = ("XDG_", "ORT_", "CI", "TF_BUILD", "JENKINS", "MPLCONFIGDIR", "TORCH_HOME", "PYTHON")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(spared)}
        offline = str(Path(__file__).parent / "offline")
        return kept | {"HOME": str(self.home), "PYTHONPATH": offline, "ASKED": str(self.asked)}

    def run(self, command: str, *before: str) -> None:
        """Run a script's command to its end."""
        script, *arguments = command.split()
        done = subprocess.run(
            [*before, sys.executable, str(ROOT / "src" / script), *arguments],
            cwd=self.root,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=HANGS_S,
        )
        assert done.returncode == 0, f"{command}: {done.stdout[-1000:]} {done.stderr[-3000:]}"

    def left_at_home(self) -> set[str]:
        """What lies in the home folder, but for our own cache."""
        found = (path.relative_to(self.home) for path in self.home.rglob("*"))
        ours = Path(".cache/scrapline")
        return {path.as_posix() for path in found if path not in (ours, ours.parent) and ours not in path.parents}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    base = tmp_path_factory.mktemp("privacy")
    made = Project(base / "repo", base / "home", base / "asked")
    made.home.mkdir()
    (made.root / "data/recipes").mkdir(parents=True)
    settings = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    shrink(settings)
    settings["train"] |= {"trainable": "head", "views": 2}
    (made.root / "params.yaml").write_text(yaml.safe_dump(settings))
    recipe = yaml.safe_load((ROOT / "data/recipes/demo.yaml").read_text(encoding="utf-8"))
    recipe |= {"images_per_class": 14, "width": 64, "height": 48}
    (made.root / "data/recipes/demo.yaml").write_text(yaml.safe_dump(recipe))
    for command in COMMANDS:
        made.run(command)
    shutil.copytree(made.root / "data/test_frames", base / "photos")
    made.run(FETCH)
    return made


def test_every_command_leaves_the_home_folder_alone_and_asks_for_no_host(project: Project) -> None:
    assert project.left_at_home() == set()
    assert not project.asked.exists(), project.asked.read_text()


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize("command", ["inference_script.py classify data/test_frames", "simulation.py simulate"])
def test_the_system_sees_no_host_asked_for_and_no_file_elsewhere(
    command: str, project: Project, tmp_path: Path
) -> None:
    """What C++ does, no hook of Python's sees."""
    trace = tmp_path / "trace"
    if subprocess.run(["strace", "-o", trace, "true"], capture_output=True).returncode:
        pytest.skip("strace may not trace here")
    project.run(command, "strace", "-f", "-o", str(trace), "-e", "trace=connect,sendto,sendmsg,sendmmsg,openat,mkdir")
    lines = trace.read_text(errors="replace").splitlines()
    assert [line for line in lines if _ADDRESS.search(line)] == []
    written = {
        Path(match[1])
        for line in lines
        if " = -1 " not in line and (match := re.search(r'"(/[^"]+)", (?:O_\w+\|)*(?:O_WRONLY|O_RDWR|O_CREAT)', line))
    }
    ours = (project.root, project.home / ".cache/scrapline", Path("/dev"), Path("/proc"), Path("/tmp"))
    assert sorted(path for path in written if not any(folder in path.parents for folder in ours)) == []


STAYS = (
    "import sys; sys.path.insert(0, {src!r}); import scrapline, {imported}; print('up', flush=True); sys.stdin.read()"
)


@pytest.mark.parametrize("imported", ["onnxruntime", "openvino", "onnxscript, torch.onnx"])
def test_a_library_that_stays_loaded_writes_and_asks_nothing(imported: str, tmp_path: Path) -> None:
    """ONNX Runtime writes at its import; OpenVINO asks then, from a thread of its own."""
    pytest.importorskip(imported.split(",")[0])
    here = Project(tmp_path, tmp_path / "home", tmp_path / "asked")
    here.home.mkdir()
    code = STAYS.format(src=str(ROOT / "src"), imported=imported)
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    running = subprocess.Popen([sys.executable, "-c", code], env=here.environment(), text=True, **streams)  # type: ignore[call-overload]
    assert running.stdout is not None
    assert running.stdout.readline() == "up\n"
    time.sleep(1)
    running.communicate(timeout=HANGS_S)
    assert here.left_at_home() == set()
    assert not here.asked.exists(), here.asked.read_text()


def test_libraries_keep_what_they_must_in_our_cache_folder(tmp_path: Path) -> None:
    """A list of fonts; and the weights that a user asks for, which this test has no network to ask for."""
    here = Project(tmp_path, tmp_path / "home", tmp_path / "asked")
    code = "from scrapline.cli import start; import matplotlib, torch; "
    code += "print(matplotlib.get_configdir(), matplotlib.get_cachedir(), torch.hub.get_dir(), sep='\\n')"
    environment = here.environment() | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    ours = tmp_path / "home/.cache/scrapline"
    assert done.stdout.split() == [str(ours / name) for name in ("matplotlib", "matplotlib", "torch/hub")]


def test_dvc_reports_nothing_either() -> None:
    config = (ROOT / ".dvc/config").read_text(encoding="utf-8")
    assert "analytics = false" in config
    assert "check_update = false" in config


@pytest.mark.slow
def test_the_benchmark_leaves_the_home_folder_alone_and_asks_for_no_host(project: Project) -> None:
    project.run(BENCHMARK)
    assert project.left_at_home() == set()
    assert not project.asked.exists(), project.asked.read_text()
