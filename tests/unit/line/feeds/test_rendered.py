import io
import os
import signal
import subprocess
import sys
import time
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import ROOT
from scrapline.line.feeds import rendered
from scrapline.line.feeds.frame import Frame
from scrapline.line.feeds.rendered import Rendered
from scrapline.rendering import Recipe, render_jpeg
from scrapline.system.errors import ScraplineError

RECIPE = Recipe(seed=5, images_per_class=9, width=48, height=32, jpeg_quality=80, materials=("glass", "metal"))


@pytest.fixture(autouse=True)
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recipe of small pictures stands where the demo's does."""
    path = tmp_path / "demo.yaml"
    path.write_text(RECIPE.model_dump_json())  # JSON is YAML
    monkeypatch.setattr(rendered, "RECIPE", path)


def frames(items: int, **options: object) -> list[Frame]:
    with Rendered(["glass", "metal"], processes=1, **options) as feed:  # type: ignore[arg-type]
        return [feed.take(number, 0.0) for number in range(items)]


def test_pictures_are_the_recipes_own_kind_but_beyond_any_data_set() -> None:
    for frame in frames(6, seed=3):
        name, number = frame.name.split("#")
        assert name == "demo"
        assert frame.data == render_jpeg(RECIPE, frame.true_class, 4 * 2**40 + int(number))
        assert frame.group == ""


def test_no_picture_of_the_belt_is_seeded_as_one_of_a_data_set() -> None:
    """NumPy takes a short list of numbers for one with zeros after it, and long numbers for several."""
    glass = zlib.crc32(b"glass")

    def state(*key: int) -> tuple[int, ...]:
        return tuple(np.random.SeedSequence(key).generate_state(8).tolist())

    data_set = {state(seed, glass, index) for seed in (0, 5, 7) for index in (0, 1, 255, 256, 2**32 - 1, 2**40 - 1)}
    belt = {
        state(seed, glass, a_belt * 2**40 + n) for seed in (0, 5, 7) for a_belt in (1, 2, 2**32) for n in (0, 1, 255)
    }
    assert len(belt) == 27
    assert not belt & data_set


def test_a_later_run_goes_on_with_the_same_belt_and_another_seed_is_another() -> None:
    whole = frames(12)
    assert frames(4, first=8) == whole[8:]
    assert [frame.name for frame in whole] == [f"demo#{number}" for number in range(12)]
    assert len({frame.data for frame in whole}) == 12
    assert not {frame.data for frame in frames(12, seed=1)} & {frame.data for frame in whole}


def test_classes_come_equally_often_or_as_the_mix_says() -> None:
    materials = ["paper", "glass", "wood", "metal"]
    feed = Rendered(materials)
    assert feed.facts()["classes"] == ["glass", "metal", "paper"]
    assert feed.facts()["shares"] == {"paper": 1 / 3, "glass": 1 / 3, "metal": 1 / 3}
    wanted = Rendered(materials, mix={"glass": 1, "paper": 9})._wanted()
    seen = Counter(material for _, (_, material) in zip(range(2000), wanted, strict=False))
    assert set(seen) == {"glass", "paper"}
    assert 130 < seen["glass"] < 270  # 200, five standard deviations off at most


@pytest.mark.parametrize(("classes", "known"), [(["wood", "glass"], "glass alone"), (["wood", "stone"], "none")])
def test_fewer_than_two_materials_are_no_belt(classes: list[str], known: str) -> None:
    with pytest.raises(ScraplineError, match=f"of which the model knows {known}: give"):
        Rendered(classes)


@pytest.mark.parametrize("name", ["paper", "wood"])
def test_a_mix_of_what_is_not_drawn_for_this_model_is_refused(name: str) -> None:
    with pytest.raises(ScraplineError, match=f"`{name}`, of which the feed `demo` has nothing: it has glass, metal$"):
        Rendered(["glass", "metal", "wood"], mix={"glass": 1, name: 1})


def test_without_the_recipe_pictures_have_its_size_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    demo = ROOT / "data" / "recipes" / "demo.yaml"
    pictures = []
    for path in (demo, demo.with_name("none.yaml")):
        monkeypatch.setattr(rendered, "RECIPE", path)
        pictures += frames(1)
    assert pictures[0] == pictures[1]
    assert Image.open(io.BytesIO(pictures[0].data)).size == (320, 240)  # type: ignore[arg-type]


@pytest.mark.slow
def test_waiting_for_a_picture_is_counted_and_nothing_else() -> None:
    with Rendered(["glass", "metal"], processes=1) as feed:
        end_s = time.monotonic() + 30
        while feed.drawn < 40:
            assert time.monotonic() < end_s
            time.sleep(0.01)
        for number in range(30):
            feed.take(number, 0.0)
        assert feed.facts()["frames_waited_for"] == 0
        assert feed.waited_s == 0.0
        for number in range(30, 500):  # more than the queue can hold
            feed.take(number, 0.0)
        assert 0 < feed.facts()["frames_waited_for"] <= 470
        assert feed.waited_s > 0.0
        assert feed.drawn >= 500


def test_what_goes_wrong_there_is_told_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object, **__: object) -> None:
        raise ScraplineError("a worker process was killed")

    monkeypatch.setattr(rendered, "process_map", killed)
    with pytest.raises(ScraplineError, match="was killed"), Rendered(["glass", "metal"]) as feed:
        feed.take(0, 0.0)


def test_a_stop_while_the_first_picture_is_drawn_ends_the_drawing() -> None:
    class Stopped:
        def set(self) -> None:
            pass

        def wait(self) -> None:
            raise KeyboardInterrupt

    feed = Rendered(["glass", "metal"], processes=1)
    feed._began = Stopped()  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt), feed:
        pass
    assert not feed._thread.is_alive()


SCRIPT = """
import sys
sys.path.insert(0, "src")
from scrapline.line.feeds.rendered import Rendered
from scrapline.system import signals

if __name__ == "__main__":
    signals.install()
    try:
        print("ready", flush=True)
        with Rendered(["glass", "metal"], processes=1) as feed:
            print("drawing", flush=True)
            for number in range(10**9):
                feed.take(number, 0.0)
    except signals.Stopped:
        print("stopped", flush=True)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals to a process group are POSIX")
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("after", ["ready", "drawing"])
def test_a_stop_of_the_whole_group_is_no_traceback(after: str, signum: signal.Signals, tmp_path: Path) -> None:
    script = tmp_path / "draws.py"
    script.write_text(SCRIPT)
    with subprocess.Popen(
        [sys.executable, str(script)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as running:
        assert running.stdout is not None
        while running.stdout.readline().strip() != after:
            assert running.poll() is None
        os.killpg(running.pid, signum)
        said, errors = running.communicate(timeout=60)
    assert (errors, running.returncode) == ("", 0)
    assert said.splitlines()[-1] == "stopped"
