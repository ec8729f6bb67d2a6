"""Going back and forth: experiments, branches and commits, with DVC itself."""

import csv
import json
from typing import Any

import pytest
import yaml

from conftest import CLASSES
from pipeline import kills
from pipeline.conftest import STAGES, Clone

COMPARE = ("dvc", "exp", "show", "--csv", "--drop", ".*", "--keep", "Experiment|lr|validation.accuracy")


RATES = {"here": "0.001", "aside": "0.002", "first": "0.003", "second": "0.004"}


@pytest.fixture(scope="module")
def explored(own: Clone) -> Clone:
    """Four experiments: one in the work tree, one in a folder of its own, two from the queue at once."""
    clone = own.fork("explored")
    before = clone.outs()
    said = clone.run("dvc", "exp", "run", "-S", "lr=0.001", "-n", "here")
    assert clone.ran(said) == ["train", "evaluate", "export", "simulate"]
    assert "train features: from the cache" in said
    assert clone.outs() != before
    assert clone.value("lr") == 0.001
    clone.restore()
    clone.run("dvc", "exp", "run", "--temp", "-S", "lr=0.002", "-n", "aside")
    for name, lr in (("first", 0.003), ("second", 0.004)):
        clone.run("dvc", "exp", "run", "--queue", "-S", f"lr={lr}", "-n", name)
    clone.run("dvc", "exp", "run", "--run-all", "-j", "2")
    assert clone.outs() == before, "experiments in folders of their own left the work tree alone"
    assert clone.run("git", "status", "--short") == ""
    return clone


@pytest.fixture
def fork(explored: Clone) -> Clone:
    """The same clone, as it was committed."""
    explored.run("git", "checkout", "-q", "main")
    explored.restore()
    return explored


def test_own_classes_go_through_all_stages(own: Clone) -> None:
    assert json.loads(own.read("data/prepared/classes.json")) == list(CLASSES)
    metrics = json.loads(own.read("results/training/metrics.json"))
    assert metrics["trainable"] == "head"
    assert metrics["weights"]["name"] == "mine.pth"
    assert "with no mine.txt beside it" in own.read("performance_report.md")


def test_show_lists_every_experiment_with_its_rate_and_accuracy(fork: Clone) -> None:
    shown = {row["Experiment"]: row for row in csv.DictReader(fork.run(*COMPARE).splitlines())}
    assert {name: row["lr"] for name, row in shown.items() if name} == RATES
    assert all(0 <= float(row["validation.accuracy"]) <= 1 for row in shown.values())


def test_accuracy_is_set_against_speed_for_every_experiment_from_the_cache_alone(fork: Clone) -> None:
    """Models that are nowhere in the work tree: each timed, with the accuracy that its own stages found.

    One that waits and one that failed have no model of their own, though DVC has that of the commit beside them.
    """
    fork.run("dvc", "exp", "run", "--queue", "-S", "lr=1e30", "-S", "data.min_side=500", "-n", "failing")
    fork.run("dvc", "exp", "run", "--run-all", check=False)
    fork.run("dvc", "exp", "run", "--queue", "-S", "lr=0.007", "-n", "waiting")
    shown = {row["Experiment"]: row for row in csv.DictReader(fork.run(*COMPARE).splitlines())}
    before = fork.outs()
    said = fork.run("python", "src/studies.py", "tradeoff", "--rounds", "1", "--frames", "2")
    fork.run("dvc", "queue", "remove", "--all")
    assert "waiting is left out: queued" in said
    assert "failing is left out: failed" in said
    assert fork.outs() == before
    found = json.loads(fork.read("runs/studies/tradeoff/tradeoff.json"))["models"]
    assert {line["name"]: line["differs"] for line in found} == {
        name: {"lr": float(lr)} for name, lr in {**RATES, "main": fork.value("lr")}.items()
    }
    for line in found:
        assert line["frames_per_s"] > 0
        if line["name"] in RATES and line["precision"] == "fp32":
            assert line["validation_accuracy"] == float(shown[line["name"]]["validation.accuracy"])
    assert fork.read("runs/studies/tradeoff/tradeoff.md").count("\n|") == 7
    assert (fork.root / "runs/studies/tradeoff/tradeoff.png").stat().st_size > 10_000


def test_diff_names_the_params_and_metrics_that_differ(fork: Clone) -> None:
    found = json.loads(fork.run("dvc", "exp", "diff", "first", "second", "--json").splitlines()[-1])
    assert found["params"]["params.yaml"] == {"lr": {"old": 0.003, "new": 0.004, "diff": pytest.approx(0.001)}}
    assert "results/summary.json" in found["metrics"]


@pytest.mark.parametrize("name", ["here", "aside", "first"])
def test_apply_brings_an_experiment_whole(fork: Clone, name: str) -> None:
    fork.run("dvc", "exp", "apply", name)
    assert fork.value("lr") == float(RATES[name])
    assert "up to date" in fork.run("dvc", "status")
    assert fork.repro() == []


def test_a_branch_from_an_experiment_has_its_files(fork: Clone) -> None:
    fork.run("dvc", "exp", "branch", "second", "from-second")
    fork.run("git", "checkout", "-q", "from-second")
    fork.run("dvc", "checkout", "-q")
    assert fork.value("lr") == 0.004
    assert fork.repro() == []


def test_earlier_params_come_from_the_run_cache_but_for_the_uncached_stages(fork: Clone) -> None:
    before = fork.outs()
    fork.change("params.yaml", lambda params: params.update(lr=0.005))
    assert fork.repro() == list(STAGES[1:])
    assert fork.repro() == []
    fork.change("params.yaml", lambda params: params.update(lr=0.0005))
    assert fork.repro() == ["evaluate", "simulate"]
    assert kills.deterministic(fork.outs()) == kills.deterministic(before)


def test_another_commit_has_its_exact_files(fork: Clone) -> None:
    at_main = fork.outs()
    fork.run("git", "checkout", "-q", "-b", "other")
    fork.change("params.yaml", lambda params: params.update(lr=0.006))
    fork.repro()
    fork.commit("lr 0.006")
    at_other = fork.outs()
    assert {path for path in at_main if at_main[path] != at_other[path]} >= {"models/trained_model.pth"}
    for branch, wanted in (("main", at_main), ("other", at_other)):
        fork.run("git", "checkout", "-q", branch)
        fork.run("dvc", "checkout", "-q")
        assert fork.outs() == wanted
        assert "up to date" in fork.run("dvc", "status")


def test_branches_are_compared_in_a_clone_without_data(fork: Clone) -> None:
    """Numbers and pictures are in Git; what DVC draws from cached tables needs a pull, and DVC says so."""
    fork.run("dvc", "exp", "branch", "here", "faster")
    bare = Clone(fork.root.parent / "unpulled", fork.home)
    fork.run("git", "clone", "-q", str(fork.root), str(bare.root))
    assert not (bare.root / "data/prepared").exists()
    assert not (bare.root / ".dvc/cache").exists()

    def diff(what: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(
            bare.run("dvc", what, "diff", "origin/main", "origin/faster", "--json").splitlines()[0]
        )
        return content

    assert diff("params")["params.yaml"]["lr"] == {"old": 0.0005, "new": 0.001, "diff": 0.0005}
    summary = diff("metrics")["results/summary.json"]
    assert summary["validation.log_loss"]["old"] != summary["validation.log_loss"]["new"]
    bare.run("dvc", "plots", "diff", "origin/main", "origin/faster")
    drawn = {path.name for path in (bare.root / "dvc_plots/static").iterdir()}
    for branch in ("main", "faster"):
        for picture in ("confusion_matrix", "learning_curves", "reliability", "purity"):
            assert f"origin_{branch}_results_evaluation_{picture}.png" in drawn
    assert bare.run("git", "status", "--short") == ""


def test_the_run_leaves_a_clean_tree_and_what_dvc_says_to_commit(own: Clone) -> None:
    assert own.run("git", "status", "--short") == ""
    assert yaml.safe_load(own.read("dvc.lock"))["stages"].keys() == set(STAGES)
