"""The processor, as Linux describes it."""

import os
import platform
from pathlib import Path


def cpuinfo() -> dict[str, str]:
    """What Linux says of its first processor; empty elsewhere."""
    path = Path("/proc/cpuinfo")
    if not path.is_file():
        return {}
    first = path.read_text(encoding="utf-8", errors="replace").split("\n\n")[0]
    pairs = (line.partition(":") for line in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def name() -> str:
    """Its model, or what else is known of it."""
    return cpuinfo().get("model name") or platform.processor() or platform.machine() or os.name


def instructions() -> set[str]:
    """Names of the instructions that it has, as far as they are known."""
    info = cpuinfo()
    return set(info.get("flags", info.get("Features", "")).split())
