"""Judge what the mutation tool found: write docs/mutants.md, and fail where too few mutants are noticed.

Run after `mutmut run`, from the repository's root (`make mutants` does both). A mutant is one small change to one
function; it is killed when a test fails, or runs for ever.
"""

import ast
import difflib
import re
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from conftest import ROOT

TABLE = ROOT / "docs/mutants.md"
MUTATED = ROOT / "mutants/src"
FEWEST = 0.85
KILLED = {"killed", "timeout"}

# Changes that no test can notice, since the program means the same: the changed line, and why.
EQUIVALENT = {
    'borders = {"test": (0.0, test), "val": (test, test + val), "train": (test + val, 2.0)}': "hashes lie below 1",
    "split = {group: next(name for name, (_, high) in borders.items() if at <= high) for group, at in point.items()}": (
        "a 64-bit hash that lies on a border to the last bit"
    ),
    'lines = path.read_text(encoding="UTF-8-SIG").splitlines()': "the same encoding",
    'return {"test": 0, "val": 1}.get(split_of.get(source_path, None), 2)': "whatever is neither test nor val is 2",
    'return {"test": 0, "val": 1}.get(split_of.get(source_path, ), 2)': "whatever is neither test nor val is 2",
    'return {"test": 0, "val": 1}.get(split_of.get(source_path, "XXtrainXX"), 2)': "whatever is neither is 2",
    'return {"test": 0, "val": 1}.get(split_of.get(source_path, "TRAIN"), 2)': "whatever is neither is 2",
    "return int.from_bytes(digest[:8], ) / 2**64": "big is the default",
    'labels, predicted, labels=classes, average="macro", )': "zero is scikit-learn's default, which also warns",
    "columns = sk.precision_recall_fscore_support(labels, predicted, labels=np.arange(len(classes)), )": (
        "zero is scikit-learn's default, which also warns"
    ),
    "for name, p, r, f, n in zip(classes, *columns, strict=None)": "all are as long as `classes`",
    "for name, p, r, f, n in zip(classes, *columns, )": "all are as long as `classes`",
    "for name, p, r, f, n in zip(classes, *columns, strict=False)": "all are as long as `classes`",
    "return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warm_up) / max(2, total - warm_up))))": (
        "differs only in a training of two steps, at its end"
    ),
    "exact = probabilities.astype(None)": "NumPy's None is float64",
    "if before is not None and due_s - before.due_s <= near_s:": "no distance is that one to the last bit",
    "while due_s - open_[0].due_s > near_s:": "no distance is that one to the last bit",
    "for lane, gap in zip(rng.integers(belt.lanes, size=_DRAWN_AT_ONCE).tolist(), gaps.tolist(), strict=None):": (
        "both are as long"
    ),
    "for lane, gap in zip(rng.integers(belt.lanes, size=_DRAWN_AT_ONCE).tolist(), gaps.tolist(), ):": (
        "both are as long"
    ),
    "for lane, gap in zip(rng.integers(belt.lanes, size=_DRAWN_AT_ONCE).tolist(), gaps.tolist(), strict=False):": (
        "both are as long"
    ),
    "for item, answer in zip(items, answers, strict=None):": "a worker answers for each item that it took",
    "for item, answer in zip(items, answers, ):": "a worker answers for each item that it took",
    "for item, answer in zip(items, answers, strict=False):": "a worker answers for each item that it took",
    "self._free(items, now_s, learn=None)": "None is as false",
    "alike = next((n for n, item in enumerate(islice(self._waiting, None)) if n and item.alone), most)": (
        "the smaller one of the two is taken next"
    ),
    "self.answers = np.zeros((len(classes), 2, _LEVELS + 1), None)": "NumPy's None is float64, which counts as well",
    "self.answers = np.zeros((len(classes), 2, _LEVELS + 1), )": "float64 is NumPy's default, and counts as well",
    "self._segment = None": "the first item sets it",
    "self._segment = 1": "the first item sets it",
    'self._captured_at: datetime | None = ""': "the first item sets it",
    "self._first_s = self._last_s = None": "`add` sets both next",
    "self._in_segment = 1": "`_new_segment` sets `_first_s`, too",
    "self._truth = 1": "asked only whether it is zero",
    "self._truth -= 1": "asked only whether it is zero",
    "self._truth += 2": "asked only whether it is zero",
    "return 60 * spans / self.items / self.seconds if self.seconds > 0 and spans >= 0 else None": (
        "where time passed between items there is an interval"
    ),
    "for left, right in zip(self._slices[::2], self._slices[1::2], strict=None):": "None is as false",
    "for left, right in zip(self._slices[::2], self._slices[1::2], ):": "false is the default",
    "self._last_once = None": "no frame has that name",
    'self._last_once = "XXXX"': "no frame has that name",
    "interval = self._interval(np.array([*groups.values()], None).reshape(-1, 2))": "they are joined to floats",
    "interval = self._interval(np.array([*groups.values()], ).reshape(-1, 2))": "they are joined to floats",
    "interval = self._interval(np.array([*groups.values()], float).reshape(-2, 2))": (
        "NumPy takes any negative number for -1"
    ),
    'self._counts = array("Q", bytes(8 * (self._last + 1)))': "no count is negative, or so large",
    'self._counts = array("q", bytes(8 * (self._last + 2)))': "one bin more, which stays empty",
    "if ms < _LEAST_MS:": "the logarithm of 1 is 0, the same bin",
    "quantile = 0.5 - level / 2": "both quantiles change their sign, and are squared",
    "return count if worth > count * variance else max(least, worth / variance)": "at the border both are all photos",
    "return np.bincount(group, weights=right).astype(None), np.bincount(group).astype(np.float64)": (
        "NumPy's None is float64"
    ),
    "return np.bincount(group, weights=right).astype(np.float64), np.bincount(group).astype(None)": (
        "NumPy's None is float64"
    ),
    "low, high = late, 3 * (late + 1)": "only where the search begins",
    "low, high = late, 2 * (late + 2)": "only where the search begins",
    "low, high = high, 3 * high": "only how the search goes on",
    "self._last_late = None": "no number of a stretch either, and the run is 0 then",
    "self._last_late = -2": "no number of a stretch either, and the run is 0 then",
    "late=sum(self._late_by_phase[1]),": "the phases of each spacing hold all late stretches",
}


@dataclass(frozen=True)
class Mutant:
    """One change: the module and function it is in, what became of it, and the line it made."""

    module: str
    function: str
    status: str
    line: str

    @property
    def killed(self) -> bool:
        """Whether a test noticed it."""
        return self.status in KILLED


def read() -> list[Mutant]:
    """All mutants of the last run."""
    listed = subprocess.run(["mutmut", "results", "--all", "true"], capture_output=True, text=True, check=True).stdout
    found = []
    every = re.findall(r"^\s*(\S+__mutmut_\d+): (.+)$", listed, re.MULTILINE)
    if unchecked := sum(status == "not checked" for _, status in every):
        sys.exit(f"error: {unchecked} mutants were not tried: `mutmut run` did not end")
    for name, status in every:
        module, _, rest = name.rpartition(".")
        function = rest.partition("__mutmut_")[0].removeprefix("x_")
        found.append(Mutant(module, function, status, "" if status in KILLED else _new_lines(name)))
    return found


def markdown(mutants: list[Mutant]) -> str:
    """The content of docs/mutants.md."""
    by_module: defaultdict[str, list[Mutant]] = defaultdict(list)
    for mutant in mutants:
        by_module[f"src/{mutant.module.replace('.', '/')}.py"].append(mutant)
    lines = [
        "# Mutants",
        "",
        "These modules are changed on purpose, one small change at a time, and their unit tests run: a mutant that",
        "no test notices survives. Written by `make mutants`, which fails below 85 % killed.",
        "",
        "| module | mutants | killed | share |",
        "|---|---:|---:|---:|",
        *(_row(f"`{module}`", found) for module, found in sorted(by_module.items())),
        _row("**all**", mutants),
    ]
    for module, found in sorted(by_module.items()):
        survivors = [mutant for mutant in found if not mutant.killed]
        if survivors:
            lines += ["", f"## Survivors in `{module}`", "", "| function | became | why it lives |", "|---|---|---|"]
            cells = ((f"`{m.function}`", f"`` {m.line} ``".replace("|", "\\|"), _why(m)) for m in survivors)
            lines += [f"| {' | '.join(row)} |" for row in cells]
    return "\n".join(lines) + "\n"


def _row(name: str, mutants: list[Mutant]) -> str:
    killed = sum(mutant.killed for mutant in mutants)
    return f"| {name} | {len(mutants)} | {killed} | {100 * killed / len(mutants):.1f} % |"


def _why(mutant: Mutant) -> str:
    reason = EQUIVALENT.get(mutant.line)
    return f"equivalent: {reason}" if reason else "no test notices"


def _new_lines(name: str) -> str:
    """The lines that a mutant's function has and the original has not, in the sources that the mutation tool wrote."""
    module, _, rest = name.rpartition(".")
    functions = _functions(MUTATED / f"{module.replace('.', '/')}.py")
    original, became = (
        functions[f"{rest.partition('__mutmut_')[0]}__mutmut_{of}"] for of in ("orig", rest.rpartition("_")[2])
    )
    added = [line[2:].strip() for line in difflib.ndiff(original, became) if line.startswith("+ ")]
    return " ".join(line.partition("  #")[0] for line in added if line != ")")


@cache
def _functions(path: Path) -> dict[str, list[str]]:
    """The lines of each function by the name that the mutation tool gave it; in the lines it has its own."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    found = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            own = node.name.partition("__mutmut_")[0].removeprefix("x_").rpartition("ǁ")[2]
            first, *rest = lines[node.lineno - 1 : node.end_lineno]
            found[node.name] = [first.replace(node.name, own), *rest]
    return found


def main() -> None:
    """Write the table; exit code 1 where too few mutants were killed, or there were none."""
    mutants = read()
    if not mutants:
        sys.exit("error: there are no mutants: run `mutmut run` first")
    Path(TABLE).write_text(markdown(mutants), encoding="utf-8", newline="\n")
    share = sum(mutant.killed for mutant in mutants) / len(mutants)
    print(f"{share:.1%} of {len(mutants)} mutants killed; survivors in {TABLE.relative_to(ROOT)}")
    if share < FEWEST:
        sys.exit(f"error: fewer than {FEWEST:.0%} of the mutants were killed")


if __name__ == "__main__":
    main()
