"""What reruns what: changes a user makes, with the stages that must run then, no more and no fewer.

test_rebuilds.py makes each change; `markdown` is docs/rebuilds.md.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import closure
from conftest import ROOT, jpeg, noise
from pipeline.conftest import STAGES, Clone

PREPARE, TRAIN, EVALUATE, EXPORT, SIMULATE = STAGES
AFTER_PREPARE = (TRAIN, EVALUATE, EXPORT, SIMULATE)
Edit = Callable[[Clone], object]


@dataclass(frozen=True)
class Change:
    """One row: what is changed, how, what must run, and which of that DVC finds stale before anything runs.

    The others run because a stage before them gave other outs. `stale` is the first that runs unless it is given.
    """

    what: str
    make: Edit
    runs: tuple[str, ...]
    stale: tuple[str, ...] | None = None

    def found_stale(self) -> tuple[str, ...]:
        """The stages that the change reaches by itself."""
        return self.runs[:1] if self.stale is None else self.stale


def param(
    path: str, value: object, runs: tuple[str, ...], note: str = "", *, stale: tuple[str, ...] | None = None
) -> Change:
    *sections, leaf = path.split(".")

    def edit(params: dict) -> None:
        for section in sections:
            params = params[section]
        assert params[leaf] != value, f"{path} is {value} already"
        params[leaf] = value

    return Change(f"`{path}`{note}", lambda clone: clone.change("params.yaml", edit), runs, stale)


def write(path: str, content: str | bytes) -> Edit:
    data = content.encode() if isinstance(content, str) else content

    def make(clone: Clone) -> None:
        (clone.root / path).parent.mkdir(parents=True, exist_ok=True)
        (clone.root / path).write_bytes(data)

    return make


def append(path: str, text: str) -> Edit:
    return lambda clone: (clone.root / path).write_text(clone.read(path) + text, encoding="utf-8")


def substitute(path: str, old: str, new: str) -> Edit:
    def make(clone: Clone) -> None:
        assert old in clone.read(path)
        (clone.root / path).write_text(clone.read(path).replace(old, new), encoding="utf-8")

    return make


def move(path: str, to: str) -> Edit:
    return lambda clone: (clone.root / path).rename(clone.root / to)


def copy(path: str, to: str) -> Edit:
    return lambda clone: shutil.copyfile(clone.root / path, clone.root / to)


def delete(path: str) -> Edit:
    def make(clone: Clone) -> None:
        target = clone.root / path
        shutil.rmtree(target) if target.is_dir() else target.unlink()

    return make


def other_weights(path: str) -> Edit:
    def make(clone: Clone) -> None:
        import torch
        import torchvision

        torch.manual_seed(1)
        torch.save(torchvision.models.resnet18().state_dict(), clone.root / path)

    return make


def touched(clone: Clone) -> None:
    for path in [*(clone.root / "src").rglob("*.py"), *(clone.root / "data/raw").rglob("*.jpg")]:
        path.touch()


def keys_reversed(clone: Clone) -> None:
    def edit(params: dict) -> None:
        for key, value in reversed(list(params.items())):
            params[key] = params.pop(key)
            if isinstance(value, dict):
                params[key] = dict(reversed(value.items()))

    clone.change("params.yaml", edit)


RENDERING = "src/scrapline/rendering/"  # one dependency of dvc.yaml
NEW_PHOTO = jpeg(noise(9001, tint=(110, 0, 0)), quality=92)

PARAMS = [
    param("seed", 8, STAGES, stale=(PREPARE, TRAIN, SIMULATE)),
    param("lr", 0.001, AFTER_PREPARE),
    param("data.source", "data/recipes/demo.yaml", STAGES),
    param("data.split.val", 0.3, STAGES),
    param("data.split.test", 0.3, STAGES),
    param("data.split.lists", "pinned", (PREPARE, SIMULATE), " (with the hash scheme, which does not read it)"),
    param("data.group", {"pattern": r"([0-4])\.jpg$"}, STAGES),
    param("data.min_side", 20, (PREPARE,), " (no photo is smaller)"),
    param("data.max_side", 256, STAGES, stale=(PREPARE, TRAIN)),
    param("data.shard_mb", 128, (PREPARE,), " (all fit into one)"),
    param("data.test_frames", 2, (PREPARE, SIMULATE)),
    param("model.weights", "none", AFTER_PREPARE),
    param("model.input_size", 48, AFTER_PREPARE),
    param("train.trainable", "all", AFTER_PREPARE),
    param("train.epochs", 2, AFTER_PREPARE),
    param("train.batch_size", 3, AFTER_PREPARE),
    param("train.weight_decay", 0.5, AFTER_PREPARE),
    param("train.label_smoothing", 0.1, AFTER_PREPARE),
    param("train.lr_decay", 0.5, (TRAIN,), " (the base is frozen)"),
    param("train.mixup", 0.2, (TRAIN,), " (the base is frozen)"),
    param("train.ema", 0.9, (TRAIN,), " (the base is frozen)"),
    param("train.folds", 2, (TRAIN, SIMULATE), ", whose report has the folds' figures"),
    param("train.fold_repeats", 2, (TRAIN, SIMULATE), ", the same"),
    param("train.views", 2, AFTER_PREPARE),
    param("train.augment.hflip", False, AFTER_PREPARE),
    param("train.augment.vflip", False, AFTER_PREPARE),
    param("train.augment.crop_area", 0.5, AFTER_PREPARE),
    param("train.augment.color_jitter", 0.4, AFTER_PREPARE),
    param("train.device", "cpu", (TRAIN, EVALUATE, EXPORT), " (`auto` found no GPU)", stale=(TRAIN, EVALUATE, EXPORT)),
    param("evaluate.target_purity", 0.9, (EVALUATE, EXPORT, SIMULATE)),
    param("export.opset", 19, (EXPORT, SIMULATE)),
    param("export.parity_tolerance", 0.002, (EXPORT, SIMULATE), ", which the model file carries"),
    param("export.max_accuracy_drop", 0.01, (EXPORT, SIMULATE), ", the same"),
    param("export.min_label_agreement", 0.9, (EXPORT, SIMULATE), ", the same"),
    param("export.deploy", "fp32", (EXPORT, SIMULATE)),
    param("export.activation_type", "int8", (EXPORT, SIMULATE)),
    param("export.calibration_images", 400, (EXPORT, SIMULATE), " (there are fewer; the model file carries it)"),
    param("simulate.items", 10, (SIMULATE,)),
    param("simulate.lanes", 3, (SIMULATE,)),
    param("simulate.items_per_m", 6, (SIMULATE,)),
    param("simulate.belt_m_per_s", 4.0, (SIMULATE,)),
    param("simulate.camera_to_ejector_m", 4.0, (SIMULATE,)),
    param("simulate.actuation_lead_ms", 20, (SIMULATE,)),
    param("simulate.ejector_m", 0.03, (SIMULATE,)),
    param("simulate.arrivals", "poisson", (SIMULATE,)),
    param("simulate.mix", {"red": 1, "blue": 2}, (SIMULATE,)),
    param("simulate.workers", 1, (SIMULATE,)),
    param("simulate.queue_frames", 9, (SIMULATE,)),
    Change("`lr: 0.0005` written as `5e-4`", substitute("params.yaml", "lr: 0.0005", "lr: 5.0e-4"), ()),
    Change("a comment in params.yaml", append("params.yaml", "# a thought\n"), ()),
    Change("the order of the keys in params.yaml", keys_reversed, ()),
]

DATA = [
    Change("a photo added to `data/raw`", write("data/raw/red/new.jpg", NEW_PHOTO), STAGES),
    Change("a photo removed", delete("data/raw/red/003.jpg"), STAGES),
    Change("a photo moved to another class", move("data/raw/red/003.jpg", "data/raw/blue/moved.jpg"), STAGES),
    Change("another photo under the same name", write("data/raw/red/003.jpg", NEW_PHOTO), STAGES),
    Change("a photo renamed", move("data/raw/red/003.jpg", "data/raw/red/0033.jpg"), STAGES),
    Change("a class renamed", move("data/raw/red", "data/raw/scarlet"), STAGES),
    Change("a second copy of a photo", copy("data/raw/red/003.jpg", "data/raw/red/copy.jpg"), (PREPARE, SIMULATE)),
    Change("a file that is no photo", write("data/raw/red/notes.jpg", "no photo"), (PREPARE, SIMULATE)),
    Change("`.DS_Store` in a class folder", write("data/raw/red/.DS_Store", "x"), ()),
    Change("other weights under the same name", other_weights("models/pretrained/mine.pth"), AFTER_PREPARE),
    Change(
        "a text beside the weights that says what they are", write("models/pretrained/mine.txt", "mine"), AFTER_PREPARE
    ),
    Change("a weights file that nothing names", other_weights("models/pretrained/others.pth"), (TRAIN,)),
    Change("a photo pinned", write("data/splits/pins.csv", "photo,pin,why\nred/003.jpg,measure_only,\n"), STAGES),
    Change("split lists that nothing names", write("data/splits/others/train.txt", "red/000.jpg\n"), (PREPARE,)),
    Change("the demo's recipe, while `data.source` is `data/raw`", append("data/recipes/demo.yaml", "# x\n"), ()),
]

PINNED = [
    Change(
        "a photo moved from one split list to another",
        substitute("data/splits/pinned/val.txt", "red/001.jpg\n", ""),
        STAGES,
    ),
    Change(
        "the order of the lines in a split list",
        lambda clone: (clone.root / "data/splits/pinned/val.txt").write_text(
            "\n".join(reversed(clone.read("data/splits/pinned/val.txt").split())) + "\n"
        ),
        (PREPARE,),
    ),
]

OUTS = [
    Change("the model deleted", delete("models/trained_model.pth"), ()),
    Change("the prepared data deleted", delete("data/prepared"), ()),
    Change("the model overwritten", write("models/trained_model.pth", "x"), ()),
    Change("the report deleted, which Git keeps", delete("performance_report.md"), (SIMULATE,)),
    Change("a metrics file edited, which Git keeps", append("results/evaluation/metrics.json", " "), (EVALUATE,)),
]

NEITHER = [
    Change("README.md", append("README.md", "edited\n"), ()),
    Change("a document", append("docs/rebuilds.md", "edited\n"), ()),
    Change("a test", append("tests/conftest.py", "# edited\n"), ()),
    Change("the Makefile", append("Makefile", "# edited\n"), ()),
    Change("requirements.txt (after an upgrade, `dvc repro --force`)", append("requirements.txt", "# edited\n"), ()),
    Change("a recipe in `recipes/`", append("recipes/demo.yaml", "# edited\n"), ()),
    Change("a stage's description in dvc.yaml", substitute("dvc.yaml", "desc: Clean", "desc: Really clean"), ()),
    Change("every source file and photo touched, none changed", touched, ()),
    Change("`__pycache__` among the sources", write("src/scrapline/rendering/__pycache__/x.pyc", "x"), ()),
]


def code() -> Iterator[Change]:
    """A comment in every source file. What runs is read from the imports, not from dvc.yaml; its outs stay the same,
    bit by bit, so nothing after it runs.
    """
    commands = {
        PREPARE: "data_preparation.py",
        TRAIN: "model_training.py",
        EVALUATE: "model_training.py",
        EXPORT: "inference_script.py",
        SIMULATE: "simulation.py",
    }
    needed = {stage: closure.of_command(script, stage) for stage, script in commands.items()}
    for path in sorted(ROOT.glob("src/**/*.py")):
        name = path.relative_to(ROOT).as_posix()
        runs = tuple(stage for stage in STAGES if name in needed[stage])
        if not name.startswith(RENDERING):
            yield Change(f"`{name}`", append(name, "# edited\n"), runs, runs)
        elif path.name in {"scene.py", "glass.py"}:
            yield Change(f"`{name}`, as any file below `{RENDERING}`", append(name, "# edited\n"), runs, runs)
    template = Path("src/scrapline/report/report.md.j2").as_posix()
    yield Change(f"`{template}`", append(template, "\nedited\n"), (SIMULATE,))


CODE = list(code())

TABLES = {
    "Parameters": PARAMS,
    "Photos, weights, recipes": DATA,
    "Split lists, with `data.split.scheme: lists`": PINNED,
    "What a run wrote": OUTS,
    "What is no input": NEITHER,
    "A comment in a source file": CODE,
}


def markdown() -> str:
    """The content of docs/rebuilds.md."""
    lines = [
        "# What reruns what",
        "",
        "After each of these changes, made alone to a reproduced pipeline with two classes of photos of the user's",
        "own, `dvc repro` runs the stages marked ● and no other. `make test` makes every change and asks DVC which",
        "stages it finds stale by that alone, and for each stage it runs one change that begins there. `make nightly`",
        "runs every change for real, and fails when a stage runs too often or not at all. A list in",
        "`tests/pipeline/rebuilds.py` holds the changes; `make rebuilds` writes this page from it, and a test compares",
        "both.",
        "",
        "A stage whose outs come out the same, bit by bit, stops the chain: the stages after it do not run.",
    ]
    for title, changes in TABLES.items():
        lines += ["", f"## {title}", "", f"| changed | {' | '.join(STAGES)} |", "| --- |" + " :-: |" * len(STAGES)]
        for change in changes:
            marks = ("●" if stage in change.runs else "" for stage in STAGES)
            lines.append(f"| {change.what} | {' | '.join(marks)} |".replace("  |", " |"))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    (ROOT / "docs/rebuilds.md").write_text(markdown(), encoding="utf-8", newline="\n")
