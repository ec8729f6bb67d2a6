"""The simulate stage: the test frames through the line in real time, then the report on all stages."""

from scrapline import paths
from scrapline.line.ending import Ending, Limits
from scrapline.line.figures import Figures
from scrapline.params import Params
from scrapline.report import markdown, plots
from scrapline.report.results import Stages
from scrapline.report.summary import print_summary, summary
from scrapline.runtime import deployed
from scrapline.runtime.engine import Tuning
from scrapline.simulate.session import Before, work
from scrapline.simulate.settings import job_of
from scrapline.system.files import write_json
from scrapline.system.outs import replacing
from scrapline.system.signals import Stopped


def simulate(settings: Params) -> None:
    """Sort the test frames in real time, log every item, and write the figures and the report of all stages.

    The log alone is written in place, row by row, so that a run that ends early leaves what it saw; all else appears
    at the end, or not at all. A signal lets the line finish what is on the belt, and ends the stage.
    """
    line = settings.simulate
    job = job_of(line, str(paths.TEST_FRAMES), settings.seed, Limits(line.items), strict=True)
    stages = Stages.read()
    engine = deployed.load(deployed.model_path(), Tuning.THROUGHPUT)
    # Their lock guards the log as well.
    with replacing(paths.SIMULATION, paths.SUMMARY, paths.REPORT) as (folder, summary_path, report_path):
        outcome = work(job, engine, paths.SIMULATION_RESULTS, Before(Figures(engine.classes, job.belt.deadline_ms)))
        if outcome.line.error is not None:
            raise outcome.line.error
        if outcome.line.ending is Ending.STOPPED:
            raise Stopped
        write_json(folder / paths.LINE.name, outcome.metrics)
        plots.line(folder / paths.LINE_PLOT.name, outcome.metrics, outcome.figures, engine.metadata.thresholds)
        plots.belt(folder / paths.BELT_PLOT.name, outcome.line.kept, engine)
        write_json(summary_path, summary(stages))
        report_path.write_text(markdown.render(stages, outcome.metrics, line, engine), encoding="utf-8", newline="\n")
    print_summary(stages, outcome.metrics)
