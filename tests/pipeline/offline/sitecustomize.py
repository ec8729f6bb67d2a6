"""Put on PYTHONPATH: whatever asks for a host from Python is refused, and noted in the file that ASKED names."""

import os
import sys


def _note(event: str, arguments: tuple[object, ...]) -> None:
    asks = event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.sendto")
    if event == "socket.connect":
        asks = isinstance(arguments[1], tuple)  # a path is a socket of this machine
    if asks:
        with open(os.environ["ASKED"], "a", encoding="utf-8") as notes:  # noqa: PTH123 - nothing is imported here
            notes.write(f"{event} {arguments[-1] if event == 'socket.connect' else arguments[0]} by {sys.argv}\n")
        raise OSError("this test has no network")


sys.addaudithook(_note)
