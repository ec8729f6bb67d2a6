"""Run the deployed model on a belt in real time: the pipeline's last stage, which also writes the report."""

from scrapline.cli import start  # noqa: F401 - before what is slow to import, or not installed

# isort: split
from pathlib import Path
from typing import Annotated

import typer

from scrapline import params, paths
from scrapline.cli import entry
from scrapline.system.files import read_json, write_json
from scrapline.system.outs import replacing

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)


@app.command()
def simulate() -> None:
    """Sort the test frames in real time, log every item, and write the figures and the report of all stages."""
    from scrapline.line import conveyor, feed
    from scrapline.line.kpis import Kpis
    from scrapline.line.log import LiveLine, ResultsLog
    from scrapline.line.sorter import Belt
    from scrapline.report import plots, render
    from scrapline.runtime import deployed
    from scrapline.runtime.engine import Engine
    from scrapline.system import machine

    settings = params.load().simulate
    stages = render.Stages.read()
    engine = Engine.load(deployed.model_path())
    frames = feed.find_frames(paths.TEST_FRAMES, engine.classes)
    belt = Belt(settings.belt_m_per_s, settings.camera_to_ejector_m)
    kpis, first = Kpis(), []
    targets = (paths.SIMULATION_RESULTS, paths.SIMULATION, paths.SUMMARY, paths.REPORT)
    with replacing(*targets) as (results_path, folder, summary_path, report_path):
        conveyor.warm_up(engine)
        with ResultsLog(results_path) as log, LiveLine(settings.items) as live:
            for result in conveyor.run(engine, feed.arrivals(frames, settings.items, settings.items_per_s), belt):
                log.append(result)
                kpis.add(result)
                live.show(result)
                if result.item_id < plots.BELT_ITEMS:
                    first.append(result)
        measured = kpis.metrics(engine.classes, belt.deadline_ms, len(frames)) | {"machine": machine.describe()}
        write_json(folder / paths.SIMULATION_METRICS.name, measured)
        plots.belt(folder / paths.BELT_PLOT.name, first, paths.TEST_FRAMES, engine.preprocessing.max_side)
        plots.latency(folder / paths.LATENCY_PLOT.name, kpis.latency_ms, belt.deadline_ms)
        write_json(summary_path, render.summary(stages, measured))
        report_path.write_text(render.render(stages, measured, engine), encoding="utf-8", newline="\n")
    render.tell(stages, measured)


@app.command()
def summary() -> None:
    """Say again what the last run achieved, and where everything is."""
    from scrapline.report import render

    render.tell(render.Stages.read(), read_json(paths.SIMULATION_METRICS))


@app.command()
def publish(
    folder: Annotated[Path, typer.Argument(help="Where to, docs/trashnet for example.", show_default=False)],
) -> None:
    """Copy the last run's report with its pictures, metrics and params into one folder, for Git to keep."""
    from scrapline.report import publish as publishing

    publishing.check_target(folder)
    with replacing(folder) as (fresh,):
        publishing.publish(fresh)


if __name__ == "__main__":
    entry.run(app)
