"""What a user can get wrong, one Case each: how it comes about, and what the one line must then say."""

import shutil
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline import bad_files as files

Break = Callable[[Path], object]

PREPARE, CHECK, FETCH = (f"data_preparation.py {name}" for name in ("prepare", "check", "fetch"))
TRAIN, EVALUATE = "model_training.py train", "model_training.py evaluate"
EXPORT, CLASSIFY = "inference_script.py export", "inference_script.py classify"
DESCRIBE, BENCHMARK = "inference_script.py describe", "inference_script.py benchmark data/raw"
SIMULATE = "simulation.py simulate"
FETCH_ZIP, FETCH_TAR = f"{FETCH} photos.zip --replace", f"{FETCH} photos.tar.gz --replace"
CHECKPOINT, INT8, WEIGHTS = "models/trained_model.pth", "models/converted_model.int8.onnx", "models/pretrained/mine.pth"
DEPLOYED = "results/export/metrics.json"


GOOD = (("set/glass/1.jpg", b"one"), ("set/metal/1.jpg", b"two"))
RED = "red/000.jpg\nred/001.jpg\n"


@dataclass(frozen=True)
class Case:
    """`break_it` spoils a folder in which all is well; `command` must then name culprit and remedy in one line.

    `python` is how to start it, where it matters.
    """

    name: str
    command: str
    break_it: Break
    culprit: str
    remedy: str
    python: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()


def put(path: str, content: bytes | str | Callable[[], bytes] = b"") -> Break:
    """A file with this content, which is made only when it is needed."""

    def break_it(work: Path) -> None:
        data = content() if callable(content) else content
        (work / path).parent.mkdir(parents=True, exist_ok=True)
        (work / path).write_bytes(data.encode() if isinstance(data, str) else data)

    return break_it


def remove(*paths: str) -> Break:
    def break_it(work: Path) -> None:
        for path in paths:
            shutil.rmtree(work / path) if (work / path).is_dir() else (work / path).unlink()

    return break_it


def move(old: str, new: str) -> Break:
    return lambda work: (work / old).rename(work / new)


def folder(path: str) -> Break:
    return lambda work: (work / path).mkdir(parents=True)


def every(*breaks: Break) -> Break:
    return lambda work: [break_it(work) for break_it in breaks]


def param(key: str, value: Any) -> Break:
    """Set a dotted key of params.yaml, or add it."""

    def break_it(work: Path) -> None:
        content = yaml.safe_load((work / "params.yaml").read_text())
        *sections, name = key.split(".")
        section = content
        for part in sections:
            section = section[part]
        section[name] = value
        (work / "params.yaml").write_text(yaml.safe_dump(content))

    return break_it


def without(section: str) -> Break:
    """Take a section out of params.yaml."""

    def break_it(work: Path) -> None:
        content = yaml.safe_load((work / "params.yaml").read_text())
        del content[section]
        (work / "params.yaml").write_text(yaml.safe_dump(content))

    return break_it


def typed(old: str, new: str) -> Break:
    """Change the text of params.yaml as a hand at the editor would."""

    def break_it(work: Path) -> None:
        before = (work / "params.yaml").read_text()
        assert before.count(old) == 1
        (work / "params.yaml").write_text(before.replace(old, new))

    return break_it


def pairs(line: str) -> Break:
    return put("data/splits/pairs.csv", f"first,second,verdict\n{line}\n".encode())


def pins(line: str) -> Break:
    return put("data/splits/pins.csv", f"photo,pin,why\n{line}\n".encode())


def groups(line: str) -> Break:
    return every(
        param("data.group", {"file": "g.csv"}), put("data/splits/g.csv", f"source_path,group\n{line}\n".encode())
    )


def lists(train: str, val: str, test: str) -> Break:
    """Split lists of the user's own, and the params that ask for them."""
    texts = {"train": train, "val": val, "test": test}
    pinned = every(param("data.split.scheme", "lists"), param("data.split.lists", "mine"))
    return every(pinned, *(put(f"data/splits/mine/{name}.txt", text) for name, text in texts.items()))


def weights(content: bytes | Callable[[], bytes]) -> Break:
    return every(put(WEIGHTS, content), param("model.weights", "mine.pth"))


def zipped(*members: files.Member, **options: Any) -> Break:
    return put("photos.zip", files.zipped(*members, *GOOD, **options))


def tarred(*members: files.Member, **options: Any) -> Break:
    return put("photos.tar.gz", files.tarred(*members, *GOOD, **options))


def every_photo(content: bytes) -> Break:
    return lambda work: [photo.write_bytes(content) for photo in work.glob("data/raw/*/*.jpg")]


def two_photos_left(work: Path) -> None:
    for photo in sorted(work.glob("data/raw/blue/*.jpg"))[2:]:
        photo.unlink()


def same_photos_in_both(work: Path) -> None:
    shutil.rmtree(work / "data/raw/blue")
    shutil.copytree(work / "data/raw/red", work / "data/raw/blue")


SOURCE = [
    Case("missing source", PREPARE, remove("data/raw"), "data/raw", "fetch photos with"),
    Case("missing recipe", PREPARE, param("data.source", "x.yaml"), "x.yaml is not here", "data.source names a recipe"),
    Case("empty source", PREPARE, remove("data/raw/blue", "data/raw/red"), "data/raw", "two or more class folders"),
    Case("file as source", PREPARE, every(remove("data/raw"), put("data/raw")), "data/raw", "must be a folder with"),
    Case("absolute source", PREPARE, param("data.source", "/srv/photos"), "/srv/photos", "fetch FOLDER"),
    Case("source above", CHECK, param("data.source", "../photos"), "../photos", "fetch FOLDER"),
    Case("one class", PREPARE, remove("data/raw/blue"), "only `red`", "two or more class folders"),
    Case("empty class", PREPARE, folder("data/raw/green"), "class `green`", "add photos, or remove it"),
    Case("too few photos", PREPARE, two_photos_left, "class `blue` has 2 distinct", "needs at least 3"),
    Case("every image bad", PREPARE, every_photo(b"text"), "class `blue` has no usable", "12 unreadable): add photos"),
    Case("conflicting labels", PREPARE, same_photos_in_both, "class `blue`", "12 label_conflict): add photos"),
    Case("classes but for case", PREPARE, move("data/raw/blue", "data/raw/RED"), "`RED` and `red`", "rename or merge"),
    Case("class with a colon", PREPARE, move("data/raw/blue", "data/raw/a:b"), "'a:b'", "rename"),
    Case("class with a line break", PREPARE, move("data/raw/blue", "data/raw/a\nb"), r"'a\nb'", "rename"),
    Case(
        "class with a long name", CHECK, move("data/raw/blue", "data/raw/" + "b" * 201), "longer than 200 b", "shorten"
    ),
    Case("hidden class", PREPARE, move("data/raw/blue", "data/raw/.blue"), "`.blue` begins with a dot", "rename"),
    Case("class residue", CHECK, move("data/raw/blue", "data/raw/residue"), "`residue`", "another name"),
    Case("listed but absent", PREPARE, lists("", RED, "red/404.jpg"), "`red/404.jpg`", "take the lines out"),
    Case("in two lists", PREPARE, lists(RED, RED, ""), "`red/000.jpg`", "take it out of one"),
    Case("class not in a list", PREPARE, lists("", "", RED), "class `blue`", "add one to"),
    Case("no lists", PREPARE, every(lists("", "", ""), remove("data/splits/mine")), "mine/train.txt", "names a folder"),
    Case("pair of no photo", PREPARE, pairs("red/000.jpg,red/gone.jpg,same"), "`red/gone.jpg`", "neither an image_id"),
    Case(
        "pair without verdict", PREPARE, pairs("red/000.jpg,red/001.jpg,?"), "pairs.csv, line 2", "same` or `different"
    ),
    Case("pin of no photo", CHECK, pins("red/gone.jpg,train_only,"), "pins.csv, line 2: `red/gone.jpg`", "mend the"),
    Case("pin of no id", PREPARE, pins(f"{'0' * 16},train_only,"), f"line 2: `{'0' * 16}` is no photo", "take it out"),
    Case("no such pin", PREPARE, pins("red/000.jpg,test_only,"), "pin `test_only`", "`train_only` or `measure_only`"),
    Case(
        "pin against a list",
        PREPARE,
        every(lists("", "", RED), pins("red/000.jpg,train_only,")),
        "`red/000.jpg` is pinned train_only and stands in test.txt",
        "take it out of one",
    ),
    Case(
        "all of a class pinned",
        PREPARE,
        pins("\n".join(f"red/{number:03d}.jpg,train_only," for number in range(12))),
        "class `red` has no photo left for",
        "take pins out",
    ),
    Case("group of no photo", CHECK, groups("red/gone.jpg,1"), "g.csv, line 2: `red/gone.jpg`", "mend the line"),
    Case("no groups file", PREPARE, param("data.group", {"file": "g.csv"}), "g.csv is not here", "names a CSV file"),
    Case("pattern of nothing", CHECK, param("data.group", {"pattern": "(x)y"}), "`(x)y`", "the first path is `blue/0"),
    Case("list not text", CHECK, every(lists("", "", ""), put("data/splits/mine/val.txt", b"\xff")), "val.txt", "save"),
]

WEB_PAGE = put("photos.zip", "<!DOCTYPE html><title>Sign in</title>")
CUT_ZIP = put("photos.zip", files.half(files.zipped(*GOOD)))
CUT_TAR = put("photos.tar.gz", files.half(files.tarred(*GOOD)))

FETCHING = [
    Case("nothing to fetch", f"{FETCH} photos.zip --replace", every(), "photos.zip is not here", "give an archive"),
    Case("zip that climbs out", FETCH_ZIP, zipped(("../x.jpg", b"")), "'../x.jpg'", "repack it"),
    Case("tar from the root", FETCH_TAR, tarred(("/x.jpg", b"")), "'/x.jpg' has an absolute path", "repack it"),
    Case("tar with a link", FETCH_TAR, tarred(("a/b", b""), link=True), "'a/b' is a link", "repack it"),
    Case("zip with a link", FETCH_ZIP, zipped(("a/b", b""), mode=stat.S_IFLNK), "'a/b' is a link", "repack it"),
    Case("zip past --max-gb", f"{FETCH_ZIP} --max-gb 0.001", zipped(("a/b", bytes(2_000_000))), "0.001 GB", "--max-gb"),
    Case("tar bomb", FETCH_TAR, tarred(("a/b", bytes(50_000_000))), "'a/b' brings it to more than 200", "repack it"),
    Case("encrypted zip", FETCH_ZIP, zipped(encrypted=True), "photos.zip", "is encrypted; repack it"),
    Case("truncated zip", FETCH_ZIP, CUT_ZIP, "photos.zip is damaged", "download or copy it again"),
    Case("truncated tar", FETCH_TAR, CUT_TAR, "photos.tar.gz is damaged", "download or copy it again"),
    Case("web page", FETCH_ZIP, WEB_PAGE, "photos.zip is no zip or tar archive (it is a web page)", "fetch the folder"),
    Case(
        "other hash", f"{FETCH_ZIP} --sha256 {'0' * 64}", zipped(), "photos.zip has the SHA-256", "get the file again"
    ),
    Case("photos there already", f"{FETCH} photos.zip", zipped(), "data/raw is not empty", "--replace"),
    Case("closed port", f"{FETCH} {(url := 'http://127.0.0.1:1/x.zip')} --replace", every(), url, "get the archive by"),
    Case(
        "no such host", f"{FETCH} {(url := 'http://nowhere.invalid/x.zip')} --replace", every(), url, "the connection"
    ),
    Case("ftp", f"{FETCH} ftp://127.0.0.1/x.zip --replace", every(), "ftp://127.0.0.1/x.zip", "pass the local file"),
]

TOO_DEEP = put("params.yaml", "[" * 5000)
SHARES = every(param("data.split.val", 0.6), param("data.split.test", 0.5))

PARAMS = [
    Case("no params", PREPARE, remove("params.yaml"), "params.yaml", "run from the repository's root"),
    Case("empty params", PREPARE, put("params.yaml"), "params.yaml is empty", "start from recipes/demo.yaml"),
    Case("unknown param", PREPARE, param("learning_rate", 1), "`learning_rate`", "did you mean `lr`?"),
    Case("misspelt param", PREPARE, typed("epochs:", "epoch:"), "`train.epoch`", "did you mean `train.epochs`?"),
    Case("missing section", SIMULATE, without("simulate"), "`simulate` is missing", "recipes/demo.yaml shows"),
    Case(
        "the belt's rate as it was given before",
        SIMULATE,
        param("simulate.items_per_s", 20),
        "items_per_s follows from lanes",
        "set belt_m_per_s",
    ),
    Case(
        "no time before the ejector",
        SIMULATE,
        every(param("simulate.belt_m_per_s", 200), param("simulate.camera_to_ejector_m", 1.0)),
        "at 200 m/s an item passes the ejector 5 ms after the camera",
        "slow the belt",
    ),
    Case("a mix of nothing", SIMULATE, param("simulate.mix", {}), "`simulate.mix`", "at least 1 item"),
    Case("key elsewhere", CHECK, param("epochs", 5), "unknown key `epochs`", "did you mean `train.epochs`?"),
    Case("negative number", PREPARE, typed("lr: 0.0005", "lr: -1"), "`lr`", "greater than 0, got -1"),
    Case("not a number", PREPARE, typed("lr: 0.0005", "lr: .nan"), "`lr`", "a finite number, got nan"),
    Case("infinity", PREPARE, typed("lr: 0.0005", "lr: .inf"), "`lr`", "a finite number, got inf"),
    Case("word for a number", PREPARE, typed("lr: 0.0005", "lr: abc"), "`lr`", "a valid number, "),
    Case("list for a number", PREPARE, typed("lr: 0.0005", "lr: [1, 2]"), "`lr`", "a valid number, got [1, 2]"),
    Case(
        "number for a section",
        PREPARE,
        param("train.augment", 5),
        "`train.augment` is a section",
        "`hflip`, `color_jitter`",
    ),
    Case("a param that is gone", PREPARE, param("train.patience", 5), "patience is gone", "remove it"),
    Case("one fold", PREPARE, param("train.folds", 1), "`train.folds`", "2 or more, or 0 for none"),
    Case("no epochs", PREPARE, param("train.epochs", 0), "`train.epochs`", "greater than or equal to 1, got 0"),
    Case("shares past 1", PREPARE, SHARES, "`data.split`", "leave room for training"),
    Case("opset", CHECK, param("export.opset", 24), "`export.opset`", "less than or equal to 23, got 24"),
    Case(
        "few to calibrate", CHECK, param("export.calibration_images", 9), "`export.calibration_images`", "equal to 300"
    ),
    Case("unknown precision", CHECK, param("export.deploy", "int4"), "`export.deploy`", "'auto', 'int8' or 'fp32'"),
    Case("activations", CHECK, param("export.activation_type", "u8"), "`export.activation_type`", "'uint8' or 'int8'"),
    Case(
        "weights elsewhere", CHECK, param("model.weights", "../x.pth"), "`model.weights`", "a file in models/pretrained"
    ),
    Case("tab", PREPARE, typed("lr: 0.0005", "lr:\t[0.1"), "params.yaml is not valid YAML", "line 2"),
    Case("date", PREPARE, typed("lr: 0.0005", "lr: 2024-13-01"), "params.yaml is not valid YAML", "mend it"),
    Case("brackets", PREPARE, TOO_DEEP, "params.yaml is not valid YAML", "mend"),
]

AWAY = (("https_proxy", "http://127.0.0.1:1"), ("NO_PROXY", ""), ("no_proxy", ""))
OTHER_ONNX = put("x.onnx", files.foreign_onnx)
NEWER_ONNX = put("x.onnx", lambda: files.foreign_onnx(format_version="99"))
CUT_ONNX = put("x.onnx", lambda: files.half(files.foreign_onnx()))
NO_CUDA = param("train.device", "cuda")
TRAINED = every(put(CHECKPOINT, files.checkpoint), put("results/evaluation/operating_points.json", "{}"))
WITH_X = f"{CLASSIFY} --model x.onnx data/raw"

MODELS = [
    Case("unknown arch", TRAIN, param("model.arch", "resnet81"), "model.arch `resnet81`", "did you mean `resnet"),
    Case("weights missing", TRAIN, param("model.weights", "mine.pth"), "`mine.pth` is not in", "put the file there"),
    Case("no network", TRAIN, param("model.weights", "imagenet"), "cannot be downloaded", "put a", environment=AWAY),
    Case("weights of another", TRAIN, weights(files.state_dict), WEIGHTS, "name their network in model.arch"),
    Case("weights of a list", TRAIN, weights(files.list_of_tensors), f"{WEIGHTS} holds no state dict", "state_dict()"),
    Case("truncated weights", TRAIN, weights(lambda: files.half(files.state_dict())), WEIGHTS, "get the file again"),
    Case(
        "old truncated",
        TRAIN,
        weights(lambda: files.old_state_dict()[:-100]),
        f"{WEIGHTS} is dam",
        "get the file again",
    ),
    Case("weights that run", TRAIN, weights(files.malicious), f"{WEIGHTS} holds more than", "state_dict()"),
    Case(
        "text as weights",
        TRAIN,
        weights(b"oid sha256:0\n"),
        f"{WEIGHTS} is damaged or no PyTorch",
        "get the file again",
    ),
    Case("no CUDA", TRAIN, NO_CUDA, "train.device is cuda", "use auto or cpu"),
    Case("no CUDA to evaluate", EVALUATE, every(NO_CUDA, TRAINED), "train.device is cuda", "use auto or cpu"),
    Case("no CUDA to export", EXPORT, every(NO_CUDA, TRAINED), "train.device is cuda", "use auto or cpu"),
    Case(
        "train first", TRAIN, remove("data/prepared"), "data/prepared/classes.json is not here yet", "run `dvc repro`"
    ),
    Case("evaluate first", EVALUATE, remove(CHECKPOINT), f"{CHECKPOINT} is not here yet", "run `dvc repro`"),
    Case("export first", EXPORT, remove(CHECKPOINT), f"{CHECKPOINT} is not here yet", "run `dvc repro`"),
    Case(
        "simulate first", SIMULATE, remove("results/preparation"), "results/preparation/report.json", "run `dvc repro`"
    ),
    Case(
        "truncated", EVALUATE, put(CHECKPOINT, lambda: files.half(files.checkpoint())), CHECKPOINT, "`dvc repro train`"
    ),
    Case("foreign", EVALUATE, put(CHECKPOINT, files.state_dict), f"{CHECKPOINT} is no Scrapline", "`dvc repro train`"),
    Case("it runs", EXPORT, put(CHECKPOINT, files.malicious_pickle), f"{CHECKPOINT} holds more", "`dvc repro train`"),
    Case("no model", CLASSIFY + " data/raw", every(), f"{DEPLOYED} is not here yet", "run `dvc repro`"),
    Case("nothing to describe", DESCRIBE, every(), f"{DEPLOYED} is not here yet", "run `dvc repro`"),
    Case("foreign to describe", f"{DESCRIBE} x.onnx", OTHER_ONNX, "x.onnx was not exported", "`dvc repro export`"),
    Case(
        "photo to describe", f"{DESCRIBE} data/raw/red/000.jpg", every(), "000.jpg is damaged or no ONNX", "`dvc repro"
    ),
    Case("nothing to time", BENCHMARK, every(), f"{INT8} is not here yet", "run `dvc repro`"),
    Case("truncated ONNX", WITH_X, CUT_ONNX, "x.onnx is damaged", "run `dvc repro export`"),
    Case("foreign ONNX", WITH_X, OTHER_ONNX, "x.onnx was not exported by Scrapline", "`dvc repro export`"),
    Case("newer ONNX", WITH_X, NEWER_ONNX, "x.onnx has format 99", "update the code, or export again"),
    Case("missing image", f"{CLASSIFY} none.jpg", every(), "none.jpg is not here", "name an image file"),
    Case(
        "folder without images",
        f"{CLASSIFY} nothing",
        every(lambda work: (work / "nothing").mkdir()),
        "nothing holds no image files",
        "name photos, or a folder of them",
    ),
    Case("bare python", SIMULATE, every(), sys.executable, "run `make setup`", (sys.executable, "-S", "-E")),
]

CASES = [*SOURCE, *FETCHING, *PARAMS, *MODELS]
