# ruff: noqa: E501 - the lines of tables
"""What README.md and docs/trashnet/README.md say of TrashNet, of the JSON that the runs left in docs/trashnet alone."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from conftest import ROOT

DOCS = ROOT / "docs/trashnet"
RECIPES = {
    "trashnet": "`trashnet`: frozen base, new last layer",
    "trashnet-best": "`trashnet-best`: all of it fine-tuned",
    "trashnet-fast": "`trashnet-fast`: fine-tuned, smaller photos",
}
SMALLEST = "trash"
Json = dict[str, Any]


def published() -> list[str]:
    """The recipes that were run, in the order above."""
    return [name for name in RECIPES if (DOCS / name).is_dir()]


def studied() -> list[str]:
    """The recipes that were cross-validated over all photos."""
    return [name for name in RECIPES if (DOCS / "crossval" / f"{name}.json").is_file()]


def read(recipe: str, name: str) -> Json:
    """One JSON of a recipe's publication."""
    found: Json = json.loads((DOCS / recipe / f"{name}.json").read_text(encoding="utf-8"))
    return found


def study(recipe: str) -> Json:
    """The recipe's cross-validation over all photos."""
    found: Json = json.loads((DOCS / "crossval" / f"{recipe}.json").read_text(encoding="utf-8"))
    return found


def rate(found: Json) -> str:
    """A rate with what stands behind it."""
    return f"{_percent(found['rate'])} ({_percent(found['ci95_low'])} to {_percent(found['ci95_high'])})"


def side_by_side() -> str:
    """The headline table: a column a recipe, with a dash for what was not run, and what they have in common below."""
    names, run = studied(), published()
    lines: list[tuple[str, Callable[[str], str]]] = [
        ("cross-validated over all photos, INT8", lambda name: f"**{rate(study(name)['int8']['accuracy'])}**"),
        (
            f"of it the recall of {SMALLEST}, the smallest class",
            lambda name: rate(study(name)["int8"]["recall"][SMALLEST]),
        ),
        ("INT8 gives the label of float32", lambda name: _percent(study(name)["label_agreement"])),
    ]
    runs: list[tuple[str, Callable[[str], str]]] = [
        ("authors' validation list, INT8", lambda name: _deployed(name, "validation")),
        ("authors' test list, INT8", lambda name: _deployed(name, "test")),
        ("arrival to decision, p50", lambda name: f"{read(name, 'line')['latency_ms']['p50']:.0f} ms"),
    ]
    table = [
        f"| with 95 % intervals | {' | '.join(RECIPES[name] for name in names)} |",
        "|---|" + "---:|" * len(names),
        *(f"| {what} | {' | '.join(say(name) for name in names)} |" for what, say in lines),
        *(f"| {what} | {' | '.join(say(name) if name in run else '-' for name in names)} |" for what, say in runs),
    ]
    return "\n".join(table) + "\n\n" + _below(run)


def _below(names: list[str]) -> str:
    first = study(names[0])
    left_out = sum(read(names[0], "preparation")["quarantined"].values())
    line = read(names[0], "line")
    lost = sum(
        read(name, "line")["states"][state]["items"] for name in names for state in ("late", "dropped", "unreadable")
    )
    dashes = " A dash: not run yet." if set(studied()) - set(names) else ""
    return (
        f"{first['photos']} photos in five folds by group, {left_out} more quarantined; starting weights "
        f"`{first['weights']['name']}`; {line['items']} items at {line['belt']['items_per_s']:.0f} a second, "
        f"{lost} late or lost, on {line['machine']['cores']} cores of {line['machine']['processor']}.{dashes}"
    )


def _deployed(recipe: str, split: str) -> str:
    found = read(recipe, "export")["int8"]
    what = {"rate": "", "ci95_low": "_ci95_low", "ci95_high": "_ci95_high"}
    return rate({name: found[f"{split}_accuracy{end}"] for name, end in what.items()})


def page() -> str:
    """docs/trashnet/README.md."""
    names = studied()
    folds = "\n".join(
        f"| {RECIPES[name]} | {precision} | {rate(found['accuracy'])} | "
        f"{_percent(found['of_folds']['lowest'])} to {_percent(found['of_folds']['highest'])} | "
        f"{' | '.join(_percent(each['rate']) for each in found['recall'].values())} |"
        for name in names
        for precision, found in ((key, study(name)[key]) for key in ("fp32", "int8"))
    )
    places = "; ".join(f"`{name}`: {_place(study(name)['machine'])}" for name in names)
    classes = list(study(names[0])["int8"]["recall"])
    reports = "\n".join(f"- [{RECIPES[name]}]({name}/performance_report.md)" for name in published())
    return f"""# TrashNet

Made by `make trashnet-docs` of the JSON in this folder. Typed by hand are only what a person saw in the photos
(`doctor.json`) and what was tried (`tried.json`, of trainings whose code is gone).

{side_by_side()}

Starting weights: {study(names[0])["weights"]["description"]}. Every choice was made on the
authors' validation list or by cross-validation of training and validation; the test list chose nothing.

{reports}

## Cross-validated over all photos

`python src/studies.py crossval`: each photo is judged by a network that has not seen it or any of its group, trained
on four fifths of all, and by its INT8 file.

| recipe | precision | accuracy (95 % interval) | folds, lowest to highest | {" | ".join(f"recall: {name}" for name in classes)} |
|---|---|---:|---:|{"---:|" * len(classes)}
{folds}

{places}.
{_doctor()}{_tradeoff()}{_tried()}"""


def _place(machine: Json) -> str:
    return f"{machine['cores']} cores of {machine['processor']} ({', '.join(machine['instructions'])})"


def _kept(name: str) -> Json | None:
    """A JSON of this folder, if it was made."""
    path = DOCS / name
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _doctor() -> str:
    if (found := _kept("doctor.json")) is None:
        return ""
    chosen = found["chosen_on"]
    rows = "\n".join(
        f"| {kind} | {' / '.join(map(_percent, shares[:chosen]))} | {' / '.join(map(_percent, shares[chosen:]))} |"
        for kind, shares in found["flipped"].items()
    )
    return f"""
## What the doctor finds

5 % of the labels of training and validation were flipped, `{found["recipe"]}`'s folds trained on them, and the photos
listed by `studies.py doctor`'s label quality. How neighbours count in it was chosen by the first {chosen} draws of photos; the
others are its test. In the first tenth stand, of those flipped:

| flipped to | the draws it was chosen by | the others |
|---|---|---|
{rows}

Nothing flipped, {found["looked_at"]} photos that it lists first were looked at: {found["verdict"]}
"""


def _tradeoff() -> str:
    path = DOCS / "tradeoff.md"
    if not path.is_file():
        return ""
    return f"""
## Accuracy against speed

DVC experiments, each trained anew, their INT8 files timed in turns by `python src/studies.py tradeoff`.

![Accuracy against frames a second](tradeoff.png)

{path.read_text(encoding="utf-8")}"""


def _tried() -> str:
    if (found := _kept("tried.json")) is None:
        return ""
    return f"\n## What was tried\n\n{found['how']}\n" + "".join(map(_screened, found["runs"]))


def _screened(run: Json) -> str:
    rows = "\n".join(
        f"| {line['what']} | {' / '.join(_percent(each) for each in line['accuracy'])} | "
        f"{_percent(sum(line['accuracy']) / len(line['accuracy']))} | {line['kept']} |"
        for line in run["lines"]
    )
    return f"""
{run["where"]}:

| ingredient | validation, a seed each | mean | kept |
|---|---:|---:|---|
{rows}
"""


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def write(docs: Path = DOCS) -> None:
    """Write the page, and the table in the project's README."""
    (docs / "README.md").write_text(page(), encoding="utf-8")
    readme = ROOT / "README.md"
    before, begin, rest = readme.read_text(encoding="utf-8").partition("<!-- trashnet:begin")
    comment, _, tail = rest.partition("-->\n")
    _, end, after = tail.partition("\n<!-- trashnet:end -->")
    readme.write_text(f"{before}{begin}{comment}-->\n{side_by_side()}{end}{after}", encoding="utf-8")


if __name__ == "__main__":
    write()
