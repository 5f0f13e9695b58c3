"""The journal of a search, and the one module that knows Optuna: trials are asked for, settled, and found again.

The journal is a file of lines that are appended, one for each thing that happened. A trial that a killed process left
unsettled is closed and counts for nothing, so that it is asked for again with the same values: what is drawn at random
depends on the seed and on the trials that were settled, and on nothing else.
"""

import contextlib
import json
import math
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from impasto import files
from impasto.errors import OutputError, ResourceError
from impasto.tuning.draft import Outcome, State
from impasto.tuning.score import Scores
from impasto.tuning.space import ORDER, Point, Space

NAME = "search.journal"
FORMAT = 2
"""Version of what a search means: its space, scores and journal. A journal of another one is refused."""
INSTALL = "pip install 'impasto[tune]'"
"""The command that installs Optuna."""
STARTUP = 8
"""Settled trials from which on what is drawn follows a model of them; before, it is drawn evenly."""
_STUDY = "impasto"
_IDENTITY, _DRAFT = "identity", "draft"
_OF = " of "
_LOOK = "look "
"""Before the number of the draft, the name of what the second look at it found."""
_FOREIGN = "is no journal of a search; name another folder, or pass --force to begin anew"
_BEGINS = b'{"op_code":0,'
"""What a journal begins with: the line by which its study was created."""


@dataclass(frozen=True)
class Look:
    """A second look at a draft: the same recipe painted larger, and what it was worth then."""

    scores: Scores | None
    seconds: float = 0.0
    note: str = ""
    """Why it failed."""
    file: str = ""
    """Its picture, by its name in the folder; empty where there is none."""


@dataclass(frozen=True)
class Trial:
    """One draft of a search: where it stands in the space, and how it went."""

    number: int
    point: Point
    state: State
    scores: Scores | None = None
    coarse: float | None = None
    seconds: float = 0.0
    note: str = ""
    file: str = ""
    """Its picture, by its name in the folder; empty where there is none."""
    look: Look | None = None
    """What was seen of it the second time; None: it was not looked at again."""

    @property
    def judged(self) -> Scores | None:
        """The scores that count: those of the second look, else the draft's; None where there are none."""
        return self.scores if self.look is None or self.look.scores is None else self.look.scores

    @property
    def value(self) -> float:
        """The balanced score; minus infinity where there is none."""
        return -math.inf if self.scores is None else self.scores.mean()


class Study:
    """The trials of a folder, open for more. Only one process has it at a time.

    `identity` is what the search is about; a journal of another is refused, and with `force` begun anew. Raises
    `ResourceError` where Optuna is missing, `OutputError` for a journal that cannot be used.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any], *, force: bool = False) -> None:
        self.path = folder / NAME
        optuna = _optuna()
        self._claim = contextlib.ExitStack()
        self._claim.enter_context(files.claimed(self.path, "another search is running in this folder; wait for it"))
        try:
            self._open(optuna, identity, force=force)
        except BaseException:
            self._claim.close()
            raise

    def _open(self, optuna: Any, identity: Mapping[str, Any], *, force: bool) -> None:
        identity = json.loads(json.dumps({"format": FORMAT, **identity}))
        with self._writing():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if force:
                self.path.unlink(missing_ok=True)
            if not _mend(self.path):
                raise OutputError(f"{self.path}: {_FOREIGN}")
            backend = optuna.storages.journal.JournalFileBackend(str(self.path), lock_obj=_Claimed())
            try:
                storage = optuna.storages.JournalStorage(backend)
                with _silence():
                    self._study: Any = optuna.create_study(
                        storage=storage, study_name=_STUDY, direction="maximize", load_if_exists=True
                    )
                    known = self._study.user_attrs.get(_IDENTITY)
            except (ValueError, KeyError, TypeError, AttributeError, AssertionError, IndexError):
                raise OutputError(f"{self.path}: {_FOREIGN}") from None
            if known is None:
                self._study.set_user_attr(_IDENTITY, identity)
            elif known != identity:
                raise OutputError(
                    f"{self.path}: {_difference(known, identity)}; name another folder, or pass --force to begin anew"
                )
            # What a killed process left: it has no record, so that it is not among `trials`.
            for trial in self._study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
                self._study.tell(trial.number, state=optuna.trial.TrialState.FAIL)

    @property
    def trials(self) -> list[Trial]:
        """The trials that were settled, in order."""
        drafts = ((trial.number, trial.user_attrs.get(_DRAFT)) for trial in self._study.get_trials(deepcopy=False))
        states = {trial.number: trial.state.is_finished() for trial in self._study.get_trials(deepcopy=False)}
        settled = [_trial(number, draft) for number, draft in drafts if draft is not None and states[number]]
        told = self._study.user_attrs
        return [replace(trial, look=_look(told.get(f"{_LOOK}{trial.number}"))) for trial in settled]

    def ask(self, space: Space, point: Point | None, seed: int, keep: Point | None = None) -> tuple[int, Point]:
        """Begin a trial at `point`, or where the trials so far promise most; return its number and its point.

        `keep`: what is not drawn where there is no point.
        """
        optuna = _optuna()
        settled = len(self.trials)
        with self._writing(), _silence():
            if point is not None:
                self._study.sampler = _fixed_sampler(optuna, point)
            else:
                drawn = optuna.samplers.TPESampler(
                    seed=(seed * 1_000_003 + settled) % 2**32, n_startup_trials=STARTUP, multivariate=True, group=True
                )
                self._study.sampler = drawn
                if keep:
                    method = str(keep["method"])
                    fixed = {
                        name if name == "method" else _parameter(space, name, method): value
                        for name, value in keep.items()
                    }
                    self._study.sampler = optuna.samplers.PartialFixedSampler(fixed, drawn)
            trial = self._study.ask()
            return trial.number, _suggest(trial, space)

    def settle(self, number: int, point: Point, outcome: Outcome, file: str) -> Trial:
        """Record how a trial went; it is on the disk when this returns."""
        states = _optuna().trial.TrialState
        draft = {**asdict(outcome), "point": dict(point), "file": file}
        with self._writing(), _silence():
            storage, trial = self._study._storage, self._study.get_trials(deepcopy=False)[number]
            storage.set_trial_user_attr(trial._trial_id, _DRAFT, draft)
            settled = _trial(number, draft)
            if outcome.scores is not None:
                self._study.tell(number, settled.value)
            elif outcome.state == "pruned" and outcome.coarse is not None:
                storage.set_trial_intermediate_value(trial._trial_id, 0, outcome.coarse)
                self._study.tell(number, state=states.PRUNED)
            else:
                self._study.tell(number, state=states.FAIL)
        return settled

    def look(self, trial: Trial, outcome: Outcome, file: str) -> Trial:
        """Record a second look at a trial; it is on the disk when this returns."""
        seen = Look(outcome.scores, outcome.seconds, outcome.note, file)
        with self._writing(), _silence():
            # Optuna's trials are closed by now; what the study knows is not.
            self._study.set_user_attr(f"{_LOOK}{trial.number}", asdict(seen))
        return replace(trial, look=seen)

    def drop(self, number: int) -> None:
        """Close a trial without a record: it was stopped, and is asked for again."""
        with self._writing(), _silence():
            self._study.tell(number, state=_optuna().trial.TrialState.FAIL)

    def close(self) -> None:
        """Let others have the journal."""
        self._claim.close()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OutputError(
                f"{self.path}: could not be written ({error.strerror or error}); make room, then run it again"
            ) from None


class _Claimed:
    """Optuna's lock of a journal, which `files.claimed` holds already: a file of its own would outlive a kill."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        return


def _optuna() -> Any:
    try:
        import optuna
    except ImportError:
        raise ResourceError(f"a search needs Optuna, which is not installed here; run: {INSTALL}") from None
    return optuna


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep Optuna from talking: of trials, and of what is experimental in it."""
    optuna = _optuna()
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)


def _fixed_sampler(optuna: Any, point: Point) -> Any:
    class Fixed(optuna.samplers.BaseSampler):  # type: ignore[misc]
        """Draws what was decided already."""

        def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, Any]:  # noqa: ARG002
            return {}

        def sample_relative(self, study: Any, trial: Any, search_space: Any) -> dict[str, Any]:  # noqa: ARG002
            return {}

        def sample_independent(self, study: Any, trial: Any, name: str, distribution: Any) -> Any:  # noqa: ARG002
            return point[name.partition(_OF)[0]]

    return Fixed()


def _parameter(space: Space, name: str, method: str) -> str:
    """Return what Optuna calls a thing of a method: where methods have other words for it, each its own name."""
    several = space.values(name, method)
    first = next(values for values in (space.values(name, other) for other in space.methods) if values)
    return name if several == first else f"{name}{_OF}{method}"


def _suggest(trial: Any, space: Space) -> Point:
    """Let a trial decide on everything that its method has, the method first."""
    method = trial.suggest_categorical("method", space.methods)
    values: dict[str, Any] = {"method": method}
    for name in ORDER:
        several = () if name == "method" else space.values(name, method)
        if not several:
            continue
        span = space.span(name)
        if span is None:
            values[name] = trial.suggest_categorical(_parameter(space, name, method), several)
        else:
            values[name] = trial.suggest_float(name, *span, log=name == "style_scale")
    return space.complete(values)


def _mend(path: Path) -> bool:
    """Cut off what a killed process, or a full disk, left of a line; false where the file is no journal."""
    if not path.exists():
        return True
    data = path.read_bytes()
    if not data.startswith(_BEGINS[: len(data)]):
        return False
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        os.truncate(path, whole)
    return True


def _trial(number: int, draft: Mapping[str, Any]) -> Trial:
    scores = None if draft["scores"] is None else Scores(**draft["scores"])
    return Trial(
        number, draft["point"], draft["state"], scores, draft["coarse"], draft["seconds"], draft["note"], draft["file"]
    )


def _look(told: Mapping[str, Any] | None) -> Look | None:
    if told is None:
        return None
    scores = None if told["scores"] is None else Scores(**told["scores"])
    return Look(scores, told["seconds"], told["note"], told["file"])


def _difference(known: Any, identity: Mapping[str, Any]) -> str:
    """Say what another search is about."""
    if not isinstance(known, Mapping) or known.get("format") != FORMAT:
        return "holds a search of another version of impasto"
    differing: Sequence[str] = [key for key in identity if known.get(key) != identity[key]]
    pictures = [key for key in differing if key in ("content", "style", "like")]
    if pictures:
        return f"holds a search for another {' and another '.join(pictures)}"
    return f"holds a search with other {', '.join(differing) or 'settings'}"
