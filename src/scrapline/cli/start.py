"""What every script imports before anything else: the requirements are there, and Ctrl-C shows no traceback."""

import importlib.util
import os
import signal
import sys

# DVC runs whatever `python` is first on PATH; say so in one line when that is not the project's own.
if sys.version_info < (3, 11):  # noqa: UP036 - the point is to catch an unsupported interpreter
    sys.exit(f"error: Python {sys.version.split()[0]} is too old, Scrapline needs 3.11 to 3.13")
if any(importlib.util.find_spec(name) is None for name in ("typer", "pydantic", "rich", "platformdirs")):
    sys.exit(
        f"error: {sys.executable} has not the project's requirements: run `make setup`, "
        "then `source .venv/bin/activate` (or use the make targets)"
    )

from scrapline.system.files import user_cache_folder

# Matplotlib keeps a list of fonts, and reads settings that would change our pictures: both from our own folder.
os.environ["MPLCONFIGDIR"] = str(user_cache_folder() / "matplotlib")
# Where torchvision keeps the weights it downloads, unless the user has named another place.
os.environ.setdefault("TORCH_HOME", str(user_cache_folder() / "torch"))
# Else Pydantic looks through every installed package for a plugin, and would let it change how we read our files.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

# Until entry.run takes over there is nothing to clean up; where it is ignored, as in background jobs, it stays so.
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
