"""The function app inside Microsoft's own azure-functions-runtime: indexed and invoked by its exported entry points.

The runtime builds protobuf messages from classes that its caller injects. The few that it needs stand here."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple
from uuid import uuid4

import azure_functions_runtime as runtime

SUCCESS = 1


class Message(SimpleNamespace):
    """Any protobuf message: what it is made with, as attributes. A `oneof` is the one that is set."""

    Failure, Success, Cancelled = 0, SUCCESS, 2  # of StatusResult
    inout, out = 2, 1  # of BindingInfo

    def WhichOneof(self, name: str) -> str | None:  # noqa: N802
        return "data" if name == "rpc_data" else next((k for k, v in vars(self).items() if v is not None), None)


_NAMES = (
    "TypedData ParameterBinding StatusResult BindingInfo RpcException WorkerMetadata WorkerInitResponse RpcHttp "
    "RpcRetryOptions RpcFunctionMetadata FunctionMetadataResponse FunctionLoadResponse InvocationResponse"
)
PROTOS = SimpleNamespace(**dict.fromkeys(_NAMES.split(), Message))


def text(value: str) -> Message:
    return Message(string=value)


def as_json(value: Any) -> Message:
    return Message(json=json.dumps(value, separators=(",", ":"), default=str))


type Metadata = Mapping[str, Message]


@dataclass(frozen=True, slots=True)
class Function:
    """One indexed function: its bindings as function.json would hold them, and its retry policy."""

    id: str
    name: str
    bindings: tuple[Mapping[str, Any], ...]
    retry: Mapping[str, Any] | None

    @property
    def trigger(self) -> Mapping[str, Any]:
        return next(b for b in self.bindings if str(b["type"]).lower().endswith("trigger"))


class Result(NamedTuple):
    """What an invocation came to; `error` is None when it succeeded."""

    value: Any = None
    error: str | None = None


async def index(app: Path) -> list[Function]:
    """Load `function_app.py` from the folder, or raise RuntimeError with what its import raised."""
    sys.path.insert(0, str(app))
    runtime.start_threadpool_executor()
    asked = SimpleNamespace(worker_init_request=SimpleNamespace(capabilities={}, function_app_directory=str(app)))
    request = SimpleNamespace(request=asked, properties={"host": "127.0.0.1", "protos": PROTOS})
    answer = await runtime.worker_init_request(request)
    if answer.result.status != SUCCESS:
        raise RuntimeError(f"{answer.result.exception.message}\n{answer.result.exception.stack_trace}")
    metadata = await runtime.functions_metadata_request(request)
    functions = []
    for found in metadata.function_metadata_results or []:
        bindings = tuple(json.loads(binding) for binding in found.raw_bindings)
        retry = vars(found.retry_options) if found.retry_options else None
        functions.append(Function(found.function_id, found.name, bindings, retry))
    return functions


async def invoke(
    function: Function, data: Message, metadata: Metadata, traceparent: str = "", retry: tuple[int, int] = (0, 0)
) -> Result:
    """Run it once. `retry`: which retry this is, of how many."""
    nothing = SimpleNamespace(message="", stack_trace="", source="")
    asked = SimpleNamespace(
        invocation_id=str(uuid4()),
        function_id=function.id,
        input_data=[Message(name=function.trigger["name"], data=data)],
        trigger_metadata=metadata,
        trace_context=SimpleNamespace(trace_parent=traceparent, trace_state="", attributes={}),
        retry_context=SimpleNamespace(retry_count=retry[0], max_retry_count=retry[1], exception=nothing),
    )
    answer = await runtime.invocation_request(SimpleNamespace(request=SimpleNamespace(invocation_request=asked)))
    if answer.result.status == SUCCESS:
        return Result(getattr(answer, "return_value", None))
    return Result(error=f"{answer.result.exception.message}\n{answer.result.exception.stack_trace}")
