"""The machine that timings were taken on, in a few words."""

from typing import Any

import onnxruntime

from scrapline.system import processor
from scrapline.system.parallel import cores

# What decides how fast a processor multiplies 8-bit and 16-bit numbers.
_INSTRUCTIONS = ("avx2", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_int8", "asimddp", "i8mm")


def describe() -> dict[str, Any]:
    """Processor, usable cores, the instructions for neural networks that it has, and what runs the model."""
    flags = processor.instructions()
    return {
        "processor": processor.name(),
        "cores": cores(),
        "instructions": [name for name in _INSTRUCTIONS if name in flags],
        "engine": f"ONNX Runtime {onnxruntime.__version__}",
    }
