"""Install one list of requirements into a virtual environment with uv; the standard library is all this needs.

Run by the environment's own Python: `python tools/install.py requirements.txt [--torch auto|cpu|pypi]`. PyTorch comes
from PyPI, which on Linux brings several GB of CUDA packages along; where they would be of no use and PyTorch's own
index answers, its CPU builds are taken.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import urllib.request
from http.client import HTTPException
from pathlib import Path
from shutil import which

ROOT = Path(__file__).resolve().parent.parent
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
CPU_LOCK = ROOT / "requirements-cpu.txt"
UV_LOCK = ROOT / "requirements-uv.txt"
TORCH = ("torch", "torchvision")
GPU_ONLY = re.compile(r"(nvidia|cuda)-.+|triton")
COMPILER = "triton"  # 1 GB, for torch.compile on a GPU; the other CUDA packages torch needs merely to be imported
DRIVER_FILES = (Path("/proc/driver/nvidia"), Path("/usr/lib/wsl/lib/nvidia-smi"))


def lock_entries(text: str) -> dict[str, str]:
    """Each package of a lock and its lines: the pin, its hashes, what asked for it."""
    starts = list(re.finditer(r"^([A-Za-z0-9][\w.-]*)==", text, re.MULTILINE))
    ends = [start.start() for start in starts[1:]] + [len(text)]
    return {start[1].lower(): text[start.start() : end] for start, end in zip(starts, ends, strict=True)}


def pin(entry: str) -> str:
    """`name==version` of a lock's entry."""
    return re.split(r"[\s;\\]", entry, maxsplit=1)[0]


def of_torch(name: str) -> bool:
    """Whether a package is PyTorch's own, or comes only with its CUDA builds."""
    return name in TORCH or GPU_ONLY.fullmatch(name) is not None


def has_nvidia_driver() -> bool:
    """Whether this machine has a driver without which CUDA builds are of no use."""
    return which("nvidia-smi") is not None or any(path.exists() for path in DRIVER_FILES)


def answers(index: str, seconds: float = 4.0) -> bool:
    """Whether a package index gives its page for torch within a time."""
    try:
        with urllib.request.urlopen(f"{index.rstrip('/')}/torch/", timeout=seconds) as page:
            return bool(page.status == 200)
    except (OSError, ValueError, HTTPException):
        return False


def choose_builds(asked: str, earlier: str | None, *, index: str) -> str:
    """`cpu` or `pypi`: as asked, else as installed earlier, else by platform, driver and what answers."""
    if asked != "auto":
        return asked
    if earlier:
        return earlier
    if not sys.platform.startswith("linux"):
        return "pypi"  # PyPI's builds for the other systems are CPU builds
    return "cpu" if not has_nvidia_driver() and answers(index) else "pypi"


def cpu_pins(entries: dict[str, str], cpu_lock: str | None) -> str:
    """What to ask of the CPU index: its lock where that is of the same release, else the bare pins."""
    pins = [pin(entries[name]) for name in TORCH if name in entries]
    if cpu_lock is not None:
        locked = [pin(entry).partition("+")[0] for entry in lock_entries(cpu_lock).values()]
        if sorted(locked) == sorted(pins):
            return cpu_lock
    return "".join(f"{line}\n" for line in pins)


def uv_environment(pip_config: str) -> dict[str, str]:
    """The environment for uv, which does not read pip's settings: its index and certificates are handed on."""
    environment = dict(os.environ)
    settings = dict(re.findall(r"^\S*\.(index-url|cert)='(.*)'$", pip_config, re.MULTILINE))
    if "index-url" in settings and not {"UV_DEFAULT_INDEX", "UV_INDEX_URL"} & environment.keys():
        environment["UV_DEFAULT_INDEX"] = settings["index-url"]
    if "cert" in settings:
        environment.setdefault("SSL_CERT_FILE", settings["cert"])
    return environment


def inform(line: str) -> None:
    """Print a line before what the commands after it print."""
    print(line, flush=True)


def run(*command: str, environment: dict[str, str] | None = None) -> None:
    """Run a command, and end with its exit code if it fails."""
    code = subprocess.run(command, env=environment, check=False).returncode
    if code:
        sys.exit(code)


def prepare_uv() -> dict[str, str]:
    """Install the pinned uv by pip; gives the environment to run it in."""
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    run(*pip, "install", "--quiet", "--require-hashes", "-r", str(UV_LOCK))
    config = subprocess.run((*pip, "config", "list"), capture_output=True, text=True, check=False).stdout
    return uv_environment(config)


def uv(verb: str, *arguments: str, environment: dict[str, str]) -> None:
    """Run `uv pip VERB` on this environment; no settings of other projects or users are read."""
    command = (sys.executable, "-m", "uv", "--no-config", "pip", verb, "--quiet", "--python", sys.executable)
    run(*command, *arguments, environment=environment)


def install(entries: dict[str, str], *, builds: str, index: str, environment: dict[str, str]) -> None:
    """Bring this environment to what a lock names, with PyTorch's CPU builds or PyPI's."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder) / "wanted.txt"
        if builds == "cpu":
            wanted.write_text(cpu_pins(entries, CPU_LOCK.read_text() if CPU_LOCK.exists() else None))
            hashed = "--hash=" in wanted.read_text()
            if not hashed:
                inform(f"torch and torchvision: pinned, but without hashes (no {CPU_LOCK.name} for this release yet)")
            hashes = "--require-hashes" if hashed else "--no-verify-hashes"
            uv("install", "--no-deps", hashes, "--default-index", index, "-r", str(wanted), environment=environment)
            entries = {name: entry for name, entry in entries.items() if not of_torch(name)}
        elif COMPILER in entries and not has_nvidia_driver():
            inform(f"left out, since there is no NVIDIA driver and nothing here uses it: {COMPILER}")
            entries = {name: entry for name, entry in entries.items() if name != COMPILER}
        wanted.write_text("".join(entries.values()))
        uv("install", "--no-deps", "--require-hashes", "-r", str(wanted), environment=environment)


def main() -> None:
    """Choose PyTorch's builds, say which, install, and note the choice for the next list."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lock", type=Path)
    parser.add_argument("--torch", choices=("auto", "cpu", "pypi"), default="auto")
    parser.add_argument("--cpu-index", default=CPU_INDEX)
    arguments = parser.parse_args()
    note = Path(sys.prefix) / ".torch-builds"
    earlier = note.read_text().strip() if note.exists() else None
    builds = choose_builds(arguments.torch, earlier, index=arguments.cpu_index)
    inform(f"installing {arguments.lock.name}, with PyTorch's {'CPU builds' if builds == 'cpu' else 'builds on PyPI'}")
    entries = lock_entries(arguments.lock.read_text(encoding="utf-8"))
    environment = prepare_uv()
    # One release's builds satisfy the pin of the other's: they must go first. Noted in between, so that an install that
    # was cut short goes on rightly.
    if earlier not in (None, builds):
        uv("uninstall", *filter(of_torch, entries), environment=environment)
    note.write_text(builds)
    install(entries, builds=builds, index=arguments.cpu_index, environment=environment)


if __name__ == "__main__":
    main()
