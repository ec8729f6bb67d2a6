"""Prepare data: `prepare` is the pipeline's first stage, `fetch` brings photos in, `check` looks before a run."""

from scrapline.cli import start  # noqa: F401 - before what is slow to import, or not installed

# isort: split
from pathlib import Path
from typing import Annotated

import typer

from scrapline import params
from scrapline.cli import entry

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)


@app.command()
def prepare() -> None:
    """Clean the source's images, split them without leaks, and write shards, test frames and a report."""
    from scrapline.prepare import stage

    stage.prepare(params.load())


@app.command()
def fetch(
    source: Annotated[str, typer.Argument(help="trashnet, an http(s) address, an archive (zip, tar) or a folder.")],
    split: Annotated[Path | None, typer.Option(help="Folder with train.txt, val.txt and test.txt.")] = None,
    archive: Annotated[Path | None, typer.Option(help="TrashNet's archive, in place of the download.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace what is in data/raw.")] = False,
    sha256: Annotated[str | None, typer.Option(help="SHA-256 that the archive must have.")] = None,
    max_gb: Annotated[float, typer.Option(min=0.001, max=1e6, help="Most that is downloaded, and unpacked.")] = 20.0,
) -> None:
    """Fill data/raw with photos, checked, all or nothing; then `dvc add data/raw` versions them."""
    from scrapline.fetch import command as fetching

    request = fetching.Request(
        source=source, split=split, archive=archive, replace=replace, sha256=sha256, max_bytes=round(max_gb * 1e9)
    )
    fetching.print_summary(fetching.fetch(request))


@app.command()
def check() -> None:
    """Check params.yaml and the inputs of every stage without running any; print what is new since the last run."""
    from scrapline.prepare import check as checking

    checking.check(params.load())


if __name__ == "__main__":
    entry.run(app)
