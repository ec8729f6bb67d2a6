"""The most confident mistakes side by side with what in the photo spoke for the wrong class."""

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from scrapline.cli.console import info
from scrapline.data import imaging, shards
from scrapline.data.contact_sheets import Thumb, contact_sheet
from scrapline.data.imaging import Pixels
from scrapline.evaluate.activation import activation_map, has_maps
from scrapline.evaluate.scored import Scored
from scrapline.model.checkpoint import Checkpoint

_MISTAKES = 24
_DARKEST = 0.15
_SIDE = 96


def draw_mistakes(path: Path, prepared: Path, test: Scored, checkpoint: Checkpoint) -> None:
    """Draw the test images that the model got wrong while most sure of itself, each with its map beside it, if any."""
    confidence = test.calibrated.max(axis=1)
    wrong = np.flatnonzero(test.predicted != test.labels)
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")][:_MISTAKES]
    rank = {test.image_ids[index]: place for place, index in enumerate(worst)}
    model = checkpoint.classifier()
    mapped = has_maps(model)
    if not mapped:
        info(f"{checkpoint.arch} has no maps of where it looks: the mistakes stand without them")
    thumbs: list[list[Thumb]] = [[] for _ in worst]
    for sample in shards.read(prepared, "test"):
        if (place := rank.get(sample.image_id)) is not None:
            index = worst[place]
            said = checkpoint.classes[test.predicted[index]]
            image = imaging.decode(sample.data, checkpoint.preprocessing.max_side).image
            truth = f"truth: {checkpoint.classes[test.labels[index]]}"
            thumbs[place] = [Thumb(image, (f"said {said} {confidence[index]:.0%}", truth))]
            if mapped:
                pixels = imaging.load(sample.data, checkpoint.preprocessing)
                found = activation_map(model, pixels, checkpoint.preprocessing, int(test.predicted[index]))
                thumbs[place].append(_beside(pixels, found, said))
    title = f"Most confident mistakes: {len(worst)} of {len(wrong)}, in {len(test.labels)} test images"
    contact_sheet(title, [thumb for pair in thumbs for thumb in pair]).save(path)


def _beside(pixels: Pixels, found: npt.NDArray[np.float32] | None, said: str) -> Thumb:
    """The photo as the network sees it, bright where something spoke for the class."""
    if found is None:
        return Thumb(Image.new("RGB", (1, 1), "white"), ("no place spoke", "more than others"))
    larger = Image.fromarray(lit(pixels, found)).resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)
    return Thumb(larger, ("lit: what spoke for", said))


def lit(pixels: Pixels, found: npt.NDArray[np.float32]) -> Pixels:
    """Darken uint8 [S, S, 3] where a map [h, w] is zero or less, and not where it is highest."""
    share = np.clip(found, 0, None) / max(float(found.max()), 1e-12)
    light = cv2.resize(share, pixels.shape[1::-1], interpolation=cv2.INTER_LINEAR)[..., None]
    return np.rint(pixels * (_DARKEST + (1 - _DARKEST) * light)).astype(np.uint8)
