"""The evaluate stage: from a checkpoint and held-out images to figures, operating points and pictures."""

from scrapline import paths
from scrapline.data import shards
from scrapline.evaluate import assess, slicing
from scrapline.evaluate.activation import has_maps
from scrapline.evaluate.scored import Scored
from scrapline.model.checkpoint import Checkpoint
from scrapline.model.compute import pick_device, reproducible
from scrapline.model.features import Extractor
from scrapline.params import Params
from scrapline.system.outs import replacing


def evaluate(settings: Params) -> None:
    """Measure on validation and test, choose each class's operating point on validation, write and print it all."""
    checkpoint = Checkpoint.load(paths.CHECKPOINT)
    shards.check_classes(paths.PREPARED, checkpoint.classes, paths.CHECKPOINT)
    base = Extractor(
        checkpoint.classifier(), paths.PREPARED, checkpoint.preprocessing, pick_device(settings.train.device)
    )
    with reproducible(), replacing(paths.EVALUATION) as (results,):
        group = {row.image_id: row.group for row in shards.read_manifest(paths.PREPARED)}
        validation, test = (Scored.of(base.predict(split), checkpoint.temperature, group) for split in ("val", "test"))
        points = assess.chosen_points(validation, checkpoint.classes, settings.evaluate.target_purity)
        by_slice = slicing.weak_spots(
            paths.PREPARED, {"val": validation, "test": test}, checkpoint.classes, checkpoint.preprocessing
        )
        content = assess.evaluation_metrics(validation, test, points, checkpoint) | {
            "by_slice": by_slice,
            "mistakes": {"maps": has_maps(base.model)},
        }
        assess.write_results(results, paths.PREPARED, content, points, test, checkpoint)
        assess.draw_learning_curves(results, paths.HISTORY)
    assess.print_summary(content)
