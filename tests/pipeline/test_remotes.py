"""Sharing: what one clone pushes another pulls, whole; and what DVC says, and README.md answers, when that fails."""

import os
import random
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import ROOT
from pipeline import kills, servers
from pipeline.conftest import Clone

BUCKET = "scrapline"
NOWHERE = "http://127.0.0.1:1"
README = (ROOT / "README.md").read_text(encoding="utf-8")
TROUBLES = dict(re.findall(r"^\| `([^|]+)` \| (.+) \|$", README.partition("When a remote fails")[2], re.MULTILINE))


def use(clone: Clone, url: str, **settings: str) -> None:
    """Another remote in place of the default one, with all that is secret or of this test's own kept out of Git."""
    (clone.root / ".dvc/config.local").unlink(missing_ok=True)
    clone.run("dvc", "remote", "add", "-q", "-d", "-f", "storage", url)
    for name, value in settings.items():
        clone.run("dvc", "remote", "modify", "--local", "storage", name, value)


def use_s3(clone: Clone, address: str, folder: str) -> None:
    use(clone, f"s3://{BUCKET}/{folder}", endpointurl=address, region="us-east-1", **servers.CREDENTIALS)


@pytest.fixture(scope="module")
def owner(own: Clone) -> Clone:
    """Whoever has the data."""
    return own.fork("remotes")


@pytest.fixture
def colleague(owner: Clone, tmp_path: Path) -> Iterator[Clone]:
    """A fresh clone beside it, with nothing of its own."""
    clone = Clone(owner.root.parent / f"colleague-{tmp_path.name}", tmp_path / "home", owner.interpreter)
    owner.run("git", "clone", "-q", str(owner.root), str(clone.root))
    yield clone
    shutil.rmtree(clone.root)
    (owner.root / ".dvc/config.local").unlink(missing_ok=True)
    owner.restore()


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    pytest.importorskip("dvc_s3", reason="requirements-s3.txt")
    with servers.s3(BUCKET) as address:
        yield address


def assert_whole(clone: Clone, like: Clone) -> None:
    assert clone.outs() == like.outs()
    assert "up to date" in clone.run("dvc", "status")
    assert clone.repro() == []


def sort_fewer(clone: Clone, items: int) -> None:
    """Have something to push that the remote lacks."""
    clone.change("params.yaml", lambda params: params["simulate"].update(items=items))
    assert clone.repro() == ["simulate"]


def test_the_default_folder_beside_the_repository(owner: Clone, colleague: Clone) -> None:
    owner.run("dvc", "push")
    assert (owner.root.parent / "scrapline-storage").is_dir()
    colleague.run("dvc", "pull")
    assert_whole(colleague, owner)


def test_s3_with_credentials_that_stay_out_of_git(owner: Clone, colleague: Clone, s3: str) -> None:
    for clone in (owner, colleague):
        use_s3(clone, s3, "data")
    owner.run("dvc", "push")
    colleague.run("dvc", "pull")
    assert_whole(colleague, owner)
    assert servers.CREDENTIALS["secret_access_key"] not in owner.run("git", "diff")
    assert owner.run("git", "status", "--short").split() == ["M", ".dvc/config"]


def test_http_is_read_only(owner: Clone, colleague: Clone) -> None:
    use(owner, "../served")
    owner.run("dvc", "push")
    with servers.read_only_http(storage(owner, "served")) as address:
        use(colleague, address)
        colleague.run("dvc", "pull")
        assert_whole(colleague, owner)
        sort_fewer(colleague, 11)
        before = colleague.outs()
        said = colleague.run("dvc", "push", check=False)
        assert_explained(said, "Unsupported method")
        assert colleague.outs() == before
        assert "up to date" in colleague.run("dvc", "status")


@pytest.mark.parametrize("place", ["folder", pytest.param("s3", marks=pytest.mark.slow)])
def test_a_colleague_gets_finished_experiments_for_free(owner: Clone, colleague: Clone, s3: str, place: str) -> None:
    for clone in (owner, colleague):
        use(clone, "../with-runs") if place == "folder" else use_s3(clone, s3, "with-runs")
    owner.run("dvc", "push")
    owner.run("dvc", "exp", "run", "-S", "lr=0.003", "-n", f"faster-{place}")
    owner.run("dvc", "push", "--run-cache")
    wanted = owner.outs()
    colleague.run("dvc", "pull", "--run-cache")
    colleague.change("params.yaml", lambda params: params.update(lr=0.003))
    ran = colleague.ran(colleague.run("dvc", "repro", "--pull"))
    assert ran == ["evaluate", "simulate"], "which keep files in Git, and so are never taken from there"
    assert kills.deterministic(colleague.outs()) == kills.deterministic(wanted)


def assert_explained(said: str, message: str) -> None:
    """DVC said this, and README.md has a row about it."""
    assert message in said
    assert message in TROUBLES, "README.md has no row for it"


def storage(clone: Clone, folder: str) -> Path:
    return clone.root.parent / folder


@pytest.fixture
def full_folder(owner: Clone, colleague: Clone) -> Iterator[Path]:
    """A remote that has everything, which both use."""
    for clone in (owner, colleague):
        use(clone, "../mine")
    owner.run("dvc", "push")
    yield storage(owner, "mine")
    shutil.rmtree(storage(owner, "mine"))


def put_aside(folder: Path) -> None:
    """Rename a remote, as README.md says."""
    aside = folder.with_name("put-aside")
    shutil.rmtree(aside, ignore_errors=True)
    folder.rename(aside)


def fails(clone: Clone, *command: str) -> str:
    """What DVC says as it fails; everything local is as it was."""
    before = clone.outs()
    said = clone.run("dvc", *command, check=False)
    assert "ERROR" in said
    assert clone.outs().items() >= before.items()
    return said


def test_nothing_was_pushed_yet(owner: Clone, colleague: Clone) -> None:
    for clone in (owner, colleague):
        use(clone, "../empty")
    assert_explained(fails(colleague, "pull"), "Some of the cache files do not exist neither locally nor on remote")
    owner.run("dvc", "push")
    colleague.run("dvc", "pull")
    assert_whole(colleague, owner)


def test_a_push_broke_off(full_folder: Path, owner: Clone, colleague: Clone) -> None:
    """DVC sends a folder's files before its list."""
    files = sorted(path for path in full_folder.rglob("*") if path.is_file())
    for path in [path for path in files if path.suffix == ".dir"] + files[::2]:
        path.unlink(missing_ok=True)
    assert_explained(fails(colleague, "pull"), "Some of the cache files do not exist neither locally nor on remote")
    owner.run("dvc", "push")
    colleague.run("dvc", "pull")
    assert_whole(colleague, owner)


def test_the_remote_lost_files(full_folder: Path, owner: Clone, colleague: Clone) -> None:
    """DVC takes a folder to be whole if its list is there."""
    files = sorted(path for path in full_folder.rglob("*") if path.is_file() and path.suffix != ".dir")
    for path in files[::2]:
        path.unlink()
    assert_explained(fails(colleague, "pull"), "failed to transfer")
    put_aside(full_folder)
    owner.run("dvc", "push")
    colleague.run("dvc", "pull")
    assert_whole(colleague, owner)


def damaged(owner: Clone) -> str:
    """Where the checkpoint lies in a remote."""
    md5 = owner.outs()["models/trained_model.pth"]
    return f"files/md5/{md5[:2]}/{md5[2:]}"


def test_a_damaged_file_is_not_taken(full_folder: Path, owner: Clone, colleague: Clone) -> None:
    path = full_folder / damaged(owner)
    path.chmod(0o644)
    path.write_bytes(random.Random(0).randbytes(1000))
    assert_explained(fails(colleague, "pull"), "Some of the cache files do not exist neither locally nor on remote")
    assert not (colleague.root / "models/trained_model.pth").exists()
    put_aside(full_folder)
    owner.run("dvc", "push")
    colleague.run("dvc", "pull")
    assert_whole(colleague, owner)


def test_a_damaged_object_on_s3_is_not_taken(owner: Clone, colleague: Clone, s3: str) -> None:
    for clone in (owner, colleague):
        use_s3(clone, s3, "damaged")
    owner.run("dvc", "push")
    colleague.run("dvc", "remote", "modify", "storage", "verify", "true")  # otherwise DVC takes what a cloud gives it
    key = f"damaged/{damaged(owner)}"
    servers.client(s3).put_object(Bucket=BUCKET, Key=key, Body=b"something else")
    fails(colleague, "pull")
    assert not (colleague.root / "models/trained_model.pth").exists()
    servers.client(s3).delete_object(Bucket=BUCKET, Key=key)
    owner.run("dvc", "push")
    colleague.run("dvc", "pull")
    assert_whole(colleague, owner)


@pytest.mark.slow  # DVC tries again and again
def test_s3_out_of_reach(owner: Clone, colleague: Clone, s3: str) -> None:
    for clone in (owner, colleague):
        use_s3(clone, NOWHERE, "away")
    assert_explained(fails(owner, "push"), "Could not connect to the endpoint URL")
    assert_explained(fails(colleague, "pull", "results/training"), "Could not connect to the endpoint URL")
    for clone in (owner, colleague):
        use_s3(clone, s3, "away")
    owner.run("dvc", "push")
    colleague.run("dvc", "pull")
    assert_whole(colleague, owner)


def test_http_out_of_reach(owner: Clone, colleague: Clone) -> None:
    for clone in (owner, colleague):
        use(clone, NOWHERE)
    assert_explained(fails(owner, "push"), "Cannot connect to host")
    assert_explained(fails(colleague, "pull"), "Some of the cache files do not exist neither locally nor on remote")


def test_no_credentials(owner: Clone, colleague: Clone, s3: str) -> None:
    use(colleague, f"s3://{BUCKET}/data", endpointurl=s3)
    assert_explained(fails(colleague, "pull"), "Unable to locate credentials")


def test_a_folder_that_may_only_be_read(full_folder: Path, owner: Clone, colleague: Clone) -> None:
    colleague.run("dvc", "pull")
    sort_fewer(colleague, 10)
    folders = [full_folder, *(path for path in full_folder.rglob("*") if path.is_dir())]
    before = colleague.outs()
    powerless = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    for folder in folders:
        folder.chmod(0o555)
    try:
        plain = replace(colleague, interpreter=Clone.interpreter)  # the warm one's processes have its rights
        said = plain.run(*powerless, "dvc", "push", check=False)
    finally:
        for folder in folders:
            folder.chmod(0o755)
    assert_explained(said, "Permission denied")
    assert colleague.outs() == before
    colleague.run("dvc", "push")
    assert "up to date" in colleague.run("dvc", "push")
