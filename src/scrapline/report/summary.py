"""results/summary.json, and the same in a few lines on the console."""

from scrapline import paths
from scrapline.cli.console import info
from scrapline.report.results import Json, Stages
from scrapline.report.told import tell
from scrapline.system.files import read_json


def summary(stages: Stages) -> Json:
    """The two dozen figures that a person compares, as many for any number of classes; DVC's only metrics.

    Git-tracked, so that `dvc metrics diff` needs no pull. Nothing of the line is among them: what it does depends on
    the clock, and these are the same on every run on one machine.
    """
    test, validation = stages.evaluation["test"], stages.evaluation["validation"]
    deployed = stages.export["deployed"]
    return {
        "data": {
            "images": stages.preparation["kept"],
            **stages.preparation["splits"],
            "classes": len(stages.preparation["classes"]),
        },
        "training": {key: stages.training[key] for key in ("epochs", "temperature")} | _of_folds(stages.training),
        "validation": {key: validation[key] for key in ("accuracy", "log_loss")},
        "test": {
            key: test[key] for key in ("accuracy", "accuracy_ci95_low", "accuracy_ci95_high", "macro_f1", "log_loss")
        },
        "calibration": {"ece": stages.evaluation["calibration"]["ece_after"]},
        "sorting": {key: stages.evaluation["operating_point"][key] for key in ("coverage", "purity")},
        "export": {
            "deployed": deployed,
            "test_accuracy": stages.export[deployed]["test_accuracy"],
            "size_mb": stages.export[deployed]["size_mb"],
            "max_abs_diff": stages.export["parity"]["max_abs_diff"],
            "int8_accuracy_drop": stages.export["int8"]["accuracy_drop"],
            "int8_label_agreement": stages.export["int8"]["label_agreement"],
        },
    }


def _of_folds(training: Json) -> Json:
    """What the folds give, where there are any."""
    folds = training["cross_validation"]
    return {"cross_validated_accuracy": folds["accuracy"]["rate"]} if folds else {}


def print_last_run() -> None:
    """Print the end of the last run again."""
    print_summary(Stages.read(), read_json(paths.LINE))


def print_summary(stages: Stages, line: Json) -> None:
    """The end of a run: what it achieved and where everything is."""
    tell(line)
    test = stages.evaluation["test"]
    groups = f" in {test['groups']} groups" if test["groups"] < test["images"] else ""
    info(f"test accuracy {test['accuracy']:.1%} on {test['images']} images{groups}")
    model = paths.ONNX_BY_PRECISION[stages.export["deployed"]]
    info(f"report {paths.REPORT}, models {paths.CHECKPOINT} and {model}, items {paths.SIMULATION_RESULTS}")
