"""A `python` for DVC that has torch and the rest imported already: importing takes longer than a tiny stage does.

The stages run for real, each in a process of its own, forked from one that has imported what they need and nothing of
Scrapline. `start` gives the folder to put first on PATH. Tests about interpreters, signals and whole runs use the plain
one.
"""

import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SHIM = """#!{python} -SE
import json, os, socket, sys
if len(sys.argv) < 2 or not sys.argv[1].endswith(".py"):
    os.execv({python!r}, [{python!r}, *sys.argv[1:]])
with socket.socket(socket.AF_UNIX) as link:
    link.connect({address!r})
    request = json.dumps({{"argv": sys.argv[1:], "cwd": os.getcwd(), "env": dict(os.environ)}}).encode()
    socket.send_fds(link, [len(request).to_bytes(8, "big")], [0, 1, 2])
    link.sendall(request)
    answer = link.recv(8)
sys.exit(int.from_bytes(answer, "big") if answer else 1)
"""


@contextmanager
def start(folder: Path) -> Iterator[Path]:
    """Run the warm interpreter while the block lasts; yield a folder that holds a `python` made of it."""
    folder.mkdir()
    address = str(folder / "socket")
    shim = folder / "python"
    shim.write_text(SHIM.format(python=sys.executable, address=address))
    shim.chmod(0o755)
    # As Scrapline's own processes have it; here the libraries come first.
    quiet = {"ORT_DISABLE_TELEMETRY": "1", "MPLCONFIGDIR": str(folder / "matplotlib")}
    server = subprocess.Popen([sys.executable, __file__, address], env=os.environ | quiet, start_new_session=True)
    try:
        for _ in range(1200):
            if Path(address).exists() or server.poll() is not None:
                break
            time.sleep(0.1)
        assert server.poll() is None, "the warm interpreter did not start"
        yield folder
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def _serve(address: str) -> None:
    import jinja2  # noqa: F401
    import matplotlib.pyplot  # noqa: F401
    import onnxruntime  # noqa: F401
    import onnxscript  # noqa: F401
    import pandas  # noqa: F401
    import pydantic  # noqa: F401
    import rich.live  # noqa: F401
    import sklearn.metrics  # noqa: F401
    import torch
    import torchvision  # noqa: F401
    import typer  # noqa: F401

    # A conversion imports far more than the module itself.
    torch.onnx.export(torch.nn.Linear(1, 1).eval(), (torch.zeros(1, 1),), dynamo=True, verbose=False)
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
                _run_one(link)
            link.close()


def _run_one(link: socket.socket) -> None:
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
        _become(request)
    _, status = os.waitpid(worker, 0)
    code = os.waitstatus_to_exitcode(status)
    link.sendall((code if code >= 0 else 128 - code).to_bytes(8, "big"))
    os._exit(0)


def _become(request: dict) -> None:
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    # Python's own remember whether the server's could be rewound.
    encoding = request["env"].get("PYTHONIOENCODING", "utf-8")
    sys.stdout = open(1, "w", encoding=encoding, closefd=False)  # noqa: SIM115 - for the process's life
    sys.stderr = open(2, "w", encoding=encoding, errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
    sys.argv = request["argv"]
    sys.path[0] = str(Path(request["argv"][0]).resolve().parent)
    code = 1
    try:
        runpy.run_path(request["argv"][0], run_name="__main__")
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


if __name__ == "__main__":
    _serve(sys.argv[1])
