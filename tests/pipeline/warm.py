"""A `python` that has torch and the rest imported already, and a `dvc` that has itself: importing takes longer than a
tiny stage does, and three times as long as most of what DVC is asked here.

Stages and DVC run for real, each in a process of its own, forked from one that has imported what they need and nothing
of Scrapline. `start` gives the folder to put first on PATH. Tests about interpreters, signals, rights and whole runs
use the plain ones.
"""

import gc
import importlib
import json
import logging
import os
import runpy
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SHIM = """#!{python} -SE
import json, os, socket, sys
if {name!r} == "python" and (len(sys.argv) < 2 or not sys.argv[1].endswith(".py")):
    os.execv({python!r}, [{python!r}, *sys.argv[1:]])
with socket.socket(socket.AF_UNIX) as link:
    link.connect({address!r})
    request = json.dumps({{"argv": sys.argv[1:], "cwd": os.getcwd(), "env": dict(os.environ)}}).encode()
    socket.send_fds(link, [len(request).to_bytes(8, "big")], [0, 1, 2])
    link.sendall(request)
    answer = link.recv(8)
sys.exit(int.from_bytes(answer, "big") if answer else 1)
"""


NAMES = ("python", "dvc")
# What DVC imports only once it knows what it is asked; for S3, where that is installed.
DVC_NEEDS = """
celery.app.amqp celery.canvas celery.fixups.django celery.worker dulwich.ignore dulwich.worktree dvc.cachemgr
dvc.data_cloud dvc.dirs dvc.dvcfile dvc.ignore dvc.parsing.interpolate dvc.render.match dvc.repo.artifacts
dvc.repo.brancher dvc.repo.datasets dvc.repo.experiments.queue.celery dvc.repo.experiments.queue.tempdir
dvc.repo.experiments.queue.workspace dvc.repo.experiments.show dvc.repo.graph dvc.repo.index dvc.repo.open_repo
dvc.repo.reproduce dvc.repo.stage dvc.repo.trie dvc.stage.cache dvc.utils.strictyaml dvc_data.fs
dvc_data.hashfile.db.local dvc_data.index.checkout dvc_http dvc_task.app.filesystem dvc_task.proc.manager
fsspec.implementations.memory kombu.transport.filesystem networkx pygit2 pyparsing rich.text
scmrepo.git.backend.pygit2.filter
"""
DVC_MAY_NEED = "dvc_s3 aiobotocore.session boto3"


@contextmanager
def start(folder: Path) -> Iterator[Path]:
    """Run the warm interpreters while the block lasts; yield a folder with a `python` and a `dvc` made of them."""
    folder.mkdir()
    # As Scrapline's own processes have it; here the libraries come first.
    quiet = {"ORT_DISABLE_TELEMETRY": "1", "MPLCONFIGDIR": str(folder / "matplotlib")}
    servers = {}
    try:
        for name in NAMES:
            address = str(folder / f"{name}-socket")
            shim = folder / name
            shim.write_text(SHIM.format(python=sys.executable, name=name, address=address))
            shim.chmod(0o755)
            command = [sys.executable, __file__, name, address]
            servers[address] = subprocess.Popen(command, env=os.environ | quiet, start_new_session=True)
        for address, server in servers.items():
            for _ in range(1200):
                if Path(address).exists() or server.poll() is not None:
                    break
                time.sleep(0.1)
            assert server.poll() is None, "a warm interpreter did not start"
        yield folder
    finally:
        for server in servers.values():
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _import_for_stages() -> None:
    import jinja2  # noqa: F401
    import matplotlib.pyplot  # noqa: F401
    import onnxruntime.quantization  # noqa: F401
    import onnxscript  # noqa: F401
    import pandas  # noqa: F401
    import pydantic.type_adapter  # noqa: F401
    import rich.live  # noqa: F401
    import sklearn.metrics  # noqa: F401
    import torch
    import torchvision  # noqa: F401
    import typer  # noqa: F401
    import yaml  # noqa: F401

    # A conversion imports far more than the module itself.
    torch.onnx.export(torch.nn.Linear(1, 1).eval(), (torch.zeros(1, 1),), dynamo=True, verbose=False)


def _import_for_dvc() -> None:
    from dvc.cli.parser import get_main_parser

    get_main_parser()
    for name in DVC_NEEDS.split():
        importlib.import_module(name)
    for name in DVC_MAY_NEED.split():
        with suppress(ImportError):
            importlib.import_module(name)


def _serve(name: str, address: str) -> None:
    {"python": _import_for_stages, "dvc": _import_for_dvc}[name]()
    gc.freeze()  # or each process would copy every page as it looks for garbage
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    draft = f"{address}.draft"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(draft)
        listener.listen()
        Path(draft).rename(address)
        while True:
            link, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                _run_one(link, {"python": _run_script, "dvc": _run_dvc}[name])
            link.close()


def _run_one(link: socket.socket, run: Callable[[list[str]], object]) -> None:
    """Run one command in a process of its own, and answer with its exit code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    size, streams, _, _ = socket.recv_fds(link, 8, 3)
    request = json.loads(link.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL))
    worker = os.fork()
    if worker == 0:
        link.close()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        _become(request, run)
    _, status = os.waitpid(worker, 0)
    code = os.waitstatus_to_exitcode(status)
    link.sendall((code if code >= 0 else 128 - code).to_bytes(8, "big"))
    os._exit(0)


def _become(request: dict, run: Callable[[list[str]], object]) -> None:
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    # Python's own remember whether the server's could be rewound.
    encoding = request["env"].get("PYTHONIOENCODING", "utf-8")
    sys.stdout = open(1, "w", encoding=encoding, closefd=False)  # noqa: SIM115 - for the process's life
    sys.stderr = open(2, "w", encoding=encoding, errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
    code = 1
    try:
        run(request["argv"])
        code = 0
    except SystemExit as done:
        code = done.code if isinstance(done.code, int) else int(done.code is not None)
        if not isinstance(done.code, int | None):
            print(done.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()  # before the process ends without Python's own
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _run_script(argv: list[str]) -> None:
    sys.argv = argv
    sys.path[0] = str(Path(argv[0]).resolve().parent)
    runpy.run_path(argv[0], run_name="__main__")


def _run_dvc(argv: list[str]) -> None:
    import dvc.logger
    from dvc.cli import main

    for name in ("dvc", "dvc_objects", "dvc_data"):  # these write to the server's streams
        logging.getLogger(name).handlers.clear()
    dvc.logger.setup()
    sys.argv = ["dvc", *argv]
    del sys.path[0]  # this file's folder
    sys.exit(main(argv))


if __name__ == "__main__":
    _serve(*sys.argv[1:])
