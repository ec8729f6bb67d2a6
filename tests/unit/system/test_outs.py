import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from conftest import ROOT
from scrapline.system import outs
from scrapline.system.errors import ScraplineError

OLD = {"a": {"x": "old a"}, "b.txt": "old b"}
NEW = {"a": {"y": "new a"}, "b.txt": "new b"}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def tree(folder: Path = Path()) -> dict[str, object]:
    return {path.name: tree(path) if path.is_dir() else path.read_text() for path in folder.iterdir()}


def put(content: dict[str, object], folder: Path = Path()) -> None:
    for name, inside in content.items():
        if isinstance(inside, dict):
            (folder / name).mkdir()
            put(inside, folder / name)
        else:
            (folder / name).write_text(str(inside))


def replace_both() -> None:
    with outs.replacing(Path("a"), Path("b.txt")) as (folder, file):
        put(NEW["a"], folder)
        file.write_text("new b")


def test_files_and_folders_come_into_place_together() -> None:
    put({"out": {"old.txt": "old"}})
    with outs.replacing(Path("out"), Path("deep/model.pth")) as (folder, model):
        (folder / "new.txt").write_text("new")
        model.write_text("weights")
        assert tree(Path("out")) == {"old.txt": "old"}
    assert tree() == {"out": {"new.txt": "new"}, "deep": {"model.pth": "weights"}}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_all_stays_as_it_was_when_the_block_fails(error: type[BaseException]) -> None:
    put({"a.txt": "old"})
    with pytest.raises(error), outs.replacing(Path("a.txt"), Path("b")) as (fresh, _):
        fresh.write_text("half")
        raise error
    assert tree() == {"a.txt": "old"}


def test_all_stays_as_it_was_when_one_target_was_not_written() -> None:
    put(OLD)
    with pytest.raises(FileNotFoundError), outs.replacing(Path("a"), Path("b.txt")) as (first, _):
        put(NEW["a"], first)
    assert tree() == OLD


@contextmanager
def failing_at(count: int, error: BaseException) -> Iterator[None]:
    """Let the `count`-th rename raise."""
    original, left = os.replace, iter(range(count))

    def replace(*args: object) -> None:
        if next(left, None) is None:
            os.replace = original
            raise error
        original(*args)  # type: ignore[arg-type]

    os.replace = replace  # type: ignore[assignment]
    try:
        yield
    finally:
        os.replace = original


@pytest.mark.parametrize("count", range(5))
def test_a_rename_that_fails_brings_back_every_target(count: int) -> None:
    put(OLD)
    with failing_at(count, PermissionError("no")), pytest.raises(PermissionError):
        replace_both()
    assert tree() == OLD


KILLED = """
import os, sys
sys.path.insert(0, {src!r})
from pathlib import Path
from scrapline.system import outs
left = iter(range({count}))
def killing(original):
    def call(*args, **options):
        if next(left, None) is None:
            os.kill(os.getpid(), {signal})
        return original(*args, **options)
    return call
with outs.replacing(Path("a"), Path("b.txt")) as (folder, file):
    (folder / "y").write_text("new a")
    file.write_text("new b")
    for name in ("replace", "unlink", "rmdir"):
        setattr(os, name, killing(getattr(os, name)))
"""


@pytest.mark.parametrize("count", range(9))
def test_a_kill_before_any_step_of_the_placing_leaves_all_old_or_all_new(count: int) -> None:
    """Steps are renames and removals: the journal, two targets aside, two into place, the journal, what was aside."""
    put(OLD)
    script = KILLED.format(src=str(ROOT / "src"), count=count, signal=int(signal.SIGKILL))
    done = subprocess.run([sys.executable, "-c", script], timeout=300)
    assert done.returncode == -signal.SIGKILL
    with pytest.raises(ValueError), outs.replacing(Path("a"), Path("b.txt")):  # noqa: PT011 - ours
        raise ValueError
    assert tree() in (OLD, NEW)


def test_what_was_put_there_since_the_kill_stays() -> None:
    put({"a.txt": "the user's", ".a.txt.old": "old", ".a.txt.partial": "new", ".a.txt.journal": '["a.txt"]'})
    outs.recover(Path("a.txt"))
    assert tree() == {"a.txt": "the user's"}


def test_half_written_files_of_a_killed_run_are_cleared() -> None:
    put({"a.txt": "old", ".a.txt.partial": "half", ".b": {}, ".b.partial": {"x": "half"}})
    outs.recover(Path("a.txt"), Path("b"))
    assert tree() == {"a.txt": "old", ".b": {}}


def test_a_second_process_that_writes_the_same_is_refused_in_one_line() -> None:
    script = f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r})\n" + (
        "from pathlib import Path\nfrom scrapline.system import outs\n"
        "with outs.replacing(Path('a.txt')) as (fresh,):\n"
        "    fresh.write_text('first')\n    print('writing', flush=True)\n    input()\n"
    )
    first = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert first.stdout is not None
    assert first.stdout.readline() == "writing\n"
    refusal = rf"another process \({first.pid}\) is writing a\.txt: wait for it to end, or stop it"
    with pytest.raises(ScraplineError, match=refusal), outs.replacing(Path("a.txt")):
        pytest.fail("both write")
    first.communicate("\n", timeout=300)
    assert tree() == {"a.txt": "first"}


def test_a_lock_of_a_killed_process_is_none() -> None:
    put({".a.txt.lock": "1"})
    with outs.replacing(Path("a.txt")) as (fresh,):
        fresh.write_text("new")
    assert tree() == {"a.txt": "new"}


DAMAGED = {
    "empty": "",
    "cut": '["a", "b.t',
    "zeros": "\0" * 12,
    "no list": '{"a": 1}',
    "a list of something else": "[1, null]",
    "brackets without end": "[" * 100_000,
    "foreign, absolute": '["a", "/etc/hostname"]',
    "foreign, above": '["a", "../b.txt"]',
    "of other targets": '["c"]',
    "an empty name": '["a", ""]',
}


@pytest.mark.parametrize("journal", DAMAGED.values(), ids=DAMAGED)
@pytest.mark.parametrize("done", range(5), ids=lambda done: f"{done} renames done")
def test_a_damaged_journal_loses_nothing(journal: str, done: int) -> None:
    """Whatever it holds, it stands only where all was written: the new outs come into place, as without the damage."""
    put(OLD | {".a.partial": NEW["a"], ".b.txt.partial": NEW["b.txt"], ".a.journal": journal})
    steps = (("a", ".a.old"), (".a.partial", "a"), ("b.txt", ".b.txt.old"), (".b.txt.partial", "b.txt"))
    for source, target in steps[:done]:
        Path(source).replace(target)
    outs.recover(Path("a"), Path("b.txt"))
    assert tree() == NEW
    replace_both()
    assert tree() == NEW


def test_a_journal_that_is_no_file_is_none() -> None:
    put(OLD | {".a.journal": {"x": ""}})
    replace_both()
    assert tree() == NEW


def test_a_foreign_path_in_a_journal_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    put({"t": "theirs", ".t.partial": "planted"}, tmp_path / "elsewhere")
    journal = f'["a", "{(tmp_path / "elsewhere/t").as_posix()}"]'
    put(OLD | {".a.journal": journal})
    outs.recover(Path("a"), Path("b.txt"))
    assert tree(Path("elsewhere")) == {"t": "theirs", ".t.partial": "planted"}


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs Linux's /proc")
def test_what_is_put_into_place_is_on_the_disk_before_the_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a power cut may leave a journal whose new files are empty, in place of the old ones."""
    order: list[str] = []
    fsync, replace = os.fsync, os.replace

    def note_sync(number: int) -> None:
        order.append(Path(f"/proc/self/fd/{number}").readlink().name)
        fsync(number)

    def note_replace(source: object, target: object) -> None:
        order.append(f"-> {Path(str(target)).name}")
        replace(source, target)  # type: ignore[arg-type]

    monkeypatch.setattr("os.fsync", note_sync)
    monkeypatch.setattr("os.replace", note_replace)
    replace_both()
    before = order[: order.index("-> .a.journal")]
    assert {"y", ".b.txt.partial", "..a.journal.partial"} <= set(before)
