"""The cleaned data set on disk: WebDataset tar shards and the manifest that lists every image in them."""

import csv
import io
import json
import tarfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import groupby
from pathlib import Path

from scrapline.data.pins import Pin
from scrapline.system import files
from scrapline.system.errors import ScraplineError

_TAR_BLOCK = 512
_TAR_END = 2 * 10 * 1024
_MAX_PREFIX_BITS = 16
_DEPTH = "depth.json"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of manifest.csv. `bytes` is the size in the shard; `width` and `height` are pixels there."""

    image_id: str
    class_name: str
    split: str
    group: str
    width: int
    height: int
    bytes: int
    source_path: str
    shard: str
    pin: Pin = Pin.NONE


@dataclass(frozen=True, slots=True)
class Sample:
    """One image as training and evaluation read it; `label` indexes classes.json."""

    image_id: str
    label: int
    data: bytes


def plan(split: str, image_ids: Sequence[str], sizes: Sequence[int], *, shard_mb: int) -> list[str]:
    """The shard of each image: by the leading bits of its id, as few as keep what shares them below `shard_mb`.

    A shard that grows past its size becomes two, and the others stay as they are, name and all; so the numbers in the
    names have gaps. An image that is larger than a shard may be has one for itself.
    """
    limit = shard_mb * 1024 * 1024
    leading = [int(image_id, 16) >> (4 * len(image_id) - _MAX_PREFIX_BITS) for image_id in image_ids]
    numbers = [0] * len(leading)
    undecided = list(range(len(leading)))
    for spare_bits in range(_MAX_PREFIX_BITS, -1, -1):
        filled: Counter[int] = Counter()
        members: Counter[int] = Counter()
        for index in undecided:
            prefix = leading[index] >> spare_bits
            filled[prefix] += _tar_size(sizes[index]) + _tar_size(1)
            members[prefix] += 1
        still = []
        for index in undecided:
            prefix = leading[index] >> spare_bits
            numbers[index] = prefix << spare_bits
            if filled[prefix] + _TAR_END > limit and members[prefix] > 1:
                still.append(index)
        undecided = still
    return [f"{split}-{number:06d}.tar" for number in numbers]


def write(folder: Path, rows: Iterable[Row], read: Callable[[Row], tuple[str, bytes]], classes: list[str]) -> None:
    """Write shards, manifest.csv and classes.json; `rows` are sorted by split and id, `read` gives suffix and bytes.

    The same images give the same bytes: members are sorted, owners empty and times zero.
    """
    index = {name: number for number, name in enumerate(classes)}
    names = ["class" if field.name == "class_name" else field.name for field in fields(Row)]
    with (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as stream:
        manifest = csv.writer(stream, lineterminator="\n")
        manifest.writerow(names)
        for shard, members in groupby(rows, key=lambda row: row.shard):
            with tarfile.open(folder / shard, "w", format=tarfile.USTAR_FORMAT) as tar:
                for row in members:
                    suffix, data = read(row)
                    _add(tar, f"{row.image_id}.{suffix}", data)
                    _add(tar, f"{row.image_id}.cls", str(index[row.class_name]).encode())
                    manifest.writerow(asdict(row).values())
    content = json.dumps(classes, indent=2, ensure_ascii=False) + "\n"
    (folder / "classes.json").write_text(content, encoding="utf-8", newline="\n")


def read_manifest(folder: Path) -> list[Row]:
    """Every image of the prepared data set, in shard order."""
    files.require(folder / "manifest.csv")
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as stream:
        return [_parse(line) for line in csv.DictReader(stream)]


def read_classes(folder: Path) -> list[str]:
    """Class names in label order."""
    content: list[str] = json.loads(files.require(folder / "classes.json").read_text(encoding="utf-8"))
    return content


def write_undeclared_bits(folder: Path, bits: int | None) -> None:
    """Keep, where there were any, how many bits the 16-bit photos use that declare none, for the line to read alike."""
    if bits is not None:
        files.write_json(folder / _DEPTH, {"undeclared_bits": bits})


def read_undeclared_bits(folder: Path) -> int | None:
    """The depth as written; None where no photo needed it."""
    if not (folder / _DEPTH).is_file():
        return None
    return int(files.read_json(folder / _DEPTH)["undeclared_bits"])


def check_classes(folder: Path, classes: list[str], model: Path) -> None:
    """Raise ScraplineError unless these, a model's classes, are the data set's: run by hand, stages may not match."""
    found = read_classes(folder)
    if found != classes:
        raise ScraplineError(
            f"{model} knows the classes {', '.join(classes)}, but {folder} holds {', '.join(found)}: train it on them "
            "with `dvc repro`"
        )


def paths(folder: Path, split: str) -> list[Path]:
    """The shards of one split, in order; ScraplineError where there are none."""
    found = sorted(folder.glob(f"{split}-*.tar"))
    if not found:
        raise ScraplineError(f"{folder} holds no {split} shards: run `dvc repro prepare` (or `dvc pull`)")
    return found


def read(folder: Path, split: str) -> Iterator[Sample]:
    """Stream one split's images in id order, one at a time."""
    for path in paths(folder, split):
        try:
            with tarfile.open(path, "r:") as tar:
                yield from _samples(tar)
        except (tarfile.TarError, OSError, EOFError, ValueError) as error:
            reason = str(error.args[0] if error.args else error)
            raise ScraplineError(f"{path} is damaged ({reason}): `dvc checkout` or `dvc repro prepare`") from None


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(data), 0o444
    tar.addfile(member, io.BytesIO(data))
    tar.members.clear()  # type: ignore[attr-defined] # tarfile remembers every member it wrote, about a kilobyte each


def _samples(tar: tarfile.TarFile) -> Iterator[Sample]:
    """The images of one open shard: `<image_id>.<suffix>`, and right after it `<image_id>.cls` with its label."""
    while (image := tar.next()) is not None:
        label = tar.next()
        image_id = image.name.partition(".")[0]
        if label is None or label.name != f"{image_id}.cls":
            raise ValueError(f"no label beside {image.name}")
        tar.members.clear()  # type: ignore[attr-defined] # as in _add
        yield Sample(image_id, int(_content(tar, label)), _content(tar, image))


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = tar.extractfile(member)
    data = stream.read() if stream else b""
    if len(data) != member.size:
        raise EOFError(f"it breaks off in {member.name}")
    return data


def _parse(line: dict[str, str]) -> Row:
    numbers = {key: int(line.pop(key)) for key in ("width", "height", "bytes")}
    pin = Pin(line.pop("pin", ""))  # a data set prepared before there were pins has no such column
    return Row(class_name=line.pop("class"), pin=pin, **line, **numbers)  # type: ignore[arg-type]


def _tar_size(size: int) -> int:
    return _TAR_BLOCK + -(-size // _TAR_BLOCK) * _TAR_BLOCK
