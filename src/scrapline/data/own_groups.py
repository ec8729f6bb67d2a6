"""Groups of the user's own: photos of one object, session or camera, however different they look."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from scrapline.data import user_tables
from scrapline.data.user_tables import Table
from scrapline.system.errors import ScraplineError


@dataclass(frozen=True)
class OwnGroups:
    """A rule that gives photos groups: a regular expression on their paths, or a table's lines. Neither gives none."""

    pattern: str | None = None
    table: Table | None = None

    def of(self, paths: Iterable[str]) -> dict[str, str]:
        """Path -> group of those that the rule gives one. Raises ScraplineError where it gives none to any."""
        if self.table is not None:
            listed = {line.fields["source_path"]: line.fields["group"] for line in self.table.lines}
            return {path: listed[path] for path in paths if path in listed}
        if self.pattern is None:
            return {}
        found, first = {}, ""
        expression = re.compile(self.pattern)
        for path in paths:
            first = first or path
            if (match := expression.search(path)) and match[1]:
                found[path] = match[1]
        if first and not found:
            raise ScraplineError(
                f"data.group.pattern `{self.pattern}` matches the path of no photo; the first path is `{first}`"
            )
        return found


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


def of_several_classes(groups: Mapping[str, str]) -> dict[str, list[str]]:
    """Those groups, sorted, whose photos (path `class/file` -> group) are of more than one class, with the classes."""
    classes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for path, group in groups.items():
        classes[group][path.partition("/")[0]] += 1
    return {group: sorted(names) for group, names in sorted(classes.items()) if len(names) > 1}
