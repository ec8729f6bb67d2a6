"""MLPerf's load generator drives the line's engine and workers: `python -m referee MODEL ITEMS_PER_S FOLDER`.

In a process of its own, since it ends the process where a worker fails. Prints its verdict as one line of JSON.
"""

import json
import queue
import sys
import threading
from pathlib import Path
from typing import Any

import mlperf_loadgen as loadgen

from scrapline import paths
from scrapline.line.looking import looker
from scrapline.runtime import classify, deployed
from scrapline.runtime.engine import Tuning
from scrapline.simulate.session import warm_up
from scrapline.system.parallel import cores

SECONDS = 60
LATENCY_MS = 250
KEYS = {
    "validity": "result_validity",
    "queries": "result_query_count",
    "over_latency": "result_overlatency_query_count",
    "early_stopping_met": "early_stopping_met",
    "p99_ns": "result_99.00_percentile_latency_ns",
}


def settings(items_per_s: float) -> Any:
    made = loadgen.TestSettings()
    made.scenario, made.mode = loadgen.TestScenario.Server, loadgen.TestMode.PerformanceOnly
    made.server_target_qps = items_per_s
    made.server_target_latency_ns = LATENCY_MS * 1_000_000
    made.server_target_latency_percentile = 0.99
    made.min_query_count, made.min_duration_ms = 662, 1000 * SECONDS
    made.qsl_rng_seed = made.sample_index_rng_seed = made.schedule_rng_seed = 7
    return made


def main(model: Path, items_per_s: float, folder: Path) -> None:
    engine = deployed.load(model, Tuning.THROUGHPUT)
    frames = [path.read_bytes() for path in classify.find_images([paths.TEST_FRAMES])]
    look, waiting = looker(engine), queue.SimpleQueue[Any]()
    warm_up(engine, cores())

    def worker() -> None:
        while (sample := waiting.get()) is not None:
            look([frames[sample.index % len(frames)]])
            loadgen.QuerySamplesComplete([loadgen.QuerySampleResponse(sample.id, 0, 0)])

    workers = [threading.Thread(target=worker, daemon=True) for _ in range(cores())]
    for thread in workers:
        thread.start()
    under_test = loadgen.ConstructSUT(lambda samples: [waiting.put(sample) for sample in samples], lambda: None)
    library = loadgen.ConstructQSL(len(frames), len(frames), lambda _: None, lambda _: None)
    log = loadgen.LogSettings()
    log.log_output.outdir, log.enable_trace = str(folder), False
    loadgen.StartTestWithLogSettings(under_test, library, settings(items_per_s), log)
    loadgen.DestroyQSL(library)
    loadgen.DestroySUT(under_test)
    lines = (folder / "mlperf_log_detail.txt").read_text().splitlines()
    found = {
        entry["key"]: entry["value"] for entry in (json.loads(line[9:]) for line in lines if line[:9] == ":::MLLOG ")
    }
    print(json.dumps({name: found.get(key) for name, key in KEYS.items()}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3]))
