"""The simulate stage: the test frames through the line in real time, then the report on all stages."""

from scrapline import paths
from scrapline.line import conveyor, feed
from scrapline.line.kpis import Kpis
from scrapline.line.log import LiveLine, ResultsLog
from scrapline.line.sorter import Belt
from scrapline.params import Simulate
from scrapline.report import markdown, plots
from scrapline.report.results import Stages
from scrapline.report.summary import print_summary, summary
from scrapline.runtime import deployed
from scrapline.system import machine
from scrapline.system.files import write_json
from scrapline.system.outs import replacing


def simulate(settings: Simulate) -> None:
    """Sort the test frames in real time, log every item, and write the figures and the report of all stages.

    The log alone is written in place, row by row, so that a run that ends early leaves what it saw; all else appears
    at the end, or not at all.
    """
    stages = Stages.read()
    engine = deployed.load(deployed.model_path())
    frames = feed.find_frames(paths.TEST_FRAMES, engine.classes)
    belt = Belt(settings.belt_m_per_s, settings.camera_to_ejector_m)
    kpis, first = Kpis(), []
    # Their lock guards the log as well.
    with replacing(paths.SIMULATION, paths.SUMMARY, paths.REPORT) as (folder, summary_path, report_path):
        conveyor.warm_up(engine)
        with ResultsLog(paths.SIMULATION_RESULTS) as log, LiveLine(settings.items) as live:
            for result in conveyor.run(engine, feed.arrivals(frames, settings.items, settings.items_per_s), belt):
                log.append(result)
                kpis.add(result)
                live.show(result)
                if result.item_id < plots.BELT_ITEMS:
                    first.append(result)
        measured = kpis.metrics(engine.classes, belt.deadline_ms, len(frames)) | {"machine": machine.describe()}
        write_json(folder / paths.SIMULATION_METRICS.name, measured)
        plots.belt(folder / paths.BELT_PLOT.name, first, paths.TEST_FRAMES, engine.preprocessing)
        plots.latency(folder / paths.LATENCY_PLOT.name, kpis.latency_ms, belt.deadline_ms)
        write_json(summary_path, summary(stages))
        report_path.write_text(markdown.render(stages, measured, engine), encoding="utf-8", newline="\n")
    print_summary(stages, measured)
