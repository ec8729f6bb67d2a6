"""The lists of requirements against their locks, the workflow's pins, and what tools/install.py chooses; no network."""

import http.server
import importlib.util
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from conftest import ROOT

SPEC = importlib.util.spec_from_file_location("install", ROOT / "tools/install.py")
assert SPEC is not None
assert SPEC.loader is not None
install = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(install)

LISTS = sorted(ROOT.glob("requirements*.in"))
LOCKS = sorted(ROOT.glob("requirements*.txt"))
INDEX = "http://127.0.0.1:9/whl/cpu"
LOCK = """\
numpy==2.4.6 \\
    --hash=sha256:aa
nvidia-cublas==13.4.1.3 ; sys_platform == 'linux' \\
    --hash=sha256:bb
torch==2.15.0 \\
    --hash=sha256:cc
    # via torchvision
torchvision==0.29.2 \\
    --hash=sha256:dd
triton==3.9.0 ; sys_platform == 'linux' \\
    --hash=sha256:ee
"""


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(path: Path) -> dict[str, str]:
    found = re.findall(
        r"^([A-Za-z0-9][\w.-]*)(?:\[.*?\])?==([^\s;\\]+)", path.read_text(encoding="utf-8"), re.MULTILINE
    )
    return {normal(name): version for name, version in found}


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.name)
def test_each_direct_pin_is_in_the_lock(path: Path) -> None:
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith(("#", "-r "))]
    assert len(pins(path)) == len(lines), "a line without an exact pin"
    assert pins(path).items() <= pins(path.with_suffix(".txt")).items()


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_each_entry_of_a_lock_has_hashes_and_none_names_a_place(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    entries = install.lock_entries(text)
    assert entries
    for name, entry in entries.items():
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry), name
    assert not re.search(r"https?://|file:|index-url|find-links|(^|\s)/\w", text)


# Not the CPU lock: the workflow makes it after the lists, and the installer leaves it aside while it is behind.
@pytest.mark.parametrize("path", [p for p in LOCKS if p.name != "requirements-cpu.txt"], ids=lambda path: path.name)
def test_no_two_locks_disagree(path: Path) -> None:
    run = pins(ROOT / "requirements.txt")
    for name, version in pins(path).items():
        assert run.get(name, version) == version, name


def test_the_cuda_packages_are_for_linux_alone() -> None:
    entries = install.lock_entries((ROOT / "requirements.txt").read_text())
    cuda = {name: entry for name, entry in entries.items() if install.GPU_ONLY.fullmatch(name)}
    assert len(cuda) > 10
    assert all("sys_platform == 'linux'" in entry.splitlines()[0] for entry in cuda.values())


def test_running_needs_no_tools_of_development() -> None:
    assert (
        not {"pytest", "ruff", "mypy", "openvino", "dvc-s3", "moto", "atheris", "mutmut"}
        & pins(ROOT / "requirements.txt").keys()
    )


def test_actions_are_pinned_by_commit() -> None:
    for path in (ROOT / ".github/workflows").iterdir():
        text = path.read_text()
        yaml.safe_load(text)
        uses = re.findall(r"uses: (.*)", text)
        assert uses
        assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", use) for use in uses), uses


@pytest.mark.parametrize(
    ("asked", "earlier", "platform", "driver", "answers", "expected"),
    [
        ("auto", None, "linux", False, True, "cpu"),
        ("auto", None, "linux", False, False, "pypi"),
        ("auto", None, "linux", True, True, "pypi"),
        ("auto", None, "darwin", False, True, "pypi"),
        ("auto", "pypi", "linux", False, True, "pypi"),
        ("cpu", "pypi", "linux", True, False, "cpu"),
        ("pypi", "cpu", "linux", False, True, "pypi"),
    ],
)
def test_which_builds(
    monkeypatch: pytest.MonkeyPatch,
    asked: str,
    earlier: str | None,
    platform: str,
    driver: bool,
    answers: bool,
    expected: str,
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(install, "has_nvidia_driver", lambda: driver)
    monkeypatch.setattr(install, "answers", lambda index: answers)
    assert install.choose_builds(asked, earlier, index=INDEX) == expected


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    """A loopback index that has a page for torch under /good only."""
    (tmp_path / "good/torch").mkdir(parents=True)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(tmp_path))  # type: ignore[arg-type]

        def log_message(self, *arguments: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_an_index_answers_or_does_not(index: str) -> None:
    assert install.answers(f"{index}/good")
    assert not install.answers(f"{index}/bad")
    assert not install.answers(INDEX)
    assert not install.answers("no address")


@pytest.fixture
def asked_of_uv(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[tuple[str, ...], str]]:
    """What uv was called with, and the list it was handed; no CPU lock, no driver."""
    calls: list[tuple[tuple[str, ...], str]] = []

    def record(verb: str, *arguments: str, environment: dict[str, str]) -> None:
        calls.append(((verb, *arguments), Path(arguments[-1]).read_text()))

    monkeypatch.setattr(install, "uv", record)
    monkeypatch.setattr(install, "CPU_LOCK", tmp_path / "requirements-cpu.txt")
    monkeypatch.setattr(install, "has_nvidia_driver", lambda: False)
    return calls


def test_cpu_builds_without_a_lock_are_pinned_and_it_is_said(
    asked_of_uv: list[tuple[tuple[str, ...], str]], capsys: pytest.CaptureFixture[str]
) -> None:
    install.install(install.lock_entries(LOCK), builds="cpu", index=INDEX, environment={})
    (first, torch), (second, rest) = asked_of_uv
    assert torch == "torch==2.15.0\ntorchvision==0.29.2\n"
    assert first[first.index("--default-index") + 1] == INDEX
    assert "--require-hashes" not in first
    assert "without hashes" in capsys.readouterr().out
    assert rest == "numpy==2.4.6 \\\n    --hash=sha256:aa\n"
    assert "--require-hashes" in second
    assert INDEX not in second


@pytest.mark.parametrize(("release", "hashed"), [("2.15.0", True), ("2.14.0", False)])
def test_the_cpu_lock_is_used_where_it_is_of_the_same_release(
    asked_of_uv: list[tuple[tuple[str, ...], str]], release: str, hashed: bool
) -> None:
    lock = f"torch=={release}+cpu \\\n    --hash=sha256:ff\ntorchvision==0.29.2+cpu \\\n    --hash=sha256:ab\n"
    install.CPU_LOCK.write_text(lock)
    install.install(install.lock_entries(LOCK), builds="cpu", index=INDEX, environment={})
    arguments, wanted = asked_of_uv[0]
    assert ("--require-hashes" in arguments) == hashed
    assert (wanted == lock) == hashed


@pytest.mark.parametrize("driver", [True, False])
def test_from_pypi_only_the_gpu_compiler_is_left_out_and_only_without_a_driver(
    asked_of_uv: list[tuple[tuple[str, ...], str]], monkeypatch: pytest.MonkeyPatch, driver: bool
) -> None:
    monkeypatch.setattr(install, "has_nvidia_driver", lambda: driver)
    install.install(install.lock_entries(LOCK), builds="pypi", index=INDEX, environment={})
    [(_, wanted)] = asked_of_uv
    assert ("triton" in wanted) == driver
    assert wanted == (LOCK if driver else LOCK.partition("triton")[0])


def test_uv_gets_the_index_and_certificates_that_pip_is_set_to(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    settings = "global.index-url='https://mirror.example/simple'\nglobal.extra-index-url='x'\n:env:.cert='/ca.pem'\n"
    environment = install.uv_environment(settings)
    assert environment["UV_DEFAULT_INDEX"] == "https://mirror.example/simple"
    assert environment["SSL_CERT_FILE"] == "/ca.pem"
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://own.example")
    assert install.uv_environment(settings)["UV_DEFAULT_INDEX"] == "https://own.example"
    assert install.uv_environment("").get("SSL_CERT_FILE") is None
