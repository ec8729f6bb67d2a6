"""The machine that timings were taken on, in a few words."""

import os
import platform
from pathlib import Path
from typing import Any

import onnxruntime

from scrapline.system.parallel import cores

# What decides how fast a processor multiplies 8-bit and 16-bit numbers.
_INSTRUCTIONS = ("avx2", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_int8", "asimddp", "i8mm")


def describe() -> dict[str, Any]:
    """Processor, usable cores, the instructions for neural networks that it has, and what runs the model."""
    info = _cpuinfo()
    flags = set(info.get("flags", info.get("Features", "")).split())
    return {
        "processor": info.get("model name") or platform.processor() or platform.machine() or os.name,
        "cores": cores(),
        "instructions": [name for name in _INSTRUCTIONS if name in flags],
        "engine": f"ONNX Runtime {onnxruntime.__version__}",
    }


def _cpuinfo() -> dict[str, str]:
    """What Linux says of its first processor; empty elsewhere."""
    path = Path("/proc/cpuinfo")
    if not path.is_file():
        return {}
    first = path.read_text(encoding="utf-8", errors="replace").split("\n\n")[0]
    pairs = (line.partition(":") for line in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}
