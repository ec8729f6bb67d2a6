"""The real pipeline under the real DVC, in a clone of its own, with the real config shrunk."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import ROOT

STAGES = ("prepare", "train", "evaluate", "export", "simulate")


@dataclass(frozen=True)
class Clone:
    """A clone with its own DVC cache and feature cache."""

    root: Path
    home: Path

    def run(self, *command: str, check: bool = True) -> str:
        """Run a command in the clone; what it printed."""
        environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "XDG_CACHE_HOME": str(self.home),
            "GIT_AUTHOR_NAME": "t",
            "GIT_AUTHOR_EMAIL": "t@example.com",
            "GIT_COMMITTER_NAME": "t",
            "GIT_COMMITTER_EMAIL": "t@example.com",
        }
        done = subprocess.run(command, cwd=self.root, env=environment, capture_output=True, text=True, timeout=600)
        if check and done.returncode != 0:
            pytest.fail(f"{' '.join(command)} exited {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done.stdout + done.stderr

    def repro(self) -> list[str]:
        """Reproduce, and say which stages ran."""
        said = self.run("dvc", "repro")
        return [name for name in STAGES if f"Running stage '{name}'" in said]

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


def shrink(params: dict[str, Any]) -> None:
    """Seconds instead of minutes: small images, one epoch, few items."""
    params["data"] |= {"min_side": 16, "test_frames": 8}
    params["model"]["input_size"] = 32
    params["train"] |= {"epochs": 1, "batch_size": 8}
    params["simulate"] |= {"items": 12, "items_per_s": 100}


@pytest.fixture(scope="session")
def make_clone(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Clone]:
    """Copy what Git tracks (as it stands in the work tree) into a new repository."""

    def make(name: str) -> Clone:
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
        clone.change("params.yaml", shrink)
        clone.change("data/recipes/demo.yaml", lambda r: r.update(images_per_class=14, width=64, height=48))
        (clone.root / "dvc.lock").unlink(missing_ok=True)
        clone.commit("as it stands")
        return clone

    return make


@pytest.fixture(scope="session")
def demo(make_clone: Callable[[str], Clone]) -> Clone:
    """The demo, reproduced and committed once for all tests that only look at it."""
    clone = make_clone("demo")
    assert clone.repro() == list(STAGES)
    clone.commit("reproduced")
    return clone
