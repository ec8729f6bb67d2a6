import pytest
from markdown_it import MarkdownIt

from scrapline.report import markdown

NAMES = [
    "a|b",
    "`code`",
    "<b>bold</b>",
    "*star*",
    "_a_",
    "a_b",
    "[x](y)",
    "cans $5 & $6",
    "A$$B",
    r"back\slash",
    "&amp;",
]


@pytest.mark.parametrize("name", [*NAMES, "~~gone~~", "玻璃", "100%"])
def test_a_name_stands_in_a_table_as_it_is(name: str) -> None:
    """As an independent reader of Markdown shows it."""
    tokens = (
        MarkdownIt("commonmark")
        .enable(["table", "strikethrough"])
        .parse(f"| class | images |\n|---|---|\n| {markdown.cell(name)} | 3 |\n")
    )
    cells = [token for token in tokens if token.type == "inline"][2:]
    assert [{part.type for part in cell.children or []} <= {"text", "text_special"} for cell in cells] == [True, True]
    assert ["".join(part.content for part in cell.children or []) for cell in cells] == [name, "3"]


def test_control_characters_do_not_reach_the_report() -> None:
    assert markdown.cell("a\x1b[2Jb\nc") == r"a\[001B\]\[2Jb\[000A\]c"
