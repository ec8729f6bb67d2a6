"""The prepare stage: from the source's photos to shards, test frames and a report."""

from scrapline import paths
from scrapline.data import shards, sources
from scrapline.data.learned import Learned
from scrapline.params import Params
from scrapline.prepare import cleaning, dataset, report
from scrapline.prepare.handwritten import read_handwritten
from scrapline.system.outs import replacing, scratch


def prepare(settings: Params) -> None:
    """Clean the source's images, split them without leaks, write everything; print what became of the images."""
    source = sources.open_source(settings.data.source)
    lists = cleaning.lists_folder(settings.data)
    written = read_handwritten(settings.data)
    written.check(source)
    learned = Learned.open()
    with (
        scratch(paths.PREPARED.with_name(".spool.partial")) as spool,
        replacing(paths.PREPARED, paths.TEST_FRAMES, paths.PREPARATION) as (prepared, frames, results),
    ):
        reader = cleaning.StoredBytes(source, spool)
        examined = cleaning.examine(source, spool, settings.data, learned)
        cleaned = cleaning.clean(
            examined, reader, settings.data, seed=settings.seed, lists=lists, written=written, learned=learned
        )
        dataset.write_shards(prepared, cleaned, reader, settings.data)
        shards.write_undeclared_bits(prepared, examined.undeclared_bits)
        laid_out = dataset.write_test_frames(frames, cleaned, reader, settings.data.test_frames)
        facts = report.facts(examined, settings.data, laid_out)
        report.write_report(results, cleaned, reader, facts, settings.data.max_side)
    learned.prune()
    report.print_summary(cleaned, examined)
