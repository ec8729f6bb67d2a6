"""How `prepare` scales: photos drawn by number, and what preparing many of them takes.

Run as a program (`PYTHONPATH=src:tests python -m scale FOLDER`: 20 GB of disk, an hour), it draws photos and
prepares sets of several sizes, each in an empty folder with an empty cache, then again, then with 100 more. It writes
docs/scale/prepare.json, prepare.md and prepare.png.
"""

import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil
import simplejpeg
import yaml

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs/scale"
SIZES = (2000, 5000, 20_000, 50_000, 100_000)
MORE = 100

PAGE_BEGIN = """# How preparing scales

Photos of {width} x {height} pixels, JPEG, of which no two are copies, drawn by `tests/scale.py`; {cores} cores of
{processor}; the parameters of the demo. Each size first in an empty folder with an empty cache; then again,
with what was learned in the cache; then with {more} photos more. Made by `PYTHONPATH=src:tests python -m scale FOLDER`.

![Photos a second and memory by number of photos](prepare.png)

| photos | first run | photos/s | examining | photos/s | finding copies | photos/s | rest | MB | again | {more} more |
|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|"""
PAGE_END = """
Memory is what all processes have for themselves at once, the highest of five looks a second. From {small:,} to
{large:,} photos it grows {times:.2f} times, by {grown:.0f} bytes a photo; the indexes of the finder hold
{index} of them.

In the cache lie, for each photo, its thumbnail ({thumbnail} bytes), what was found out about it, and its bytes if
they had to be made anew; and which pairs are no copies. What is not kept there is done again each time: reading and
hashing the photos, the index and its search, comparing the copies found, and writing the shards.
"""
CLASSES = ("glass", "metal", "paper", "plastic")
WIDTH, HEIGHT = 512, 384


def draw(number: int) -> bytes:
    """Photo `number`: a JPEG of 512 x 384 pixels, a few pieces on a ground in uneven light, and a camera's noise."""
    rng = np.random.default_rng(number)
    coarse = rng.integers(0, 60, (rng.integers(3, 9), rng.integers(4, 12), 3)).astype(np.float32)
    picture = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC) + rng.integers(40, 200, 3)
    for _ in range(rng.integers(1, 5)):
        centre = rng.uniform((60, 60), (WIDTH - 60, HEIGHT - 60))
        angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(4, 14)))
        reach = rng.uniform(30, 130) * rng.uniform(0.5, 1.0, len(angles))
        corners = centre + reach[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        colour = rng.integers(0, 256, 3).astype(float).tolist()
        cv2.fillPoly(picture, [corners.astype(np.int32)], colour, lineType=cv2.LINE_AA)
        for _ in range(rng.integers(0, 6)):
            ends = centre + rng.uniform(-60, 60, (2, 2))
            one, other = ends.astype(int).tolist()
            line = rng.integers(0, 256, 3).astype(float).tolist()
            cv2.line(picture, one, other, line, int(rng.integers(1, 6)), cv2.LINE_AA)
    noise = rng.integers(-6, 7, (HEIGHT // 2, WIDTH // 2, 1), dtype=np.int16).astype(np.float32)
    picture += cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)[..., None]
    pixels = np.ascontiguousarray(picture.clip(0, 255).astype(np.uint8))
    return bytes(simplejpeg.encode_jpeg(pixels, quality=88))


def write(folder: Path, start: int, stop: int) -> None:
    """Photos `start` to `stop` as `<class>/<number>.jpg`, in turn; those that are there stay."""
    for name in CLASSES:
        (folder / name).mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor() as pool:
        list(pool.map(partial(_write, folder), range(start, stop), chunksize=64))


def _write(folder: Path, number: int) -> None:
    path = folder / CLASSES[number % len(CLASSES)] / f"{number:06d}.jpg"
    if not path.exists():
        path.write_bytes(draw(number))


def project(root: Path, photos: Path, count: int) -> None:
    """A folder that prepares the first `count` photos; those that are there stay."""
    settings = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    settings["data"]["source"] = "data/raw"
    for name in CLASSES:
        (root / "data/raw" / name).mkdir(parents=True, exist_ok=True)
    (root / "params.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    for number in range(count):
        path = f"{CLASSES[number % len(CLASSES)]}/{number:06d}.jpg"
        if not (root / "data/raw" / path).exists():
            os.link(photos / path, root / "data/raw" / path)


def timed(root: Path) -> dict[str, Any]:
    """What one `prepare` in a folder takes: seconds, and the most memory of all its processes, in MB."""
    command = [sys.executable, "-m", "scale", "prepare"]
    environment = os.environ | {"XDG_CACHE_HOME": str(root / "cache"), "PYTHONPATH": f"{ROOT}/src:{ROOT}/tests"}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def prepare() -> None:
    """Prepare the folder this runs in, and print what it took as JSON."""
    from scrapline import params
    from scrapline.prepare import cleaning, grouping, stage

    taken: dict[str, float] = {}
    for module, name in ((cleaning, "examine"), (grouping, "find_copies")):
        setattr(module, name, partial(_clocked, getattr(module, name), name, taken))
    peak = [0.0]
    threading.Thread(target=_watch, args=(peak,), daemon=True).start()
    start = time.perf_counter()
    stage.prepare(params.load())
    taken["all"] = time.perf_counter() - start
    print(json.dumps({key: round(value, 1) for key, value in taken.items()} | {"peak_mb": round(peak[0])}))


def _clocked(function: Any, name: str, taken: dict[str, float], *args: Any, **options: Any) -> Any:
    start = time.perf_counter()
    try:
        return function(*args, **options)
    finally:
        taken[name] = time.perf_counter() - start


def _watch(peak: list[float]) -> None:
    """The most that this process and its workers have for themselves at once."""
    own = psutil.Process()
    while True:
        total = 0
        for process in [own, *own.children(recursive=True)]:
            try:
                total += process.memory_full_info().uss
            except psutil.Error:
                continue
        peak[0] = max(peak[0], total / 1e6)
        time.sleep(0.2)


def measure(work: Path) -> dict[str, Any]:
    """Every size: a first run, a second, and one with 100 more photos."""
    from scrapline.system import machine

    photos = work / "photos"
    write(photos, 0, max(SIZES) + MORE)
    runs = []
    for size in SIZES:
        root = work / str(size)
        if root.exists():
            sys.exit(f"error: {root} is there already, and with it what an earlier measurement learned")
        project(root, photos, size)
        first, second = timed(root), timed(root)
        project(root, photos, size + MORE)
        runs.append({"photos": size, "first": first, "second": second, "more": timed(root)})
        print(runs[-1], file=sys.stderr, flush=True)
    described = machine.describe()
    return {"processor": described["processor"], "cores": described["cores"], "more": MORE, "runs": runs}


def markdown(found: dict[str, Any]) -> str:
    """docs/scale/prepare.md."""
    runs = found["runs"]
    from scrapline.data.duplicates import candidates, thumbnails

    index = len(candidates._KINDS) * candidates._DIMENSIONS * np.dtype(np.float16).itemsize
    lines = [PAGE_BEGIN.format(width=WIDTH, height=HEIGHT, **found)]
    for run in runs:
        first, photos = run["first"], run["photos"]
        rest = first["all"] - first["examine"] - first["find_copies"]
        lines.append(
            f"| {photos:,} | {first['all']:.0f} s | {photos / first['all']:.0f} | {first['examine']:.0f} s | "
            f"{photos / first['examine']:.0f} | {first['find_copies']:.0f} s | {photos / first['find_copies']:.0f} | "
            f"{rest:.0f} s | {first['peak_mb']} | {run['second']['all']:.0f} s | {run['more']['all']:.0f} s |"
        )
    small, large = runs[1], runs[-1]
    times = large["first"]["peak_mb"] / small["first"]["peak_mb"]
    grown = 1e6 * (large["first"]["peak_mb"] - small["first"]["peak_mb"]) / (large["photos"] - small["photos"])
    lines.append(
        PAGE_END.format(
            index=index,
            thumbnail=thumbnails.SIZE,
            small=small["photos"],
            large=large["photos"],
            times=times,
            grown=grown,
        )
    )
    return "\n".join(lines)


def draw_chart(found: dict[str, Any], path: Path) -> None:
    """Photos a second, first and second run, and memory, by number of photos."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    photos = [run["photos"] for run in found["runs"]]
    figure, (rate, memory) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for name, label in (("all", "all of prepare"), ("examine", "examining"), ("find_copies", "finding copies")):
        rate.plot(photos, [run["photos"] / run["first"][name] for run in found["runs"]], "o-", label=label)
    rate.plot(photos, [run["photos"] / run["second"]["all"] for run in found["runs"]], "o--", label="all, again")
    rate.set(xscale="log", xlabel="photos", ylabel="photos a second", ylim=0)
    rate.legend()
    memory.plot(photos, [run["first"]["peak_mb"] for run in found["runs"]], "o-")
    memory.set(xscale="log", xlabel="photos", ylabel="peak memory, MB", ylim=0)
    for axes in (rate, memory):
        axes.set_xticks(photos, [f"{number:,}" for number in photos])
        axes.minorticks_off()
    figure.savefig(path, dpi=100)


def publish(found: dict[str, Any]) -> None:
    """Write docs/scale."""
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "prepare.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    (FOLDER / "prepare.md").write_text(markdown(found), encoding="utf-8")
    draw_chart(found, FOLDER / "prepare.png")


if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        prepare()
    else:
        publish(measure(Path(sys.argv[1]).resolve()))
