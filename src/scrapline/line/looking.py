"""What a worker does with the frames that it took: decode, classify."""

from collections.abc import Callable, Sequence
from time import perf_counter

import numpy as np
import numpy.typing as npt

from scrapline.data.imaging import ImageError, Pixels
from scrapline.line.dispatch import Answer
from scrapline.runtime.engine import Engine

# Frames, as bytes of image files or as RGB pixels [H, W, 3], to as many answers. What it raises costs the worker.
Look = Callable[[Sequence[bytes | Pixels]], list[Answer]]


def looker(engine: Engine) -> Look:
    """The engine as the line uses it: each frame decoded, all that can be read in one run of the network."""

    def look(frames: Sequence[bytes | Pixels]) -> list[Answer]:
        inputs: list[Pixels | None] = []
        decode_s: list[float] = []
        for frame in frames:
            started = perf_counter()
            try:
                inputs.append(engine.preprocess(frame))
            except ImageError:
                inputs.append(None)
            decode_s.append(perf_counter() - started)
        readable = [pixels for pixels in inputs if pixels is not None]
        started = perf_counter()
        rows = iter(_finite(engine.infer(np.stack(readable))[0]) if readable else ())
        found = [None if pixels is None else engine.decide(next(rows)) for pixels in inputs]
        inference_s = perf_counter() - started
        return [
            Answer(None, seconds)
            if classification is None
            else Answer(classification, seconds, inference_s, len(readable))
            for classification, seconds in zip(found, decode_s, strict=True)
        ]

    return look


def _finite(probabilities: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    if not np.isfinite(probabilities).all():
        raise RuntimeError("the network answers with numbers that are none")
    return probabilities
