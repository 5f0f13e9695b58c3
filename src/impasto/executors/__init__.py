"""Many independent pieces of work on one interface: here, in processes of this machine, or on a Ray cluster.

How to use it: write a work, a class whose instances are called with a payload and a `tell`, in a module that can be
imported. What is costly (encoders, networks, measured styles) belongs to the instance: each process makes one, once.

    class Measuring:
        def __init__(self, encoder: str) -> None:
            self._encoder = encoders.create(encoder)

        def __call__(self, payload: Path, tell: Tell) -> float:
            for step in ...:
                if tell(step):      # the caller's watch sees it; True asks to end early
                    break
            return value            # what comes back; payloads, messages and values are pickled

    with processes(count=len(paths)) as executor:
        for outcome in executor.run(partial(Measuring, "petite"), paths, watch=show):
            outcome.index, outcome.payload, outcome.value, outcome.error

Outcomes come as they are ready, in no order; `ordered` sorts them as they come. An exception is the outcome's `error`,
and no other piece of work is touched by it. What is no `ImpastoError`, and a process that dies, is tried once more in a
fresh process. Payloads are drawn from their iterable as they are needed. Where the loop is left, the work ends.

`InProcess()` does the same in this process, one after another: no second try, nothing is pickled. Pictures depend on
the number of torch's threads in their last bits, and on nothing else of an executor: `executor.threads` says how many
each worker computes with.
"""

from impasto.executors.executor import Executor, Later, Outcome, Tell, Watch, Work, WorkerDiedError, ordered
from impasto.executors.in_process import InProcess
from impasto.executors.processes import Processes
from impasto.executors.sizing import BASE_BYTES, Sizing, divide, processes

__all__ = [
    "BASE_BYTES",
    "Executor",
    "InProcess",
    "Later",
    "Outcome",
    "Processes",
    "Sizing",
    "Tell",
    "Watch",
    "Work",
    "WorkerDiedError",
    "divide",
    "ordered",
    "processes",
]
