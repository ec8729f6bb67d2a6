"""Figures and commands in the README, against the artefacts and the code they speak of."""

import re
import shlex

import pytest
import yaml

import trashnet_page
from conftest import ROOT
from scrapline import params
from scrapline.report.summary import summary
from unit.report.test_summary import stages

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_trashnet_table_and_page_are_what_the_runs_gave() -> None:
    shown = re.search(r"<!-- trashnet:begin .*?-->\n(.*?)\n<!-- trashnet:end -->", README, re.DOTALL)
    assert shown is not None
    assert shown[1] == trashnet_page.side_by_side()
    assert (trashnet_page.DOCS / "README.md").read_text(encoding="utf-8") == trashnet_page.page()


@pytest.mark.parametrize("recipe", trashnet_page.published())
def test_a_published_report_repeats_its_json(recipe: str) -> None:
    folder = trashnet_page.DOCS / recipe
    report = (folder / "performance_report.md").read_text(encoding="utf-8")
    evaluation, training = trashnet_page.read(recipe, "evaluation"), trashnet_page.read(recipe, "training")
    assert f"**{evaluation['test']['accuracy'] * 100:.1f} %**" in report
    assert training["weights"]["sha256"] in report
    assert training["weights"]["description"] in report
    for picture in re.findall(r"!\[.*?\]\((.*?)\)", report):
        assert (folder / picture).is_file()


@pytest.mark.parametrize("recipe", trashnet_page.studied())
def test_a_cross_validation_is_of_the_recipe_as_it_stands(recipe: str) -> None:
    found = trashnet_page.study(recipe)
    wanted = params.load(ROOT / f"recipes/{recipe}.yaml").model_dump(mode="json")
    assert found["params"]["model"].pop("weights") == found["weights"]["name"]
    wanted["model"].pop("weights")
    assert found["params"] == wanted
    assert found["judged"] == found["photos"]


@pytest.mark.parametrize("recipe", trashnet_page.published())
def test_a_published_run_is_its_recipe_with_its_weights_named_truthfully(recipe: str) -> None:
    used = yaml.safe_load((trashnet_page.DOCS / recipe / "params.yaml").read_text())
    wanted = yaml.safe_load((ROOT / f"recipes/{recipe}.yaml").read_text())
    weights = trashnet_page.read(recipe, "training")["weights"]
    assert used["model"].pop("weights") == weights["name"] == trashnet_page.study(recipe)["weights"]["name"]
    assert wanted["model"].pop("weights") == "imagenet"
    assert used == wanted
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
