from scrapline.prepare.changes import compare

BEFORE = [f"{name}/{number}.jpg" for name in ("glass", "metal", "paper") for number in range(5)]


def test_nothing_changed_says_nothing() -> None:
    assert compare(BEFORE, reversed(BEFORE)).lines() == []


def test_photos_that_came_and_went_are_counted_by_class() -> None:
    now = [path for path in BEFORE if path != "metal/0.jpg"] + ["glass/new.jpg", "glass/newer.jpg", "metal/new.jpg"]
    assert compare(BEFORE, now).lines() == [
        "class `glass`: 2 photos added",
        "class `metal`: 1 photo added, 1 photo removed",
    ]


def test_new_and_gone_classes_are_named() -> None:
    now = [path for path in BEFORE if not path.startswith("paper")] + ["wood/a.jpg"]
    assert compare(BEFORE, now).lines() == [
        "class `wood` is new: 1 photo",
        "class `paper` is gone, it had 5 photos",
        "the classes differ from the model's: `train` runs anew",
    ]


def test_a_class_whose_files_all_moved_was_renamed() -> None:
    before = [*BEFORE, *(f"glas/wine-{number}.jpg" for number in range(3))]
    now = [*BEFORE, *(f"bottle/wine-{number}.jpg" for number in range(3))]
    assert compare(before, now).lines() == [
        "class `glas` is now called `bottle`",
        "the classes differ from the model's: `train` runs anew",
    ]


def test_a_name_that_could_have_come_from_two_classes_is_no_renaming() -> None:
    changes = compare(BEFORE, [f"{name}/{number}.jpg" for name in ("a", "b", "paper") for number in range(5)])
    assert changes.renamed == {}
    assert (changes.new, changes.gone) == ({"a": 5, "b": 5}, {"glass": 5, "metal": 5})
