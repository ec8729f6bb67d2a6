"""The log: whole rows on disk whatever happens, and the same rows when it is read again."""

import csv
import errno
import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrapline.line import log
from scrapline.line.belt import Arrival
from scrapline.line.dispatch import Answer, Dispatch, Item, Policy
from scrapline.line.feeds.frame import Frame
from scrapline.line.log import ResultsLog, cut_to_whole_rows, read_rows
from scrapline.line.row import COLUMNS, Row, from_cells, row_of, to_cells
from scrapline.line.service import ServiceTimes
from scrapline.line.states import State
from scrapline.runtime.engine import Classification
from scrapline.system.errors import ScraplineError
from unit.line.rows import late, row

START = datetime(2026, 1, 1, tzinfo=UTC)


def ended(answer: Answer | None, *, overlaps: bool = False) -> Item:
    """Item 7, due at 10 s with 100 ms: seen at 10.002, taken at 10.004, decided at 10.02."""
    dispatch = Dispatch(Policy(1, 0.1, 9), ServiceTimes())
    item = Item(7, Arrival(70, 2, 10.0, overlaps), 10.1, Frame("glass/a.jpg", b"", "glass", "object 1"))
    dispatch.capture(item, 10.002)
    if taken := dispatch.take(10.004):
        if answer is None:
            dispatch.expire(10.11)
        else:
            dispatch.answered(taken, [answer], 10.02)
    return item


def test_the_row_of_a_sorted_item() -> None:
    seen = Classification("glass", 0.87654321, "metal", 0.1, low_confidence=False)
    made = row_of(ended(Answer(seen, decode_s=0.003, inference_s=0.012, batch=2)), segment=1, started_at=START)
    cells = dict(zip(COLUMNS, to_cells(made), strict=True))
    assert cells == {
        "item_id": "7",
        "segment": "1",
        "captured_at": "2026-01-01T00:00:10.002+00:00",
        "lane": "2",
        "due_s": "10.000000",
        "frame": "glass/a.jpg",
        "group": "object 1",
        "true_class": "glass",
        "predicted_class": "glass",
        "confidence": "0.876543",
        "runner_up": "metal",
        "unknown": "",
        "action": "sort",
        "bin": "glass",
        "queue_ms": "4.000",
        "preprocess_ms": "3.000",
        "inference_ms": "12.000",
        "batch": "2",
        "total_ms": "20.000",
        "deadline_ms": "100.000",
        "on_time": "true",
    }


def test_the_row_of_an_item_of_which_nothing_is_known() -> None:
    made = row_of(ended(None), segment=0, started_at=START)
    assert (made.action, made.bin, made.on_time) == (State.LATE, "residue", False)
    assert (made.predicted_class, made.confidence, made.batch) == ("", None, 0)
    assert made.total_ms == pytest.approx(110)
    assert made.queue_ms == pytest.approx(110), "all of it was waiting"


def test_an_unreadable_frame_has_cost_its_decoding_and_an_overlap_nothing() -> None:
    made = row_of(ended(Answer(None, decode_s=0.003)), segment=0, started_at=START)
    assert (made.action, made.preprocess_ms, made.inference_ms, made.batch) == (State.UNREADABLE, 3.0, 0.0, 0)
    assert made.on_time
    made = row_of(ended(None, overlaps=True), segment=0, started_at=START)
    assert (made.action, made.on_time, made.total_ms) == (State.OVERLAP, True, pytest.approx(2))


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=20),
    st.sampled_from([*State]),
    st.floats(0, 1),
)
def test_any_row_is_read_as_it_was_written(name: str, state: State, confidence: float) -> None:
    made = row(3, frame=name, group=name, action=state, confidence=round(confidence, 6), segment=2)
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerow(to_cells(made))
    (cells,) = csv.reader(io.StringIO(text.getvalue(), newline=""))
    assert from_cells(cells) == made
    assert from_cells(to_cells(late(4))) == late(4)


def written(path: Path, *rows: Row, append: bool = False) -> list[Row]:
    with ResultsLog(path, append=append) as file:
        file.write(rows)
    return [*read_rows(path)]


def test_rows_are_on_disk_as_soon_as_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    with ResultsLog(path) as file:
        for number in range(3):
            file.write([row(number)])
            assert [*read_rows(path)] == [row(n) for n in range(number + 1)]


def test_a_new_log_replaces_an_old_one_at_its_first_row_and_is_never_written_through_a_link(tmp_path: Path) -> None:
    path, cached = tmp_path / "r.csv", tmp_path / "cached"
    cached.write_text("of an earlier run")
    path.hardlink_to(cached)
    with ResultsLog(path) as file:
        assert path.read_text() == "of an earlier run"
        file.write([row(0)])
    assert cached.read_text() == "of an earlier run"
    assert [*read_rows(path)] == [row(0)]


def test_a_log_that_goes_on_keeps_what_it_has(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    written(path, row(0), row(1))
    assert written(path, row(2, segment=1), append=True) == [row(0), row(1), row(2, segment=1)]


def test_a_run_without_items_has_a_header(tmp_path: Path) -> None:
    with ResultsLog(tmp_path / "r.csv") as file:
        file.begin()
    assert (tmp_path / "r.csv").read_text() == ",".join(COLUMNS) + "\n"
    assert [*read_rows(tmp_path / "r.csv")] == []


@pytest.mark.parametrize("name", ["glass/0.jpg", "two\nlines", 'a "quoted", name'])
def test_cut_anywhere_the_whole_rows_stay_and_the_log_goes_on(tmp_path: Path, name: str) -> None:
    path = tmp_path / "r.csv"
    written(path, *(row(number, frame=name) for number in range(3)))
    data = path.read_bytes()
    ends = [at for at in range(len(data) + 1) if data[:at].endswith(b"true\n") or data[:at].endswith(b"on_time\n")]
    assert len(ends) == 4
    for length in range(len(data)):
        path.write_bytes(data[:length])
        whole = sum(length >= end for end in ends[1:])
        assert len([*read_rows(path)]) == whole
        cut_to_whole_rows(path)
        assert path.read_bytes() == data[: max((end for end in ends if end <= length), default=0)]


@pytest.mark.parametrize(
    "text", ["item_id,other\n1,2\n", ",".join(COLUMNS) + "\n1,2,3\n", ",".join(COLUMNS) + '\n"a"b\n']
)
def test_another_file_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "r.csv").write_text(text)
    with pytest.raises(ScraplineError, match=r"r\.csv .* begin a new run"):
        [*read_rows(tmp_path / "r.csv")]


def test_rows_that_do_not_fit_on_the_disk_leave_no_part_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(io.FileIO):
        """Room for 600 bytes; what does not fit is written in part, as the system does."""

        def write(self, data: bytes) -> int:  # type: ignore[override]
            if self.tell() >= 600:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(data[: 600 - self.tell()])

    monkeypatch.setattr(log, "FileIO", Full)
    path = tmp_path / "r.csv"
    with pytest.raises(OSError, match="No space"), ResultsLog(path) as file:
        for number in range(9):
            file.write([row(number)])
    numbers = [made.item_id for made in read_rows(path)]
    assert numbers == [0, 1, 2][: len(numbers)]
    assert numbers
    assert path.read_bytes().endswith(b"true\n")
