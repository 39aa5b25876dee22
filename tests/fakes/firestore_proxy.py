"""A proxy in front of Firestore that fails commits before and after they are made."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock

import grpc

from local.program import Program

type Fault = Callable[[Call], Iterable[bytes]]

STREAMS = ("RunQuery", "BatchGetDocuments", "RunAggregationQuery")  # the methods that have many answers


class Call:
    """One call of the function's to Firestore; a fault decides what becomes of it.

    Attributes:
        method: its full name.
        request: what it says.
    """

    def __init__(self, method: str, request: bytes, context: grpc.ServicerContext, channel: grpc.Channel) -> None:
        self.method = method
        self.request = request
        self._context, self._channel = context, channel

    @property
    def is_waited_for(self) -> bool:
        """Whether somebody still waits for the answer; a process that was killed does not."""
        return self._context.is_active()

    def forward(self) -> list[bytes]:
        """Let Firestore do it, and return its answers; its errors are passed on."""
        metadata = [(key, value) for key, value in self._context.invocation_metadata() if key != "user-agent"]
        try:
            if self.method.endswith(STREAMS):
                return list(self._channel.unary_stream(self.method)(self.request, metadata=metadata, timeout=30))
            return [self._channel.unary_unary(self.method)(self.request, metadata=metadata, timeout=30)]
        except grpc.RpcError as error:
            self.abort(error.code(), error.details() or "")
            raise

    def abort(self, code: grpc.StatusCode, details: str = "so it is") -> None:
        """Answer with an error."""
        self._context.abort(code, details)


class FirestoreProxy(grpc.GenericRpcHandler):
    """Calls go through it: the faults of ``queue`` first, one each, then ``default`` for every other.

    Attributes:
        default: what happens to a call when the queue is empty.
        queue: what happens to the next calls.
        calls: the method of every call, in order.
    """

    def __init__(self, firestore: Program) -> None:
        self.default: Fault = Call.forward
        self.queue: deque[Fault] = deque()
        self.calls: list[str] = []
        self._lock = Lock()
        self._channel = grpc.insecure_channel(firestore.address)
        self._server = grpc.server(ThreadPoolExecutor(16))
        self._server.add_generic_rpc_handlers((self,))
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        """Take any call with one request, as bytes."""
        method = handler_call_details.method

        def handle(request: bytes, context: grpc.ServicerContext) -> Iterable[bytes]:
            with self._lock:
                self.calls.append(method)
                fault = self.queue.popleft() if self.queue else self.default
            return fault(Call(method, request, context, self._channel))

        if method.endswith(STREAMS):
            return grpc.unary_stream_rpc_method_handler(lambda request, context: iter(handle(request, context)))
        return grpc.unary_unary_rpc_method_handler(lambda request, context: next(iter(handle(request, context))))

    def clear(self) -> None:
        """Forget what was and what was to come."""
        self.default = Call.forward
        self.queue.clear()
        self.calls.clear()

    @contextmanager
    def running(self) -> Iterator["FirestoreProxy"]:
        """Serve until the context is left."""
        self._server.start()
        try:
            yield self
        finally:
            self._server.stop(None).wait()
            self._channel.close()


def refused(code: grpc.StatusCode) -> Fault:
    """Fail before the commit is made."""

    def fault(call: Call) -> list[bytes]:
        call.abort(code)
        return []

    return fault


def broken(after: int, code: grpc.StatusCode, details: str = "so it is") -> Fault:
    """Send so many messages of a stream, and then an error instead of the rest."""

    def fault(call: Call) -> Iterable[bytes]:
        yield from call.forward()[:after]
        call.abort(code, details)

    return fault


def lost(code: grpc.StatusCode) -> Fault:
    """Make the commit, and lose its answer."""

    def fault(call: Call) -> list[bytes]:
        call.forward()
        call.abort(code)
        return []

    return fault


def before(action: Callable[[], object]) -> Fault:
    """Do something when the commit has arrived and nothing is written yet."""

    def fault(call: Call) -> list[bytes]:
        action()
        return call.forward()

    return fault


def after(action: Callable[[], object]) -> Fault:
    """Do something when the commit is made and its answer not yet sent."""

    def fault(call: Call) -> list[bytes]:
        answer = call.forward()
        action()
        return answer

    return fault
