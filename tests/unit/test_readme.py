"""Figures and commands in the README, against the artefacts and the code they speak of."""

import json
import re
import shlex

import pytest
import yaml

from conftest import ROOT
from scrapline.report.summary import summary
from unit.report.test_summary import stages

DOCS = ROOT / "docs/trashnet"
README = (ROOT / "README.md").read_text(encoding="utf-8")


def read(name: str) -> dict:
    return json.loads((DOCS / name).read_text(encoding="utf-8"))


def table() -> str:
    """The table as the artefacts give it."""
    evaluation, training, line, preparation = (
        read(f"{name}.json") for name in ("evaluation", "training", "line", "preparation")
    )
    rows = [("split", "photos", "accuracy", "95 % interval", "macro F1"), ("---", "---:", "---:", "---", "---:")]
    for split in ("validation", "test"):
        m = evaluation[split]
        low, high = (f"{m[f'accuracy_ci95_{end}'] * 100:.1f} %" for end in ("low", "high"))
        rows.append(
            (split, str(m["images"]), f"{m['accuracy'] * 100:.1f} %", f"{low} to {high}", f"{m['macro_f1']:.3f}")
        )
    text = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    left_out = sum(preparation["quarantined"].values())
    return (
        f"{text}\n\nStarting weights `{training['weights']['name']}`; {left_out} photos quarantined; "
        f"{line['latency_ms']['p50']:.0f} ms from a photo's arrival to the decision (p50; {line['items']} items at "
        f"{line['belt']['items_per_s']:.0f} a second, "
        f"{line['states']['late']['items'] + line['states']['dropped']['items']} late or dropped), on "
        f"{line['machine']['cores']} cores of {line['machine']['processor']}."
    )


def test_the_trashnet_table_is_what_the_run_gave() -> None:
    shown = re.search(r"<!-- trashnet:begin .*?-->\n(.*?)\n<!-- trashnet:end -->", README, re.DOTALL)
    assert shown is not None
    assert shown[1] == table()


def test_the_published_report_repeats_its_json() -> None:
    report = (DOCS / "performance_report.md").read_text(encoding="utf-8")
    evaluation, training = read("evaluation.json"), read("training.json")
    assert f"**{evaluation['test']['accuracy'] * 100:.1f} %**" in report
    assert training["weights"]["sha256"] in report
    assert training["weights"]["description"] in report
    for picture in re.findall(r"!\[.*?\]\((.*?)\)", report):
        assert (DOCS / picture).is_file()


def test_the_published_run_is_the_recipe_with_its_weights_named_truthfully() -> None:
    params = yaml.safe_load((DOCS / "params.yaml").read_text())
    recipe = yaml.safe_load((ROOT / "recipes/trashnet.yaml").read_text())
    weights = read("training.json")["weights"]
    assert params["model"].pop("weights") == weights["name"]
    assert recipe["model"].pop("weights") == "imagenet"
    assert params == recipe
    assert "partial" in weights["description"].lower()


def test_dvcs_tables_show_the_figures_of_the_summary_and_fit_a_screen() -> None:
    shown = re.search(r"<!-- dvc-tables:begin .*?-->\n(.*?)\n<!-- dvc-tables:end -->", README, re.DOTALL)
    assert shown is not None
    lines = shown[1].splitlines()
    figures = {f"{group}.{name}" for group, content in summary(stages(6)).items() for name in content}
    diffed = [line.split()[1] for line in lines if line.startswith("results/summary.json")]
    assert 0 < len(diffed) <= 25
    assert set(diffed) <= figures
    assert max(map(len, lines)) <= 120
    for command in ("dvc metrics diff ", "dvc exp show "):
        assert any(line.startswith(f"$ {command}") for line in lines)


def test_links_and_pictures_exist() -> None:
    for link in re.findall(r"\]\((?!http)(.*?)\)", README):
        assert (ROOT / link).exists(), link


@pytest.mark.parametrize("line", [line for line in README.splitlines() if line.startswith(("python src/", "make "))])
def test_commands_name_what_exists(line: str) -> None:
    program, *arguments = shlex.split(line, comments=True)
    if program == "make":
        assert re.search(rf"^{arguments[0]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    else:
        script = ROOT / arguments[0]
        assert re.search(rf"^def {arguments[1]}\(", script.read_text(), re.MULTILINE)


def test_every_direct_requirement_is_explained() -> None:
    pins = [line for line in (ROOT / "requirements.in").read_text().splitlines() if not line.startswith("#")]
    explained = README.partition("## What each dependency is for")[2].lower()
    for pin in pins:
        name = pin.partition("==")[0].lower()
        assert re.search(rf"\b{re.escape(name)}\b", explained), name


def test_torch_and_torchvision_are_of_one_release() -> None:
    pins = dict(line.split("==") for line in (ROOT / "requirements.in").read_text().splitlines() if "==" in line)
    assert (pins["torch"], pins["torchvision"]) == ("2.15.0", "0.29.2")
