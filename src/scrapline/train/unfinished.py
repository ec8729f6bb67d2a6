"""Trainings that were stopped: their state in the user's cache, from which the next run goes on with the same bits."""

import hashlib
import io
import json
import os
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

import scrapline
from scrapline import paths
from scrapline.cli.console import info
from scrapline.model import cache_key
from scrapline.model.checkpoint import load_tensors
from scrapline.model.features import Extractor, device_name
from scrapline.params import Params
from scrapline.system.errors import ScraplineError
from scrapline.system.files import remove, sha256, user_cache_folder
from scrapline.system.parallel import cores

_SAVE_EVERY_S = 15.0
_PACKAGE = Path(scrapline.__file__).parent
_FORGOTTEN_S = 14 * 24 * 3600


class Unfinished:
    """What is kept of one training, under a key of all that makes it."""

    def __init__(self, key: dict[str, Any]) -> None:
        name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]
        self.folder = user_cache_folder() / "training" / name
        self._saved_at = time.monotonic()
        self._warned = False

    @classmethod
    def of(cls, base: Extractor, settings: Params, more: dict[str, Any] | None = None) -> "Unfinished":
        """Of the training that these settings make of a base, and `more`: anything else than the same is another."""
        splits = [cache_key.of_photos(base.folder, split, base.preprocessing) for split in ("train", "val")]
        return cls(
            {
                "more": more,
                "photos": splits,
                "manifest": sha256(base.folder / paths.MANIFEST.name),
                "base": base.model.backbone_sha256(),
                "settings": {
                    "seed": settings.seed,
                    "lr": settings.lr,
                    "model": settings.model.model_dump(mode="json"),
                    "train": settings.train.model_dump(mode="json"),
                },
                "device": device_name(base.device),
                "threads": cores(),
                "code": [sha256(path) for path in sorted((_PACKAGE / "train").rglob("*.py"))],
            }
        )

    def load(self, name: str) -> dict[str, Any] | None:
        """What was saved under that name; None where there is nothing, or nothing that can be read."""
        path = self.folder / f"{name}.pt"
        try:
            return load_tensors(path, remedy="begin anew") if path.is_file() else None
        except ScraplineError as error:
            info(f"warning: {error}: this part is trained anew")
            return None

    def save(self, name: str, content: dict[str, Any], *, now: bool = False) -> None:
        """Keep tensors and plain values, unless something was saved a moment ago; a full disk costs a warning only."""
        if not now and time.monotonic() - self._saved_at < _SAVE_EVERY_S:
            return
        partial = self.folder / f".{name}.{os.getpid()}.partial"
        archive = io.BytesIO()
        torch.save(content, archive)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(archive.getbuffer())
            partial.replace(self.folder / f"{name}.pt")
        except OSError as error:
            if not self._warned:
                info(
                    f"warning: {self.folder} cannot be written ({error.strerror or error}): a stopped training will "
                    "begin anew"
                )
            self._warned = True
            with suppress(OSError):
                remove(partial)
        self._saved_at = time.monotonic()

    def drop(self, name: str) -> None:
        """Forget one part."""
        with suppress(OSError):
            remove(self.folder / f"{name}.pt")

    def finish(self) -> None:
        """Forget all of this training, and of others that nobody went on with for two weeks."""
        shutil.rmtree(self.folder, ignore_errors=True)
        with suppress(OSError):
            for other in self.folder.parent.iterdir():
                if other.stat().st_mtime < time.time() - _FORGOTTEN_S:
                    shutil.rmtree(other, ignore_errors=True)
