"""Executors: what comes back is the same wherever it was worked on, and no piece of work takes another with it."""

import itertools
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from impasto.errors import ImageError, ResourceError, UsageError
from impasto.executors import InProcess, Processes, WorkerDiedError, divide, ordered
from impasto.executors.piece import Piece
from impasto.executors.processes import MANY, _Run, _Worker
from tests.executors import works


@pytest.fixture(params=["here", "processes"])
def executor(request):
    if request.param == "here":
        yield InProcess()
    else:
        with Processes(2) as executor:
            yield executor


def values(outcomes):
    return [outcome.value for outcome in ordered(outcomes)]


def test_every_payload_has_an_outcome(executor):
    outcomes = list(executor.run(works.Worker, [("double", number) for number in range(20)]))
    assert sorted(outcome.index for outcome in outcomes) == list(range(20))
    assert all(outcome.value == 2 * outcome.index == 2 * outcome.payload[1] for outcome in outcomes)
    assert {(outcome.error, outcome.attempts) for outcome in outcomes} == {(None, 1)}


def test_no_payload_is_no_work(executor):
    assert list(executor.run(works.Worker, [])) == []


def test_an_error_is_the_outcome_of_its_own_payload_and_is_not_tried_again(executor):
    one, other = ordered(executor.run(works.Worker, [("refuse",), ("double", 3)]))
    assert isinstance(one.error, ImageError)
    assert (str(one.error), one.attempts) == ("photo.jpg: is no picture; name another", 1)
    assert (other.value, other.error) == (6, None)


def test_what_is_told_is_watched_and_can_stop_the_run(executor):
    told = []

    def watch(index, payload, message):
        told.append((index, payload, message))
        return message == 3

    outcomes = list(executor.run(works.Worker, [("steps", 500)] * 6, watch=watch))
    assert {payload for _, payload, message in told if message == 3} == {("steps", 500)}
    # What was begun ends early, and nothing begins.
    assert 1 <= len(outcomes) <= 2
    assert all(outcome.value < 500 for outcome in outcomes)


def test_a_work_may_read_ahead(executor):
    first, broken, last = ordered(executor.run(works.Prepared, [("double", 1), ("broken",), ("double", 2)]))
    assert (first.value, last.value) == (("prepared", 2), ("prepared", 4))
    assert str(broken.error) == "photo.jpg: cannot be read; check it"


def test_a_value_may_have_still_to_be_written(executor):
    written, refused = ordered(executor.run(works.Worker, [("later", 5), ("later_refuses",)]))
    assert written.value == (5, isinstance(executor, InProcess))
    assert (refused.value, str(refused.error)) == (None, "out.png: could not be written; make room")


def test_a_process_is_kept_warm_and_has_a_share_of_the_threads():
    with Processes(1, threads=3) as executor:
        first, second = values(executor.run(works.Worker, [("pid",), ("pid",)]))
        (third,) = values(executor.run(works.Worker, [("pid",)]))
        assert (first[0], 2) == second
        assert (first[0], 3) == third
        assert values(executor.run(works.Worker, [("threads",)])) == ["3"]
        assert first[0] != os.getpid()
        pids = executor.pids
    assert pids == [first[0]]
    with pytest.raises(ProcessLookupError):
        os.kill(first[0], 0)


def test_each_process_has_a_gpu_of_its_own(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,6")
    with Processes(2, gpus=2) as executor:
        seen = values(executor.run(works.Worker, [("gpu", 0.2)] * 2))
        # What takes a dead one's place has its GPU.
        list(executor.run(works.Worker, [("die", 1)]))
        again = values(executor.run(works.Worker, [("gpu", 0.2)] * 2))
    assert sorted(seen) == sorted(again) == ["4", "6"]


def test_what_dies_is_tried_once_more_in_a_fresh_process(tmp_path):
    payloads = [("double", 1), ("die_once", str(tmp_path / "mark")), ("double", 2)]
    with Processes(1) as executor:
        outcomes = list(ordered(executor.run(works.Worker, payloads)))
    assert [(outcome.value, outcome.error) for outcome in outcomes] == [(2, None), (0, None), (4, None)]
    assert [outcome.attempts for outcome in outcomes] == [1, 2, 1]


@pytest.mark.parametrize(("status", "words"), [(7, "exit status 7"), (-9, "SIGKILL")])
def test_what_dies_twice_is_an_error_and_the_others_finish(status, words):
    with Processes(2) as executor:
        outcomes = list(ordered(executor.run(works.Worker, [("double", 1), ("die", status), *[("double", 2)] * 8])))
    assert [outcome.value for outcome in outcomes] == [2, None, *[4] * 8]
    error = outcomes[1].error
    assert isinstance(error, WorkerDiedError)
    assert "died 2 times" in str(error)
    assert words in str(error)
    assert outcomes[1].attempts == 2


def test_trouble_that_is_no_error_of_impasto_is_tried_again_in_another_process():
    with Processes(1) as executor:
        first, failed, strange, last = ordered(
            executor.run(works.Worker, [("pid",), ("fail",), ("strange",), ("pid",)])
        )
    assert isinstance(failed.error, MemoryError)
    assert failed.attempts == strange.attempts == 2
    assert str(strange.error) == "Local: cannot be pickled"
    assert last.value[0] != first.value[0]
    assert last.value[1] == 1


def test_payloads_are_drawn_as_they_are_needed():
    drawn = []

    def payloads():
        for number in itertools.count():
            drawn.append(number)
            yield "double", number

    with Processes(2) as executor:
        run = executor.run(works.Worker, payloads())
        for _ in range(3):
            next(run)
        assert len(drawn) <= 3 + 2 * 2
        run.close()
        assert executor.pids == []


def test_a_work_that_cannot_be_made_is_told_at_once():
    with Processes(2) as executor, pytest.raises(ImageError, match="does not exist"):
        list(executor.run(works.refusing, [("double", 1)] * 5))
    with Processes(1) as executor, pytest.raises(ResourceError, match="before they could begin"):
        list(executor.run(works.dying, [("double", 1)] * 5))


def test_a_process_may_print_and_its_notices_come_through(caplog):
    with Processes(1) as executor:
        assert values(executor.run(works.Worker, [("prints",)])) == ["said"]
    assert "something a person should know" in caplog.messages


def test_processes_end_when_their_caller_is_killed(tmp_path):
    script = tmp_path / "caller.py"
    script.write_text(
        "import os, sys\n"
        "from impasto.executors import Processes\n"
        "from tests.executors import works\n"
        "executor = Processes(1)\n"
        "def watch(*told):\n"
        "    print(*executor.pids, flush=True)\n"
        "list(executor.run(works.Worker, [('steps', 6000)], watch=watch))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, env=environment) as caller:
        assert caller.stdout is not None
        pid = int(caller.stdout.readline())
        caller.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 30
    while Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_machine_is_divided(monkeypatch):
    from impasto import limits, threads

    monkeypatch.setattr(threads, "physical_cores", lambda: 8)
    monkeypatch.setattr(threads, "quota", lambda: None)
    monkeypatch.setattr(limits, "available", lambda: 10 << 30)
    gib = 1 << 30
    whole = divide(bytes_each=gib // 8)
    assert (whole.workers, whole.threads) == (8, 1)
    assert whole.memory == int(0.9 * 10 * gib) // 8
    # 9 GiB hold three processes of 2.5 GiB, which share the threads.
    few = divide(bytes_each=2 * gib)
    assert (few.workers, few.threads) == (3, 2)
    assert divide(bytes_each=100 * gib).workers == 1
    assert (divide(2).workers, divide(2).threads) == (2, 4)
    assert (divide(workers=5).workers, divide(workers=5).threads) == (5, 1)
    assert (divide(threads_each=4).workers, divide(threads_each=4).threads) == (2, 4)
    monkeypatch.setattr(threads, "quota", lambda: 2.5)
    assert divide(bytes_each=0).workers == 2
    with pytest.raises(UsageError, match="counted from 1"):
        divide(workers=0)


def test_executors_begin_without_torch():
    code = "import impasto.executors, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_partial_works_are_works_too(tmp_path):
    with Processes(1) as executor:
        assert values(executor.run(partial(works.Worker, tmp_path), [("double", 4)])) == [8]


def test_without_ray_it_is_said_how_to_install_it(monkeypatch):
    from impasto.executors import ray_cluster

    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ResourceError, match=r"pip install 'impasto\[ray\]'"):
        ray_cluster.RayCluster()


def test_a_work_of_the_script_that_is_run_is_refused(monkeypatch):
    monkeypatch.setattr(works.Worker, "__module__", "__main__")
    with Processes(1) as executor, pytest.raises(UsageError, match="Worker: is of the script that is run"):
        list(executor.run(works.Worker, [("double", 1)]))
    assert executor.pids == []


def test_a_work_sees_what_comes_next_where_it_is_quick():
    with Processes(1) as executor:
        outcomes = list(ordered(executor.run(works.Foreseeing, [("number", number) for number in range(40)])))
    assert {outcome.error for outcome in outcomes} == {None}
    seen = [outcome.value[0] for outcome in outcomes]
    assert 2 <= max(seen) <= MANY
    # What was seen at once begins with what is worked on; an error of it is nobody's.
    assert any(count > 1 and own for count, own in (outcome.value for outcome in outcomes))


def test_second_tries_make_room_for_themselves_where_all_processes_are_idle():
    """Two pieces whose process died with both in hand: the second waited for a place that nobody left, and was lost."""

    class Crew(Processes):
        """An executor whose processes are counted, and do nothing."""

        def __init__(self):
            super().__init__(2)
            self._workers = [self.made(), self.made()]
            self.retired = []

        def made(self):
            return _Worker(subprocess.Popen(["true"], stdin=subprocess.PIPE))

        def start(self):
            self._workers.append(self.made())
            return self._workers[-1]

        def retire(self, worker):
            super().retire(worker)
            self.retired.append(worker)

    owner = Crew()
    idle = list(owner.crew)
    run = _Run(owner, iter(()), None)
    run._again.extend(Piece(number, b"", attempts=1) for number in range(3))
    run._hand_out()
    assert owner.retired == idle
    assert [list(worker.pieces) for worker in owner.crew] == [[0], [1]]
    assert len(run._again) == 1, "the third waits for one of them to end"
    for worker in owner.crew:
        worker.close()
