"""Train and evaluate: the pipeline's second and third stages."""

from scrapline.cli import start  # noqa: F401 - before what is slow to import, or not installed

# isort: split
import typer

from scrapline import params, paths
from scrapline.cli import entry
from scrapline.system.files import write_json
from scrapline.system.outs import replacing

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)


@app.command()
def train() -> None:
    """Fine-tune the network on the prepared images and write a calibrated checkpoint."""
    from scrapline.data import shards
    from scrapline.data.imaging import Preprocessing
    from scrapline.measures import calibration
    from scrapline.model.classifier import Checkpoint, Classifier, pick_device, reproducible
    from scrapline.model.features import Extractor
    from scrapline.params import Trainable
    from scrapline.train import fit, outcome
    from scrapline.train.head import train_head
    from scrapline.train.tune import fine_tune
    from scrapline.train.weights import initialise

    settings = params.load()
    classes = shards.read_classes(paths.PREPARED)
    preprocessing = Preprocessing(settings.model.input_size, settings.data.max_side)
    device = pick_device(settings.train.device)
    with reproducible(settings.seed), replacing(paths.CHECKPOINT, paths.TRAINING) as (checkpoint_path, results):
        model = Classifier(settings.model.arch, len(classes))
        model.check_input_size(settings.model.input_size)
        weights = initialise(model, settings.model.weights, paths.PRETRAINED)
        if settings.train.trainable is Trainable.HEAD:
            extractor = Extractor(model, paths.PREPARED, preprocessing, device)
            result = train_head(extractor, settings)
        else:
            result = fine_tune(model, weights, paths.PREPARED, preprocessing, settings, device)
        temperature = calibration.fit_temperature(result.logits, result.labels)
        state = model.torchvision_state()
        checkpoint = Checkpoint(settings.model.arch, classes, preprocessing, temperature, weights, state)
        checkpoint.save(checkpoint_path)
        fit.write_history(results / paths.HISTORY.name, result.history)
        write_json(results / paths.TRAINING_METRICS.name, outcome.metrics(result, checkpoint, settings, device))
    outcome.tell(result, checkpoint)


@app.command()
def evaluate() -> None:
    """Measure the checkpoint on validation and test, and choose each class's operating point on validation."""
    from scrapline.data import shards
    from scrapline.evaluate import assess
    from scrapline.model.classifier import Checkpoint, pick_device, reproducible
    from scrapline.model.features import Extractor

    settings = params.load()
    checkpoint = Checkpoint.load(paths.CHECKPOINT)
    shards.check_classes(paths.PREPARED, checkpoint.classes, paths.CHECKPOINT)
    base = Extractor(checkpoint.classifier(), paths.PREPARED, checkpoint.preprocessing, pick_device("auto"))
    with reproducible(), replacing(paths.EVALUATION) as (results,):
        validation, test = (assess.Scored.of(base.predict(split), checkpoint.temperature) for split in ("val", "test"))
        points = assess.chosen_points(validation, checkpoint.classes, settings.evaluate.target_purity)
        content = assess.evaluation_metrics(validation, test, points, checkpoint)
        assess.write_results(results, paths.PREPARED, content, points, test, checkpoint)
        assess.draw_learning_curves(results, paths.HISTORY, paths.TRAINING_METRICS)
    assess.tell(content)


if __name__ == "__main__":
    entry.run(app)
