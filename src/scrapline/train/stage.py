"""The train stage: from prepared images to a calibrated checkpoint, each step in its order."""

import torch

from scrapline import paths
from scrapline.data import shards
from scrapline.data.imaging import Preprocessing
from scrapline.measures import calibration
from scrapline.model.checkpoint import Checkpoint
from scrapline.model.classifier import Classifier
from scrapline.model.compute import pick_device, reproducible
from scrapline.model.features import Extractor
from scrapline.params import Params, Trainable
from scrapline.system.outs import replacing
from scrapline.train import folds, trained
from scrapline.train.head import train_head
from scrapline.train.tune import fine_tune
from scrapline.train.unfinished import Unfinished
from scrapline.train.weights import constants, initialise


def starting_point(settings: Params, device: torch.device) -> tuple[Extractor, dict[str, str]]:
    """The network before training, with how photos are fed to it, and the provenance of its weights."""
    model = Classifier(settings.model.arch, len(shards.read_classes(paths.PREPARED)))
    model.check_input_size(settings.model.input_size)
    weights = initialise(model, settings.model.weights, paths.PRETRAINED)
    preprocessing = Preprocessing(
        settings.model.input_size,
        settings.data.max_side,
        undeclared_bits=shards.read_undeclared_bits(paths.PREPARED),
        **constants(settings.model.arch, settings.model.weights, paths.PRETRAINED),
    )
    return Extractor(model, paths.PREPARED, preprocessing, device), weights


def train(settings: Params) -> None:
    """Fine-tune the network on the training split; write the checkpoint, its history, its metrics and the folds."""
    classes = shards.read_classes(paths.PREPARED)
    device = pick_device(settings.train.device)
    unfinished = None
    with reproducible(settings.seed), replacing(paths.CHECKPOINT, paths.TRAINING) as (checkpoint_path, results):
        base, weights = starting_point(settings, device)
        rows = folds.pool(shards.read_manifest(paths.PREPARED))
        cuts = folds.draw(
            rows, folds=settings.train.folds_drawn, repeats=settings.train.repeats_drawn, seed=settings.seed
        )
        if settings.train.trainable is Trainable.HEAD:
            result = train_head(base, cuts, settings)
        else:
            unfinished = Unfinished.of(base, settings)
            result = fine_tune(base, cuts, settings, unfinished, pretrained=weights["name"] != "none")
        temperature = calibration.fit_temperature(result.logits.numpy(), result.labels)
        state = base.model.torchvision_state()
        checkpoint = Checkpoint(settings.model.arch, classes, base.preprocessing, temperature, weights, state)
        checkpoint.save(checkpoint_path)
        content = trained.metrics(result, checkpoint, settings, device) | trained.cross_validated(
            result, rows, cuts, classes
        )
        trained.write(results, result, content, rows, cuts)
    if unfinished:
        unfinished.finish()
    trained.print_summary(content, checkpoint)
