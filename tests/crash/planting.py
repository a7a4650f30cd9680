"""Planting a bug, and sending a harness to find it.

Owns: ``Bug``; ways to put one wrong line into the program; one finder for each harness of the bank.
Must not know: which bugs there are (``bugs_*``).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from streamz_core.testing.faulty_files import FAULTS
from tests.crash import rot
from tests.crash.broker_images import Scene, judge
from tests.crash.effort import Effort
from tests.crash.errno_runs import fail_calls
from tests.crash.explore import NEVER, explore, explore_kills
from tests.crash.workloads import Workload

Plant = Callable[[pytest.MonkeyPatch], None]

QUICK = Effort(images_max=400, nested_every=NEVER, continue_every=53, kills_every=13, images_per_kill_max=60)
INSIDE_RECOVERY = Effort(images_max=150, nested_every=3, nested_max=200, continue_every=NEVER)


class Finder(NamedTuple):
    """A harness on the part of its work that must show the bug; raises ``AssertionError`` when it does."""

    harness: str
    run: Callable[[], object]


class Bug(NamedTuple):
    """A planted bug and who has to find it."""

    name: str
    plant: Plant
    found_by: Finder


# -- finders ------------------------------------------------------------------------------------------


def crash(workload: Workload) -> Finder:
    """H1 over one workload."""
    return Finder("H1 crash images", lambda: explore(workload, QUICK))


def kill(workload: Workload) -> Finder:
    """H1 with a kill before the power cut."""
    return Finder("H1 kills", lambda: explore_kills(workload, QUICK))


def kill_after_rename(workload: Workload) -> Finder:
    """H1 with a kill between a rename and the sync that makes it durable."""
    effort = dataclasses.replace(QUICK, kills_every=NEVER, images_per_kill_max=200)
    return Finder("H1 kills", lambda: explore_kills(workload, effort))


def crash_inside_recovery(workload: Workload) -> Finder:
    """H1 with a second crash inside the recovery."""
    return Finder("H1 crashes inside recovery", lambda: explore(workload, INSIDE_RECOVERY))


def broker_crash(scene: Callable[[], Scene], every: int = 1) -> Finder:
    """H1 with a broker that is asked again after the crash."""
    return Finder("H1 broker", lambda: judge(scene, every))


def errno_run(workload: Workload, fault_name: str) -> Finder:
    """H4 over one workload and fault, every call."""
    fault = next(fault for fault in FAULTS if fault.name == fault_name)
    return Finder("H4 errno", lambda: fail_calls(workload, fault))


def flips(kind: str, step: int = 1) -> Finder:
    """H5 over one kind of file."""
    return Finder("H5 rot", lambda: rot.flip_bits(kind, step, bits=1))


def swaps(kind: str) -> Finder:
    """H5 over files of a kind that were put back in each other's place."""
    return Finder("H5 rot", lambda: rot.swap_files(kind))


def model(machine: type[RuleBasedStateMachine], steps: int = 40) -> Finder:
    """H8: the state machine, without looking for the shortest example."""
    tried = settings(
        max_examples=150,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )

    def run() -> None:
        try:
            run_state_machine_as_test(machine, settings=tried)
        except Exception as refused:  # whatever the machine stumbled over
            raise AssertionError(str(refused)) from refused

    return Finder("H8 model", run)


# -- ways to plant ------------------------------------------------------------------------------------


def replace(owner: Any, name: str, make: Callable[[Any], Any]) -> Plant:
    """Plant ``make(original)`` in the place of ``owner.name``."""

    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(owner, name, make(getattr(owner, name)))

    return plant


def instead(value: Any) -> Callable[[Any], Any]:
    """Another value, whatever the original was."""
    return lambda _: value


def nothing(_: Any) -> Any:
    """A step that is left out."""
    return lambda *_args, **_named: None


def later_nothing(_: Any) -> Any:
    """A step that is left out, where it is awaited."""

    async def do(*_args: Any, **_named: Any) -> None:
        return None

    return do


def without(owner: Any, name: str) -> Callable[[Any], Any]:
    """The original, but while it runs ``owner.name`` does nothing."""

    def make(original: Any) -> Any:
        def run(*arguments: Any, **named: Any) -> Any:
            with pytest.MonkeyPatch.context() as inner:
                inner.setattr(owner, name, lambda *_args, **_named: None)
                return original(*arguments, **named)

        return run

    return make


def without_first(owner: Any, name: str) -> Callable[[Any], Any]:
    """The original, but the first call of ``owner.name`` in it does nothing."""

    def make(original: Any) -> Any:
        def run(*arguments: Any, **named: Any) -> Any:
            real, calls = getattr(owner, name), iter(range(1 << 30))
            with pytest.MonkeyPatch.context() as inner:
                inner.setattr(owner, name, lambda *given: real(*given) if next(calls) else None)
                return original(*arguments, **named)

        return run

    return make


def after(step: Callable[..., object]) -> Callable[[Any], Any]:
    """The original, and then ``step`` with its result and arguments; the result stays."""

    def make(original: Any) -> Any:
        def run(*arguments: Any, **named: Any) -> Any:
            result = original(*arguments, **named)
            step(result, *arguments)
            return result

        return run

    return make
