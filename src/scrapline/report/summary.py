"""results/summary.json, and the same in a few lines on the console."""

from scrapline import paths
from scrapline.cli.console import info
from scrapline.report.results import Json, Stages
from scrapline.system.files import read_json


def summary(stages: Stages, simulation: Json) -> Json:
    """The key figures of all stages, Git-tracked, so that `dvc metrics diff` needs no pull."""
    test, validation = stages.evaluation["test"], stages.evaluation["validation"]
    deployed = stages.export["deployed"]
    return {
        "data": {
            "images": stages.preparation["kept"],
            **stages.preparation["splits"],
            "classes": {name: sum(splits.values()) for name, splits in stages.preparation["classes"].items()},
        },
        "training": {key: stages.training[key] for key in ("best_epoch", "epochs_run", "temperature")},
        "validation": {"accuracy": validation["accuracy"], "log_loss": validation["log_loss"]},
        "test": {key: test[key] for key in ("accuracy", "macro_precision", "macro_recall", "macro_f1", "log_loss")},
        "calibration": {"ece_after": stages.evaluation["calibration"]["ece_after"]},
        "sorting": {key: stages.evaluation["operating_point"][key] for key in ("coverage", "purity")},
        "export": {
            "deployed": deployed,
            "test_accuracy": stages.export[deployed]["test_accuracy"],
            "size_mb": stages.export[deployed]["size_mb"],
            "max_abs_diff": stages.export["parity"]["max_abs_diff"],
            "int8_accuracy_drop": stages.export["int8"]["accuracy_drop"],
        },
        "simulation": {
            "accuracy": simulation["accuracy"],
            "latency_p95_ms": simulation["latency_ms"]["p95"],
            **{key: simulation[key] for key in ("throughput_items_per_s", "late_rate", "dropped_rate", "review_rate")},
        },
    }


def print_last_run() -> None:
    """Print the end of the last run again."""
    print_summary(Stages.read(), read_json(paths.SIMULATION_METRICS))


def print_summary(stages: Stages, simulation: Json) -> None:
    """The end of a run: what it achieved and where everything is."""
    test, latency = stages.evaluation["test"], simulation["latency_ms"]
    info(
        f"sorted {simulation['items']} items: {simulation['accuracy']:.1%} recognised, {simulation['review_rate']:.1%} "
        f"to manual review, {simulation['late_rate']:.1%} late; p50 {latency['p50']:.1f}, p95 {latency['p95']:.1f} of "
        f"{simulation['deadline_ms']:.0f} ms"
    )
    info(f"test accuracy {test['accuracy']:.1%} on {test['images']} images")
    model = paths.ONNX_BY_PRECISION[stages.export["deployed"]]
    info(f"report {paths.REPORT}, models {paths.CHECKPOINT} and {model}, items {paths.SIMULATION_RESULTS}")
