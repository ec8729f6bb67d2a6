"""results/summary.json and performance_report.md, made of the stages' JSON and nothing else."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from scrapline import paths
from scrapline.cli.console import say
from scrapline.runtime.engine import Engine
from scrapline.system.files import read_json

Json = dict[str, Any]


@dataclass(frozen=True)
class Stages:
    """What the stages before wrote."""

    preparation: Json
    training: Json
    evaluation: Json
    operating_points: Json
    export: Json

    @classmethod
    def read(cls) -> "Stages":
        """From where the stages wrote it."""
        return cls(
            preparation=read_json(paths.PREPARATION_REPORT),
            training=read_json(paths.TRAINING_METRICS),
            evaluation=read_json(paths.EVALUATION_METRICS),
            operating_points=read_json(paths.OPERATING_POINTS),
            export=read_json(paths.EXPORT_METRICS),
        )


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


def render(stages: Stages, simulation: Json, engine: Engine) -> str:
    """The report's Markdown; its pictures are linked where the stages wrote them."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters |= {"percent": _percent, "cell": lambda text: str(text).replace("|", "\\|")}
    return environment.get_template("report.md.j2").render(
        data=stages.preparation,
        training=stages.training,
        evaluation=stages.evaluation,
        points=stages.operating_points,
        export=stages.export,
        simulation=simulation,
        classes=engine.classes,
        preprocessing=engine.preprocessing,
        paths=paths,
    )


def tell(stages: Stages, simulation: Json) -> None:
    """The end of a run: what it achieved and where everything is."""
    test, latency = stages.evaluation["test"], simulation["latency_ms"]
    say(
        f"sorted {simulation['items']} items: {simulation['accuracy']:.1%} recognised, {simulation['review_rate']:.1%} "
        f"to manual review, {simulation['late_rate']:.1%} late; p50 {latency['p50']:.1f}, p95 {latency['p95']:.1f} of "
        f"{simulation['deadline_ms']:.0f} ms"
    )
    say(f"test accuracy {test['accuracy']:.1%} on {test['images']} images")
    model = paths.ONNX_BY_PRECISION[stages.export["deployed"]]
    say(f"report {paths.REPORT}, models {paths.CHECKPOINT} and {model}, items {paths.SIMULATION_RESULTS}")


def _percent(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{value * 100:.{digits}f} %"  # noqa: RUF001 - a dash in a table
