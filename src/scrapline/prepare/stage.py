"""The prepare stage: from the source's photos to shards, test frames and a report."""

from scrapline import paths
from scrapline.data import shards, sources
from scrapline.params import Params
from scrapline.prepare import cleaning, dataset
from scrapline.system.outs import replacing, scratch


def prepare(settings: Params) -> None:
    """Clean the source's images, split them without leaks, write everything; print what became of the images."""
    source = sources.open_source(settings.data.source)
    lists = cleaning.lists_folder(settings.data)
    with (
        scratch(paths.PREPARED.with_name(".spool.partial")) as spool,
        replacing(paths.PREPARED, paths.TEST_FRAMES, paths.PREPARATION) as (prepared, frames, report),
    ):
        reader = cleaning.StoredBytes(source, spool)
        examined = cleaning.examine(source, spool, settings.data)
        cleaned = cleaning.clean(examined, reader, settings.data, seed=settings.seed, lists=lists)
        dataset.write_shards(prepared, cleaned, reader, settings.data)
        shards.write_undeclared_bits(prepared, examined.undeclared_bits)
        laid_out = dataset.write_test_frames(frames, cleaned, reader, settings.data.test_frames)
        facts = dataset.facts(examined, settings.data, laid_out)
        dataset.write_report(report, cleaned, reader, facts, settings.data.max_side)
    dataset.print_summary(cleaned, examined)
