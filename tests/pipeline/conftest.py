"""The real pipeline under the real DVC, in a clone of its own, with the real config shrunk."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
import yaml
from filelock import FileLock

from conftest import ROOT
from pipeline import warm

T = TypeVar("T")

HANGS_S = 1800  # no run takes nearly as long, on however slow a machine
STAGES = ("prepare", "train", "evaluate", "export", "simulate")


@dataclass(frozen=True)
class Clone:
    """A clone with its own DVC cache and feature cache."""

    root: Path
    home: Path
    interpreter: Path = Path(sys.executable).parent

    def environment(self) -> dict[str, str]:
        """With the project's python first, caches of its own, and no GPU."""
        return os.environ | {
            "PATH": os.pathsep.join(map(str, [self.interpreter, Path(sys.executable).parent, os.environ["PATH"]])),
            "XDG_CACHE_HOME": str(self.home),
            "CUDA_VISIBLE_DEVICES": "",
            "GIT_AUTHOR_NAME": "t",
            "GIT_AUTHOR_EMAIL": "t@example.com",
            "GIT_COMMITTER_NAME": "t",
            "GIT_COMMITTER_EMAIL": "t@example.com",
        }

    def run(self, *command: str, check: bool = True) -> str:
        """Run a command in the clone; what it printed."""
        done = subprocess.run(
            command, cwd=self.root, env=self.environment(), capture_output=True, text=True, timeout=HANGS_S
        )
        if check and done.returncode != 0:
            pytest.fail(f"{' '.join(command)} exited {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done.stdout + done.stderr

    def repro(self) -> list[str]:
        """Reproduce, and say which stages ran."""
        return self.ran(self.run("dvc", "repro"))

    @staticmethod
    def ran(said: str) -> list[str]:
        """Which stages DVC says it ran."""
        return [name for name in STAGES if f"Running stage '{name}'" in said]

    def value(self, key: str) -> Any:
        """A value of params.yaml."""
        return yaml.safe_load(self.read("params.yaml"))[key]

    def outs(self) -> dict[str, str]:
        """MD5 of every file that the stages and `dvc add` hold, by path."""
        declared = yaml.safe_load(self.read("dvc.yaml"))["stages"]
        outs = [next(iter(out)) if isinstance(out, dict) else out for s in declared.values() for out in s["outs"]]
        found = {}
        for out in [*outs, "data/raw", "models/pretrained"]:
            path = self.root / out
            for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
                if file.is_file():
                    found[file.relative_to(self.root).as_posix()] = hashlib.md5(file.read_bytes()).hexdigest()
        return found

    def change(self, path: str, edit: Callable[[dict[str, Any]], None]) -> None:
        """Edit a YAML file."""
        content = yaml.safe_load((self.root / path).read_text())
        edit(content)
        (self.root / path).write_text(yaml.safe_dump(content, sort_keys=False))

    def read(self, path: str) -> str:
        """A file's text."""
        return (self.root / path).read_text(encoding="utf-8")

    def commit(self, message: str) -> None:
        """Commit everything."""
        self.run("git", "add", "-A")
        self.run("git", "commit", "-q", "-m", message)

    def restore(self) -> None:
        """Back to the last commit, data and outs included."""
        self.restore_tracked()
        self.run("dvc", "checkout", "-q", "--force")

    def restore_tracked(self) -> None:
        """Back to the last commit, as far as Git knows."""
        self.run("git", "checkout", "-q", ".")
        self.run("git", "clean", "-fdq")

    def fork(self, name: str) -> "Clone":
        """A copy beside it, caches included, for a test that changes things."""
        base = self.root.parent.with_name(f"{self.root.parent.name}-{name}")
        shutil.copytree(self.root.parent, base, symlinks=True)
        return replace(self, root=base / self.root.name, home=base / self.home.name)


def side_by_side(action: Callable[[Clone], T], *clones: Clone) -> list[T]:
    """The same with several clones at once, each on its share of the cores: on all of them, they would be in each
    other's way.
    """
    if not hasattr(os, "sched_setaffinity"):
        return [action(clone) for clone in clones]
    cores = sorted(os.sched_getaffinity(0))
    shares = [cores[number :: len(clones)] or cores for number in range(len(clones))]

    def on_its_cores(clone: Clone, share: list[int]) -> T:
        os.sched_setaffinity(0, share)  # of this thread and of the processes that it starts
        return action(clone)

    with ThreadPoolExecutor(len(clones)) as pool:
        return list(pool.map(on_its_cores, clones, shares))


def shrink(params: dict[str, Any]) -> None:
    """Seconds instead of minutes: small images, one epoch, few items."""
    params["data"] |= {"min_side": 16, "test_frames": 8}
    params["data"]["split"] |= {"val": 0.15, "test": 0.15}
    params["model"]["input_size"] = 32
    params["train"] |= {"epochs": 1, "batch_size": 8}
    params["simulate"] |= {"items": 12, "belt_m_per_s": 5.0, "camera_to_ejector_m": 5.0}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Give each parallel worker, and all that a test here starts, a share of the cores.

    oneDNN's threads wait for each other in a busy loop: two trainings of two threads on the same two cores took five
    times as long as one of them alone, and over three times as long as two of them on a core each.
    """
    here = Path(__file__).parent in item.path.parents  # the hook is asked about every test
    if not here or "PYTEST_XDIST_WORKER" not in os.environ or not hasattr(os, "sched_setaffinity"):
        return (yield)
    cores = sorted(os.sched_getaffinity(0))
    worker, workers = int(os.environ["PYTEST_XDIST_WORKER"][2:]), int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    os.sched_setaffinity(0, cores[worker::workers] or [cores[worker % len(cores)]])
    try:
        return (yield)
    finally:
        os.sched_setaffinity(0, cores)


@pytest.fixture(scope="session")
def make_clone(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Clone]:
    """Copy what Git tracks (as it stands in the work tree) into a new repository, `shrunk` to run in seconds."""

    def make(name: str, *, shrunk: bool = True) -> Clone:
        base = tmp_path_factory.mktemp(name)
        clone = Clone(base / "repo", base / "home")
        tracked = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        for file in filter(None, tracked.stdout.split("\0")):
            if (ROOT / file).is_file():
                (clone.root / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / file, clone.root / file)
        clone.run("git", "init", "-q", "-b", "main")
        if shrunk:
            clone.change("params.yaml", shrink)
            clone.change("data/recipes/demo.yaml", lambda r: r.update(images_per_class=14, width=64, height=48))
            (clone.root / "dvc.lock").unlink(missing_ok=True)
        clone.commit("as it stands")
        return clone

    return make


def made_once(temporary: pytest.TempPathFactory, name: str, make: Callable[[], Clone]) -> Clone:
    """A copy of the clone that `make` gives, which is made by whichever parallel worker asks for it first."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
    place = temporary.getbasetemp() if worker == "alone" else temporary.getbasetemp().parent
    note = place / f"{name}.json"
    with FileLock(place / f"{name}.lock"):
        if not note.exists():
            clone = make()
            note.write_text(json.dumps([str(clone.root), str(clone.home)]))
        root, home = map(Path, json.loads(note.read_text()))
        return Clone(root, home).fork(worker)


@pytest.fixture(scope="session")
def demo(make_clone: Callable[..., Clone], tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """The demo, reproduced and committed once for all tests that only look at it."""

    def make() -> Clone:
        clone = make_clone("demo")
        assert clone.repro() == list(STAGES)
        clone.commit("reproduced")
        return clone

    return made_once(tmp_path_factory, "demo", make)


@pytest.fixture(scope="session")
def warm_python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a `python` and a `dvc` that start at once: see warm.py. With COLD=1 they are the ordinary ones."""
    if os.environ.get("COLD") == "1":
        yield Clone.interpreter
        return
    with warm.start(tmp_path_factory.mktemp("warm") / "bin") as folder:
        yield folder


@pytest.fixture(scope="session")
def own(
    make_clone: Callable[..., Clone],
    photos: Callable[..., Path],
    warm_python: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Clone:
    """A user's photos under `dvc add`, with a frozen base and a weights file of their own, reproduced and committed."""

    def make() -> Clone:
        return reproduced_with(photos, replace(make_clone("own"), interpreter=warm_python))

    return replace(made_once(tmp_path_factory, "own", make), interpreter=warm_python)


def reproduced_with(photos: Callable[..., Path], clone: Clone) -> Clone:
    """Put photos and weights under DVC, name them in params.yaml, reproduce and commit."""
    import torch
    import torchvision

    folder = photos(clone.home.parent / "photos")
    clone.run("python", "src/data_preparation.py", "fetch", str(folder))
    clone.run("dvc", "add", "data/raw")
    torch.manual_seed(0)
    torch.save(torchvision.models.resnet18().state_dict(), clone.root / "models/pretrained/mine.pth")
    clone.run("dvc", "add", "models/pretrained/mine.pth")

    def edit(params: dict[str, Any]) -> None:
        params["data"]["source"] = "data/raw"
        params["model"]["weights"] = "mine.pth"
        params["train"] |= {"trainable": "head", "epochs": 3, "batch_size": 4}

    clone.change("params.yaml", edit)
    assert clone.repro() == list(STAGES)
    clone.commit("own photos")
    return clone
