"""Servers on the loopback interface that a DVC remote can be on."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

CREDENTIALS = {"access_key_id": "scrapline", "secret_access_key": "not-so-secret"}


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def read_only_http(folder: Path) -> Iterator[str]:
    """Serve a folder's files; its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@contextmanager
def s3(bucket: str) -> Iterator[str]:
    """An S3 server that holds everything in memory, with one bucket; its address."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    address = f"http://127.0.0.1:{port}"
    client(address).create_bucket(Bucket=bucket)
    yield address
    server.stop()


def client(address: str) -> Any:
    """A plain S3 client, to look into a bucket or spoil it."""
    import boto3

    keys = {f"aws_{name}": value for name, value in CREDENTIALS.items()}
    return boto3.client("s3", endpoint_url=address, region_name="us-east-1", **keys)
