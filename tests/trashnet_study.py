"""The parts of docs/trashnet that no command of the project makes: `python -m trashnet_study`, after `make trashnet`.

In a clone whose pipeline has run with the frozen base. It flips labels on purpose, and says how many of them the
doctor's order of photos brings to the front.
"""

import dataclasses
import json
from collections.abc import Iterator

import numpy as np
import torch

from scrapline import params, paths
from scrapline.cli.console import info
from scrapline.data import shards
from scrapline.model.compute import pick_device, reproducible
from scrapline.model.joined import Joined
from scrapline.params import Params
from scrapline.studies.doctor import findings
from scrapline.train import folds, stage
from scrapline.train.head import features_to_learn_from, fit_head
from trashnet_page import DOCS

SEEDS = 5
CHOSEN_ON = 2  # how neighbours count beside the folds was chosen by the first seeds
SHARE = 0.05
FIRST = 0.1
Labels = np.ndarray


def flipped(settings: Params) -> dict[str, list[float]]:
    """For each way of flipping and each seed, which share of those flipped stands in the first tenth of the list."""
    base, _ = stage.starting_point(settings, pick_device("cpu"))
    data, _ = features_to_learn_from(base, ("train", "val"), settings)
    rows = folds.pool(shards.read_manifest(paths.PREPARED))
    count, repeats = settings.train.folds_drawn, settings.train.repeats_drawn
    drawn = folds.draw(rows, folds=count, repeats=repeats, seed=settings.seed)
    near = findings.neighbours(data.take(np.arange(len(rows))), [row.group for row in rows])

    def out_of_fold(labels: Labels) -> Labels:
        """What heads of the folds, fitted to these labels, make of the photos that they have not seen [N, C]."""
        parts = np.split(labels, [len(data.parts[0].labels)])
        given = Joined([dataclasses.replace(part, labels=own) for part, own in zip(data.parts, parts, strict=True)])
        said = np.zeros((repeats, len(labels), base.model.head.out_features))
        for number, cut in enumerate(drawn, start=1):
            head = fit_head(given, cut.train, base.model.head, settings, network=number)
            with torch.inference_mode():
                logits = head(torch.from_numpy(data.take(cut.held_out)))
            said[cut.repeat, cut.held_out] = torch.softmax(logits, dim=1).numpy()
        return said.mean(axis=0)

    truth = data.labels
    mistaken = out_of_fold(truth).argmax(axis=1)
    counts = np.zeros((base.model.head.out_features,) * 2, int)
    np.add.at(counts, (truth, mistaken), truth != mistaken)
    found: dict[str, list[float]] = {"a class at random": [], "the class it is most confused with": []}
    for seed in range(SEEDS):
        for kind, labels, at in _flips(truth, counts.argmax(axis=1), seed):
            said = findings.with_neighbours(out_of_fold(labels), near, labels)
            order = np.argsort(findings.label_quality(labels, said), kind="stable")
            found[kind].append(float(np.isin(at, order[: round(FIRST * len(order))]).mean()))
            info(f"{kind}, seed {seed}: {found[kind][-1]:.1%}")
    return found


def _flips(truth: Labels, nearest: Labels, seed: int) -> Iterator[tuple[str, Labels, Labels]]:
    """Both ways: its name, the labels after it, and where it was done."""
    generator = np.random.default_rng(seed)
    at = generator.choice(len(truth), round(SHARE * len(truth)), replace=False)
    classes = len(nearest)
    other = (truth[at] + generator.integers(1, classes, len(at))) % classes
    for kind, new in (("a class at random", other), ("the class it is most confused with", nearest[truth[at]])):
        labels = truth.copy()
        labels[at] = new
        yield kind, labels, at


def main() -> None:
    """Write docs/trashnet/doctor.json; what a person saw in it stays."""
    settings = params.load()
    file = DOCS / "doctor.json"
    seen = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {"looked_at": 0, "verdict": "-"}
    with reproducible(settings.seed):
        content = {"recipe": "trashnet", "chosen_on": CHOSEN_ON, "flipped": flipped(settings)}
    file.write_text(json.dumps(seen | content, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
