import json
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


def in_python(code: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    prelude = f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r})\nfrom scrapline.cli import start\n"
    return subprocess.run([sys.executable, "-c", prelude + code], capture_output=True, env=os.environ | environment)


@pytest.mark.parametrize(("code", "message"), [("'no room left'", b"error: no room left"), ("3", b""), ("None", b"")])
def test_an_exit_with_a_text_is_a_failure(code: str, message: bytes) -> None:
    script = f"""
import typer
from scrapline.cli import entry
app = typer.Typer()
@app.command()
def command() -> None:
    sys.exit({code})
sys.argv = ["x"]
entry.run(app)
"""
    done = in_python(script)
    assert done.returncode == {"3": 3, "None": 0}.get(code, 1)
    assert done.stderr.strip() == message


NAME = "玻璃 métal \x1b[31m\u202e"


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_a_name_outside_the_encoding_has_a_stand_in(encoding: str) -> None:
    script = f"""
from rich.table import Table
from scrapline.cli import console, tables
name = {NAME!r}
console.info(name)
table = Table("class")
table.add_row(tables.cell(name))
tables.show(table)
print(console.json_line({{"class": name}}))
with console.counter("x", 1) as advance:
    advance(1)
"""
    done = in_python(script, PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr
    out, err = done.stdout.decode(encoding), done.stderr.decode(encoding)
    assert not {"\x1b", "\u202e"} & set(out + err)
    assert ("玻璃" if encoding == "utf-8" else r"\u73bb\u7483") in err
    assert r"\x1b[31m\u202e" in err.replace("\n", "")
    line = out.strip().splitlines()[-1]
    assert json.loads(line) == {"class": NAME}
