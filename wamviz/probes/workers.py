"""Questions answered by several processes at once; only the one that started them writes what came of it.

Contract: ``answer_all`` yields every answer as it is there, in whatever order. Closing the generator starts nothing
more; what is under way ends first. A worker that dies (no memory left) ends the run with a sentence, and what was done
before is kept: the same command goes on. It knows neither probes nor models.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from wamviz.core.environment import prepare
from wamviz.core.errors import InvalidInput, Unavailable

Q = TypeVar("Q")
A = TypeVar("A")
MOST = 64
_answer: Callable[[Any], Any] | None = None  # of this worker process: it keeps what it needs at hand


def check_workers(count: int) -> int:
    """The number of workers.

    Raises:
        InvalidInput: nobody would work, or nobody could stand it.
    """
    if not 1 <= count <= MOST:
        raise InvalidInput(f"{count} workers cannot run a suite.", f"Give 1 .. {MOST}; about one a GPU, or a core.")
    return count


def answer_all(questions: Sequence[Q], workers: int, make: Callable[[], Callable[[Q], A]]) -> Iterator[A]:
    """Answer questions in ``workers`` processes.

    Args:
        questions: in the order in which they are begun.
        make: called once in each process, returns what answers one; it and they have to be picklable.

    Raises:
        Unavailable: a worker died.
    """
    spawn = multiprocessing.get_context("spawn")  # a forked graphics context is not usable
    pool = ProcessPoolExecutor(workers, spawn, initializer=_start, initargs=(make,))
    try:
        for future in as_completed([pool.submit(_ask, question) for question in questions]):
            yield future.result()
    except BrokenProcessPool as error:
        raise Unavailable(
            "A worker died, perhaps for want of memory. What was done is kept.",
            "Run the same again with fewer --workers.",
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _start(make: Callable[[], Callable[[Any], Any]]) -> None:
    global _answer
    prepare()
    _answer = make()


def _ask(question: Any) -> Any:
    assert _answer is not None
    return _answer(question)
