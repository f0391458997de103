"""Small servers on loopback that misbehave in one way each, and keep what reached them."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE = 20.0  # seconds until a forgotten connection ends by itself


class Connection:
    """One accepted connection: read requests, send bytes, end in any way."""

    def __init__(self, accepted: socket.socket, server: "Server") -> None:
        accepted.settimeout(PATIENCE)
        self.socket, self._server, self._rest = accepted, server, b""

    def request(self) -> bytes:
        """The next whole request, kept by the server; empty where the client has gone."""
        while not self._is_whole():
            more = self.socket.recv(65_536)
            if not more:
                return b""
            self._rest += more
        request, self._rest = self._rest, b""
        self._server.requests.append(request)
        return request

    def _is_whole(self) -> bool:
        head, ended, body = self._rest.partition(b"\r\n\r\n")
        lengths = [
            int(line.partition(b":")[2])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        ]
        return bool(ended) and len(body) >= sum(lengths)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def reset(self) -> None:
        """End with RST in place of FIN."""
        self.socket.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00"
        )
        self.socket.close()


Behaviour = Callable[[Connection], None]


class Server:
    """Answers each connection as told; `requests` are those that arrived whole, in order."""

    def __init__(self, behave: Behaviour) -> None:
        self.requests: list[bytes] = []
        self.ended = threading.Semaphore(0)
        self._behave = behave
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # the listener was closed: the test is over
            while True:
                accepted, _ = self._listener.accept()
                self._open.append(accepted)
                threading.Thread(target=self._handle, args=(accepted,), daemon=True).start()

    def _handle(self, accepted: socket.socket) -> None:
        with contextlib.suppress(OSError), accepted:  # the client went first, as some tests want
            self._behave(Connection(accepted, self))
        self.ended.release()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(PATIENCE)
        for one in self._open:
            one.close()


@contextmanager
def server(behave: Behaviour) -> Iterator[Server]:
    """A server that treats each connection so, until the block ends."""
    running = Server(behave)
    try:
        yield running
    finally:
        running.close()


@contextmanager
def full() -> Iterator[str]:
    """The address of a server that lets nobody in any more: to connect there hangs."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def response(body: bytes, *, status: str = "200 OK", headers: str = "") -> bytes:
    """A whole HTTP/1.1 response; `headers` are lines that end with CRLF."""
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return head.encode() + body
