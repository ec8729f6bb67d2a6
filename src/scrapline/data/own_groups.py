"""Groups of the user's own: photos of one object, session or camera, however different they look."""

import re
import sys
import warnings
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from scrapline.data import user_tables
from scrapline.data.names import nfc
from scrapline.data.user_tables import Table
from scrapline.system.errors import ScraplineError


@dataclass(frozen=True)
class OwnGroups:
    """A rule that gives photos groups: a regular expression on their paths, or a table's lines. Neither gives none."""

    pattern: str | None = None
    table: Table | None = None

    @property
    def given(self) -> bool:
        """Whether there is a rule."""
        return self.table is not None or self.pattern is not None

    def of(self, paths: Iterable[str]) -> dict[str, str]:
        """Path -> group of those that the rule gives one."""
        if self.table is not None:
            listed = {line.fields["source_path"]: line.fields["group"] for line in self.table.lines}
            return {path: listed[path] for path in paths if path in listed}
        if self.pattern is None:
            return {}
        with warnings.catch_warnings(action="ignore"):
            expression = re.compile(nfc(self.pattern))
        matches = ((path, expression.search(path)) for path in paths)
        return {path: sys.intern(match[1]) for path, match in matches if match and match[1]}

    def check(self, paths: Collection[str]) -> None:
        """Raise ScraplineError where a pattern matches none of the paths."""
        if self.pattern is not None and paths and not self.of(paths):
            raise ScraplineError(
                f"data.group.pattern `{self.pattern}` matches the path of no photo; the first path is `{min(paths)}`"
            )


def read_table(path: Path) -> Table:
    """The table of groups. Raises ScraplineError where it is missing, says nothing, or says two things of one photo."""
    if not path.is_file():
        raise ScraplineError(f"{path} is not here: data.group.file names a CSV file in {path.parent}")
    table = user_tables.read(path, ("source_path", "group"), ("source_path",))
    if not table.lines:
        raise ScraplineError(f"{path} lists no photo: write source_path,group, and a line for each photo")
    groups: dict[str, str] = {}
    for line in table.lines:
        name, group = line.fields["source_path"], line.fields["group"]
        if not group:
            raise ScraplineError(f"{line.where}: `{name}` has no group")
        if groups.setdefault(name, group) != group:
            raise ScraplineError(f"{line.where}: `{name}` has two groups, `{groups[name]}` and `{group}`: keep one")
    return table
