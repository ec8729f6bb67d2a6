import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conftest import ROOT

DOORS = ["data_preparation.py", "model_training.py", "inference_script.py", "simulation.py"]


def run_script(script: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"COLUMNS": "100"}
    command = [sys.executable, str(ROOT / "src" / script), *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300, env=environment)


@pytest.mark.parametrize(
    ("script", "command"),
    [
        ("data_preparation.py", "prepare"),
        ("data_preparation.py", "check"),
        ("model_training.py", "train"),
        ("model_training.py", "evaluate"),
        ("inference_script.py", "export"),
        ("simulation.py", "simulate"),
    ],
)
def test_every_command_says_in_one_line_where_to_stand(script: str, command: str, tmp_path: Path) -> None:
    done = run_script(script, command, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == "error: params.yaml is not here: run from the repository's root\n"


def test_a_stage_before_its_inputs_names_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    for script, command in [("model_training.py", "train"), ("inference_script.py", "export")]:
        done = run_script(script, command, cwd=tmp_path)
        assert done.returncode == 1
        assert "is not here yet: run `dvc repro` (or `dvc pull`)" in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "models").exists()


def test_classify_without_a_model_and_without_an_image(tmp_path: Path) -> None:
    done = run_script("inference_script.py", "classify", "nothing.jpg", cwd=tmp_path)
    remedy = "name an image file, or a folder of them"
    assert (done.returncode, done.stderr) == (1, f"error: nothing.jpg is not here: {remedy}\n")


@pytest.mark.parametrize("script", DOORS)
def test_help_names_the_commands(script: str, tmp_path: Path) -> None:
    done = run_script(script, "--help", cwd=tmp_path)
    assert done.returncode == 0
    assert "Commands" in done.stdout


def test_a_python_without_the_requirements_gets_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-S", "-E", str(ROOT / "src/simulation.py"), "simulate"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    assert "has not the project's requirements: run `make setup`" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_stage_with_its_code_and_leaves_nothing_half_made(
    number: signal.Signals, code: int, tmp_path: Path
) -> None:
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    recipe = tmp_path / "data/recipes/demo.yaml"
    recipe.parent.mkdir(parents=True)
    recipe.write_text((ROOT / "data/recipes/demo.yaml").read_text())
    running = subprocess.Popen(
        [sys.executable, str(ROOT / "src/data_preparation.py"), "prepare"], cwd=tmp_path, stderr=subprocess.PIPE
    )
    spool = tmp_path / "data/.spool.partial"
    for _ in range(600):
        if spool.is_dir() and any(spool.iterdir()):
            break
        time.sleep(0.1)
    else:
        pytest.fail("the stage did not start")
    running.send_signal(number)
    _, said = running.communicate(timeout=300)
    assert running.returncode == code
    assert b"Traceback" not in said
    word = b"interrupted" if number == signal.SIGINT else b"terminated"
    assert said.splitlines()[-1] == b"error: " + word
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"params.yaml", "data/recipes/demo.yaml"}


SWALLOWING = """
import os, signal, time, typer
from scrapline.cli import entry

app = typer.Typer()

@app.command()
def work():
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(10)
    except BaseException as stop:
        {handler}

entry.run(app)
"""


@pytest.mark.parametrize(
    "handler", ["raise ImportError('initialization failed') from stop", "pass", "raise SystemExit"]
)
def test_a_stop_is_a_stop_whatever_a_library_makes_of_it(handler: str) -> None:
    """The import of a C extension, for one, makes an ImportError of it."""
    done = subprocess.run(
        [sys.executable, "-c", SWALLOWING.format(handler=handler)],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (done.returncode, done.stderr) == (143, "error: terminated\n")


def run_body(body: str, **how: object) -> subprocess.CompletedProcess[str]:
    """A command of one line, run by `entry`."""
    script = "import sys, typer\nfrom scrapline.cli import console, entry, tables\napp = typer.Typer()\n"
    script += f"@app.command()\ndef work():\n    {body}\n\nentry.run(app)\n"
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")} | how.pop("environment", {})  # type: ignore[operator]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | how
    command = [sys.executable, "-c", script]
    return subprocess.run(command, env=environment, timeout=300, text=True, errors="replace", **streams)  # type: ignore[call-overload, no-any-return]


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ("sys.exit('error: no such thing')", 1, "error: no such thing\n"),
        ("sys.exit(3)", 3, ""),
        ("sys.exit()", 0, ""),
        ("raise MemoryError", 1, "error: out of memory: close other programs"),
        (
            "raise RuntimeError('[enforce fail] DefaultCPUAllocator: can\\'t allocate memory')",
            1,
            "error: out of memory",
        ),
        ("raise RuntimeError('std::bad_alloc')", 1, "error: out of memory"),
        ("work()", 1, "error: an input is nested too deeply to be read\n"),
        ("raise OSError(28, 'No space left on device', 'x\\x1b[31m.pth')", 1, r"device: x\x1b[31m.pth"),
    ],
)
def test_every_way_to_end_has_its_code_and_its_line(body: str, code: int, said: str) -> None:
    done = run_body(body)
    assert done.returncode == code
    assert said in done.stderr
    assert len(done.stderr.splitlines()) <= 1


def test_a_fault_of_our_own_shows_where_it_is() -> None:
    done = run_body("raise RuntimeError('a bug')")
    assert done.returncode == 1
    assert "Traceback" in done.stderr


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_a_narrow_encoding_gets_a_stand_in(encoding: str) -> None:
    body = "from rich.table import Table; t = Table(); t.add_row('Ж', '玻璃'); tables.show(t); print('Ж'); "
    body += "console.info('Ж'); list(console.track([1], 'Ж', 1))"
    done = run_body(body, environment={"PYTHONIOENCODING": encoding})
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert r"\u0416" in done.stdout
    assert r"\u0416" in done.stderr


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs POSIX pipes")
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_reader_that_left_gets_no_traceback(stream: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    body = "print('x' * 200_000); console.info('x' * 200_000); sys.exit('late')"
    done = run_body(body, **{stream: writer})
    os.close(writer)
    assert done.returncode == 1
    assert "Traceback" not in (done.stdout or "") + (done.stderr or "")
    assert "Exception ignored" not in (done.stderr or "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_results_that_did_not_reach_their_file_are_a_failure() -> None:
    with Path("/dev/full").open("w") as full:
        done = run_body("print('results')", stdout=full)
    assert (done.returncode, done.stderr) == (1, "error: No space left on device\n")
