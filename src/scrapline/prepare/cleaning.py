"""Examine every image of a source, drop what cannot be used, and split the rest without leaks."""

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice, tee
from pathlib import Path

from scrapline.cli.console import track
from scrapline.data import splitting
from scrapline.data.depth import bits_for
from scrapline.data.learned import NOTHING, Learned
from scrapline.data.pins import Pin
from scrapline.data.sources import ContentDigest, Item, Source, count
from scrapline.params import Data, SplitScheme
from scrapline.paths import SPLIT_LISTS
from scrapline.prepare import grouping, placing, quality
from scrapline.prepare.grouping import Grouped
from scrapline.prepare.handwritten import Handwritten, Resolved
from scrapline.prepare.placing import Placed
from scrapline.prepare.quality import Examination, Photo, Rejected, Undeclared
from scrapline.system.errors import ScraplineError
from scrapline.system.parallel import process_map

THUMBNAILS = "thumbnails"  # in the spool
_AT_ONCE = 16  # images that a worker examines before it reports


@dataclass(frozen=True)
class Examined:
    """Every image of the source, looked at.

    `undeclared` counts 16-bit files that declare no depth; they are all read as of `undeclared_bits` bits.
    """

    photos: list[Photo]
    rejected: list[Rejected]
    images: int
    digest: str
    undeclared: int = 0
    undeclared_bits: int | None = None


@dataclass(frozen=True)
class Cleaned:
    """What stays and where, with all that was quarantined, and what decided it.

    `grouped` is the copies, photos among them that leaked and are gone; `own` the user's groups by id, None without a
    rule, `pins` by id, and `listed` the split by path, None for the hash scheme.
    """

    photos: list[Photo]
    rejected: list[Rejected]
    placed: Placed
    grouped: Grouped
    own: dict[str, tuple[str, ...]] | None
    pins: dict[str, Pin]
    listed: dict[str, str] | None

    @property
    def split(self) -> dict[str, str]:
        """The split of each photo, by id."""
        return self.placed.split

    @property
    def group(self) -> dict[str, str]:
        """The group of each photo, by id."""
        return self.placed.group

    @property
    def unlisted(self) -> int:
        """How many photos train for standing in no list."""
        if self.listed is None:
            return 0
        listed = self.listed
        return sum(p.source_path not in listed and self.split[p.image_id] == "train" for p in self.photos)


def lists_folder(data: Data) -> Path | None:
    """The folder of pinned split lists that the params name, checked; None for the hash scheme."""
    if data.split.scheme is SplitScheme.HASH or data.split.lists is None:
        return None
    folder = SPLIT_LISTS / data.split.lists
    splitting.read_lists(folder)
    return folder


def examine(source: Source, spool: Path, data: Data, learned: Learned) -> Examined:
    """Decode and hash every image on all cores; what had to be drawn or converted lies in `spool` afterwards."""
    total = count(source)
    examiner = quality.Examiner(source, spool, data.min_side, data.max_side, learned=learned)
    digest = ContentDigest()
    photos: list[Photo] = []
    rejected: list[Rejected] = []
    waiting: list[tuple[Item, int]] = []
    with (spool / THUMBNAILS).open("wb") as thumbnails:
        for item, examination in track(_examined(examiner, source.items()), "examining images", total):
            digest.add(item.path, examination.sha256)
            if isinstance(examination.result, Undeclared):
                waiting.append((item, examination.result.level))
            elif isinstance(examination.result, Photo):
                photos.append(owned(examination.result, item, len(photos)))
                thumbnails.write(examination.thumbnail)
            else:
                rejected.append(examination.result)
        if not waiting:
            return Examined(photos, rejected, total, digest.hexdigest())
        bits = bits_for(max(level for _, level in waiting))
        for item, examination in _examined(replace(examiner, undeclared_bits=bits), [item for item, _ in waiting]):
            if isinstance(examination.result, Photo):
                photos.append(owned(examination.result, item, len(photos)))
                thumbnails.write(examination.thumbnail)
            elif isinstance(examination.result, Rejected):
                rejected.append(examination.result)
            else:
                raise ScraplineError(f"{item.path} changed while it was examined: run `prepare` again")
    return Examined(photos, rejected, total, digest.hexdigest(), len(waiting), bits)


def _examined(examiner: quality.Examiner, items: Iterable[Item]) -> Iterator[tuple[Item, Examination]]:
    ahead, behind = tee(_batched(items))  # listed once: photos may come and go meanwhile
    # Closed before the spool goes: a worker that still writes into it would bring it back.
    with closing(process_map(examiner, ahead)) as results:
        for batch, examinations in zip(behind, results, strict=True):
            yield from zip(batch, examinations, strict=True)


def _batched(items: Iterable[Item]) -> Iterator[list[Item]]:
    rest = iter(items)
    while batch := list(islice(rest, _AT_ONCE)):
        yield batch


def clean(
    examined: Examined,
    reader: "StoredBytes",
    data: Data,
    *,
    seed: int,
    lists: Path | None,
    written: Handwritten,
    learned: Learned = NOTHING,
) -> Cleaned:
    """Drop doubles, group copies and split without leaks. Raises ScraplineError for an unusable class."""
    split_of = splitting.read_lists(lists) if lists else None
    _check_listed(split_of or {}, examined, lists)
    classes = reader.source.classes
    photos, doubles = quality.drop_doubles(
        examined.photos, lambda photo: splitting.rank_by_list(split_of or {}, photo.source_path)
    )
    rejected = examined.rejected + doubles
    _check_every_class_left(classes, photos, rejected)
    resolved = Resolved(written, examined.photos, examined.rejected)
    placing.check_pins(photos, resolved.pins, split_of or {})
    grouped = grouping.group(photos, reader.spool / THUMBNAILS, resolved.pairs, resolved.pins, learned)
    rejected += grouped.rejected
    _check_every_class_left(classes, grouped.photos, rejected)
    placed = placing.place(grouped, resolved.own, resolved.pins, data.split, split_of, seed=seed)
    kept = [photo for photo in grouped.photos if photo.image_id in placed.split]
    _check_splits_filled(classes, kept, placed.split, lists)
    own = resolved.own if written.groups.given else None
    return Cleaned(kept, rejected + placed.rejected, placed, grouped, own, resolved.pins, split_of)


def owned(photo: Photo, item: Item, thumbnail: int) -> Photo:
    """A photo from a worker with its thumbnail's number, and this process's own strings in place of its copies."""
    return replace(photo, class_name=item.class_name, suffix=sys.intern(photo.suffix), thumbnail=thumbnail)


@dataclass(frozen=True)
class StoredBytes:
    """The bytes that go into the shards for a photo: from the spool, or the source's own file."""

    source: Source
    spool: Path

    def __call__(self, photo: Photo) -> bytes:
        """Read them."""
        if photo.spooled:
            return (self.spool / f"{photo.image_id}.{photo.suffix}").read_bytes()
        return self.source.read(Item(photo.class_name, photo.source_path))


def original(reader: StoredBytes, photo: Photo) -> tuple[str, bytes]:
    """Suffix and bytes of a photo's own file, as the camera wrote it."""
    item = Item(photo.class_name, photo.source_path)
    return Path(photo.source_path).suffix.lower(), reader.source.read(item)


def _check_listed(split_of: dict[str, str], examined: Examined, lists: Path | None) -> None:
    present = {photo.source_path for photo in examined.photos} | {entry.source_path for entry in examined.rejected}
    missing = sorted(set(split_of) - present)
    if missing:
        raise ScraplineError(
            f"{lists} names {len(missing)} file{'s' * (len(missing) > 1)} that the source has not, the first "
            f"`{missing[0]}`: fetch the whole data set, or take the lines out"
        )


def _check_every_class_left(classes: list[str], photos: list[Photo], rejected: list[Rejected]) -> None:
    left = {photo.class_name for photo in photos}
    for name in classes:
        if name not in left:
            reasons = quality.count_reasons(r for r in rejected if r.source_path.startswith(f"{name}/"))
            why = ", ".join(f"{number} {reason}" for reason, number in reasons.items())
            raise ScraplineError(f"class `{name}` has no usable photo ({why}): add photos, or remove the folder")


def _check_splits_filled(classes: list[str], photos: list[Photo], split: dict[str, str], lists: Path | None) -> None:
    filled: defaultdict[str, set[str]] = defaultdict(set)
    for photo in photos:
        filled[photo.class_name].add(split[photo.image_id])
    for name in classes:
        for wanted in splitting.SPLITS:
            if wanted in filled[name]:
                continue
            if lists:
                raise ScraplineError(f"class `{name}` has no image in the {wanted} list: add one to {wanted}.txt")
            raise ScraplineError(
                f"class `{name}` has no photo left for {wanted}, so many of them are pinned or in one group with "
                "photos of other classes: add photos to it, or take pins out"
            )
