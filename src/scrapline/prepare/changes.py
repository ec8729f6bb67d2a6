"""What a source holds now against what the last `prepare` found in it, by path."""

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from scrapline import paths
from scrapline.data import shards
from scrapline.data.sources import Source
from scrapline.system.files import read_json


@dataclass(frozen=True)
class Changes:
    """Numbers of photos by class: whole classes `new` and `gone`, `added` and `removed` in those that stayed.

    `renamed` is old name -> new name.
    """

    renamed: dict[str, str] = field(default_factory=dict)
    new: dict[str, int] = field(default_factory=dict)
    gone: dict[str, int] = field(default_factory=dict)
    added: dict[str, int] = field(default_factory=dict)
    removed: dict[str, int] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """One line for each class that changed; empty where none did."""
        said = [f"class `{old}` is now called `{new}`" for old, new in self.renamed.items()]
        said += [f"class `{name}` is new: {_photos(number)}" for name, number in self.new.items()]
        said += [f"class `{name}` is gone, it had {_photos(number)}" for name, number in self.gone.items()]
        for name in sorted(self.added.keys() | self.removed.keys()):
            parts = [(self.added.get(name, 0), "added"), (self.removed.get(name, 0), "removed")]
            said.append(f"class `{name}`: " + ", ".join(f"{_photos(count)} {what}" for count, what in parts if count))
        if self.renamed or self.new or self.gone:
            said.append("the classes differ from the model's: `train` runs anew")
        return said


def since_prepared(source: Source, called: str) -> Changes | None:
    """What changed in the source since data/prepared was made; None where that is not here or is of another source."""
    if not (paths.MANIFEST.is_file() and paths.QUARANTINE.is_file() and paths.PREPARATION_REPORT.is_file()):
        return None
    if read_json(paths.PREPARATION_REPORT)["source"] != called:
        return None
    before = [row.source_path for row in shards.read_manifest(paths.PREPARED)]
    with paths.QUARANTINE.open(encoding="utf-8", newline="") as stream:
        before += [row["source_path"] for row in csv.DictReader(stream)]
    return compare(before, (item.path for item in source.items()))


def compare(before: Iterable[str], now: Iterable[str]) -> Changes:
    """Changes between two sets of paths `class/file`. A class whose files all stand under one new name was renamed."""
    old, new = _by_class(before), _by_class(now)
    gone, come = sorted(old.keys() - new.keys()), sorted(new.keys() - old.keys())
    renamed = {name: same[0] for name in gone if len(same := [other for other in come if new[other] == old[name]]) == 1}
    kept = old.keys() & new.keys()
    return Changes(
        renamed,
        {name: len(new[name]) for name in come if name not in renamed.values()},
        {name: len(old[name]) for name in gone if name not in renamed},
        +Counter({name: len(new[name] - old[name]) for name in sorted(kept)}),
        +Counter({name: len(old[name] - new[name]) for name in sorted(kept)}),
    )


def _by_class(source_paths: Iterable[str]) -> dict[str, set[str]]:
    files: defaultdict[str, set[str]] = defaultdict(set)
    for path in source_paths:
        name, _, file = path.partition("/")
        files[name].add(file)
    return files


def _photos(number: int) -> str:
    return f"{number} photo{'s' * (number != 1)}"
