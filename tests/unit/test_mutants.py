"""The table of mutants in docs/: of the modules that pyproject names, and good enough."""

import re
import tomllib

import mutants
from conftest import ROOT
from mutants import Mutant


def test_the_table_is_of_the_modules_named_and_good_enough() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mutmut"]
    text = mutants.TABLE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(src/\S+)` \| (\d+) \| (\d+) \|", text, re.MULTILINE)
    assert [module for module, *_ in rows] == sorted(settings["only_mutate"])
    total, killed = (sum(int(row[column]) for row in rows) for column in (1, 2))
    assert f"| **all** | {total} | {killed} | {100 * killed / total:.1f} % |" in text
    assert killed / total >= mutants.FEWEST


def test_survivors_are_listed_by_module_and_equivalent_ones_named() -> None:
    found = [
        Mutant("scrapline.a", "f", "killed", ""),
        Mutant("scrapline.a", "f", "survived", "x = 2"),
        Mutant("scrapline.b", "g", "timeout", ""),
        Mutant("scrapline.b", "g", "survived", "exact = probabilities.astype(None)"),
    ]
    text = mutants.markdown(found)
    assert "| `src/scrapline/a.py` | 2 | 1 | 50.0 % |" in text
    assert "| **all** | 4 | 2 | 50.0 % |" in text
    assert "| `f` | `` x = 2 `` | no test notices |" in text
    assert "| `g` | `` exact = probabilities.astype(None) `` | equivalent: NumPy's None is float64 |" in text
