"""`Tuning`: a search for the recipe of one pair, draft by draft, and what it ends in."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from impasto import files, images
from impasto.encoders import Encoder
from impasto.errors import OutputError, UsageError
from impasto.events import Progress
from impasto.executors import Executor, InProcess, Work
from impasto.executors.painter import Painter
from impasto.images import Picture
from impasto.painting.api import begin_with
from impasto.recipe import Recipe
from impasto.scene.inputs import Inputs
from impasto.scene.painting import Painting
from impasto.scene.resolve import PictureLike
from impasto.series import paint_work
from impasto.series.grid import Job
from impasto.series.measuring import without_notices
from impasto.tuning import outputs
from impasto.tuning.budget import Budget
from impasto.tuning.choice import LIKE, TASTES, choose, pareto
from impasto.tuning.draft import SIZE, Drafter, DraftWork, Order, Outcome, draft_recipe, paint_all
from impasto.tuning.finals import FINALISTS, FOLDER, final_recipe, finalists
from impasto.tuning.questions import DraftBallot
from impasto.tuning.search import floor, opening, settled_words, twin
from impasto.tuning.space import Point, Space
from impasto.tuning.study import Study, Trial

SMALLEST = 48
"""Long side of a draft in pixels at least: of a smaller one, metrics of whole pictures have nothing to look at."""
ASKED = "asked"
"""The name of the draft that a person preferred."""
REPEATS = 20
"""Times in a row that the same point may come up before a search is taken to have seen everything."""


class Tuning:
    """A search in progress: `advance` paints a draft, `finish` writes what there is, `paint` the chosen at full size.

    `recipe` is what is painted without a search: its settings hold where they are not searched. `fix`: recipe keys that
    are not to be searched, with their values. `methods`: those that are tried; None: the best ones. `like`: a picture
    whose statistics the result shall have. `size`: long side of the drafts. `encoder`: what the metrics look with.
    `force` begins anew in a folder with another search; `check` false reads and writes nothing there.

    The folder remembers every draft, so that the same search goes on where it was stopped. Raises `ImpastoError`s
    before anything is painted: `UsageError` for what cannot be searched, `ImageError` for pictures that cannot be read,
    `OutputError` for the folder, `ResourceError` where Optuna is missing.
    """

    def __init__(
        self,
        content: PictureLike,
        style: PictureLike,
        folder: str | Path,
        *,
        budget: str | int | Budget = 40,
        recipe: Recipe | None = None,
        methods: Sequence[str] | None = None,
        fix: Mapping[str, Any] | None = None,
        like: PictureLike | None = None,
        size: int = SIZE,
        encoder: str | Path | Encoder = "auto",
        force: bool = False,
        check: bool = True,
        max_pixels: int = images.DEFAULT_MAX_PIXELS,
        allow_truncated: bool = False,
    ) -> None:
        self.budget, self.folder, self.size = Budget.parse(budget), Path(folder), size
        if size < SMALLEST:
            raise UsageError(f"size={size}: drafts need at least {SMALLEST} px")
        self.space = Space.of(recipe or Recipe.parse({}), methods, fix)

        def load(source: PictureLike) -> Picture:
            if isinstance(source, Picture):
                return source
            return images.load(source, max_pixels=max_pixels, allow_truncated=allow_truncated)

        self.content, self.style = load(content), load(style)
        self.like = None if like is None else load(like)
        self._pair = content, style
        self._sources = [files.identity(one) for one in (content, style, like) if isinstance(one, str | Path)]
        self._check_outputs(write=check)
        self._encoder = encoder
        self._drafter = Drafter(self.content, self.style, self.like, encoder)
        # What the first draft refuses, all would: too narrow pictures, a preset that no method can use.
        with without_notices():
            self._first_draft()
        self._study = Study(self.folder, self._identity(), force=force) if check else None
        self._trials = [] if self._study is None else self._study.trials
        self._repeats = 0
        self._asked: Trial | None = None

    @property
    def trials(self) -> list[Trial]:
        """The drafts that were settled, in order: painted, given up, or failed."""
        return list(self._trials)

    @property
    def seconds(self) -> float:
        """Seconds that the drafts took together, those of earlier calls too."""
        return sum(trial.seconds for trial in self._trials)

    @property
    def over(self) -> bool:
        """Whether the budget is spent, or there is nothing new to try."""
        return self.budget.spent(len(self._trials), self.seconds) or self._repeats >= REPEATS

    @property
    def left_s(self) -> float:
        """Estimated seconds until the budget is spent; 0 before the first draft."""
        return self.budget.left(len(self._trials), self.seconds)

    @property
    def front(self) -> list[Trial]:
        """The drafts that no other one beats in content, style, faults and cost."""
        return pareto(self._trials)

    @property
    def chosen(self) -> dict[str, Trial]:
        """The draft of each taste, by its name, and the one that a person preferred; empty where none was measured.

        Drafts that were looked at again are chosen by what they were worth then, and before those that were not.
        """
        chosen = choose(self._trials, like=self.like is not None)
        return chosen if self._asked is None else chosen | {ASKED: self._asked}

    @property
    def larger(self) -> int:
        """The long side in pixels at which the best drafts are looked at again."""
        return int(final_recipe(self.space.recipe(self.space.start), self.size).size)

    @property
    def unseen(self) -> list[Trial]:
        """The drafts that are worth a second look and have had none."""
        return [trial for trial in finalists(self._trials, like=self.like is not None) if trial.look is None]

    @property
    def about(self) -> str:
        """What the search is about, in words."""
        return f"{self.content.name} in the style of {self.style.name}"

    @property
    def favorite(self) -> str:
        """The name of the choice that is painted unless another is asked for."""
        return LIKE if self.like is not None else next(iter(TASTES))

    def recipe(self, trial: Trial) -> Recipe:
        """Return the recipe of a draft, as it is painted at full size."""
        return self.space.recipe(trial.point)

    def advance(self, watch: Callable[[Progress], object] | None = None) -> Trial | None:
        """Paint the next draft; None where it was stopped, or the search is over.

        `watch` sees every step, and stops the draft by returning True; it is begun anew another time.
        """
        if self.over:
            return None
        order = self._next(())
        if isinstance(order, Trial):
            return order
        outcome = self._drafter.paint(order, watch)
        return self._settle(order, outcome)

    def run(
        self,
        executor: Executor | None = None,
        *,
        on_draft: Callable[[Trial], object] | None = None,
        watch: Callable[[Order, Progress], object] | None = None,
    ) -> bool:
        """Search until the budget is spent, then look again at the best drafts; return whether all of that is done.

        With an `executor`, drafts are painted side by side, and which ones are tried depends on which are ready first.
        `on_draft` sees every draft, and again those that were looked at a second time, by their `look`; `watch` sees
        every step. The search stops when either returns True.
        """
        if not self._search(executor, on_draft, watch):
            return False
        return self._look_again(executor, on_draft, watch)

    def _search(
        self,
        executor: Executor | None,
        on_draft: Callable[[Trial], object] | None,
        watch: Callable[[Order, Progress], object] | None,
    ) -> bool:
        """Paint drafts until the budget is spent; return whether it is, and nobody stopped the search."""
        running: dict[int, Order] = {}
        stopped = False

        def orders() -> Iterator[Order]:
            nonlocal stopped
            while not self._full(len(running)):
                order = self._next([order.point for order in running.values()])
                if isinstance(order, Order):
                    running[order.number] = order
                    yield order
                elif on_draft is not None and on_draft(order) is True:
                    stopped = True
                    return

        try:
            for order, outcome in paint_all(self._work(executor), orders(), executor, watch):
                trial = self._settle(running.pop(order.number), outcome)
                if trial is None or (on_draft is not None and on_draft(trial) is True):
                    stopped = True
                    break
        finally:
            # What was begun and has no outcome is asked for another time.
            for number in running:
                with contextlib.suppress(OutputError):
                    self._opened().drop(number)
        return self.over and not stopped

    def _look_again(
        self,
        executor: Executor | None,
        on_draft: Callable[[Trial], object] | None,
        watch: Callable[[Order, Progress], object] | None,
    ) -> bool:
        """Paint the best drafts again, larger; return whether all of them were."""

        def orders() -> Iterator[Order]:
            for trial in self.unseen:
                path = self.folder / FOLDER / f"{trial.number:04}.png"
                yield Order(trial.number, trial.point, final_recipe(self.recipe(trial), self.size), path)

        places = {trial.number: place for place, trial in enumerate(self._trials)}
        for order, outcome in paint_all(self._work(executor), orders(), executor, watch):
            if outcome.state == "stopped":
                return False
            place = places[order.number]
            file = self._file(order, outcome)
            self._trials[place] = self._opened().look(self._trials[place], outcome, file)
            if on_draft is not None and on_draft(self._trials[place]) is True:
                break
        return not self.unseen

    def finish(self) -> None:
        """Write the table, a recipe for each taste, and the sheet of the front, of what there is."""
        chosen = self.chosen
        outputs.write_table(self.folder, self._trials, chosen)
        for name, trial in chosen.items():
            self.keep(trial, name)
        if chosen:
            again = sum(trial.look is not None for trial in self._trials)
            note = f"{self.about} · {len(self._trials)} drafts of {self.size} px · {self.seconds:.0f} s"
            note += f" · {again} again at {self.larger} px" if again else ""
            inputs = [("photograph", self.content), ("painting", self.style)]
            inputs += [] if self.like is None else [("reference", self.like)]
            sheet = outputs.draw(self.folder, self._trials, chosen, inputs, note, size=self.size)
            files.drop_link(self.folder / outputs.SHEET)
            images.save(sheet, self.folder / outputs.SHEET, force=True)

    def paint(self, name: str | None = None, watch: Callable[[Progress], object] | None = None) -> Path | None:
        """Paint a choice at full size as `NAME.png`, unless that is there; None where there is none, or it was stopped.

        `watch` sees every step, and stops by returning True. Raises `UsageError` for a name that is no choice.
        """
        chosen = self.chosen
        name = name or self.favorite
        if not chosen:
            return None
        if name not in chosen:
            raise UsageError(f"'{name}' is no choice; choose from {', '.join(chosen)}")
        return self.paint_recipe(self.recipe(chosen[name]), self.folder / f"{name}.png", watch)

    def paint_recipe(
        self, recipe: Recipe, path: Path, watch: Callable[[Progress], object] | None = None
    ) -> Path | None:
        """Paint the pair by a recipe at full size, unless that picture is there; None where it was stopped."""
        order = paint_work.Order(Job(Inputs(self.content, [self.style]), recipe), path, keep=True, partly=False)
        executor, see = InProcess(), None if watch is None else lambda _index, _order, progress: watch(progress)
        for done in executor.run(paint_work.maker(executor, Painter()), [order], watch=see):
            if done.error is not None:
                raise done.error
            if done.value.record is None:
                return None
        return path

    def estimate_s(self) -> float:
        """Estimate the seconds of the drafts that are left and of the second look, by timing a part of the first."""
        with without_notices():
            again = len(self.unseen) if self.over else min(FINALISTS, self.budget.drafts or FINALISTS)
            recipe = final_recipe(self.space.recipe(self.space.start), self.size)
            looks = self._begin(recipe).seconds() * again if again > 1 else 0.0
            if self._trials or self.budget.seconds is not None:
                return self.left_s + looks
            return (self.budget.drafts or 0) * self._first_draft().seconds() + looks

    def ballot(self) -> DraftBallot:
        """Return questions about the drafts, for a person to answer. Raises what `DraftBallot` does."""
        content, style = (Path(source) if isinstance(source, str | Path) else None for source in self._pair)
        return DraftBallot(self.folder, self._trials, like=self.like is not None, content=content, style=style)

    def keep(self, trial: Trial, name: str = ASKED) -> Path:
        """Write the recipe of a draft under a name, by default as the one that a person preferred; return its file."""
        if name == ASKED:
            self._asked = trial
        path = self.folder / f"{name}.toml"
        outputs.write_recipe(path, name, self.recipe(trial), trial, self.about)
        return path

    def close(self) -> None:
        """Let other processes have the folder."""
        if self._study is not None:
            self._study.close()

    def _first_draft(self) -> Painting:
        return self._begin(draft_recipe(self.space.recipe(self.space.start), self.size))

    def _begin(self, recipe: Recipe) -> Painting:
        return begin_with(Inputs(self.content, [self.style]), recipe)

    def _full(self, running: int) -> bool:
        """Return whether no draft may begin beside so many that are running."""
        return self.budget.spent(len(self._trials) + running, self.seconds) or self._repeats >= REPEATS

    def _next(self, running: Sequence[Point]) -> Order | Trial:
        """Begin a trial: return what is to be painted, or the trial where the same was painted before."""
        study = self._opened()
        following = opening(self.space, self._trials, running)
        keep = None if following is not None else settled_words(self.space, self._trials)
        number, point = study.ask(self.space, following, self.space.base.seed, keep)
        if (same := twin(self._trials, point)) is not None:
            self._repeats += 1
            trial = study.settle(number, point, Outcome(same.state, same.scores, same.coarse), same.file)
            self._trials.append(trial)
            return trial
        self._repeats = 0
        recipe = draft_recipe(self.space.recipe(point), self.size)
        path = self.folder / outputs.DRAFTS / f"{number:04}.png"
        return Order(number, point, recipe, path, floor(self._trials, str(point["method"])))

    def _settle(self, order: Order, outcome: Outcome) -> Trial | None:
        """Record how a draft went; one that was stopped leaves none."""
        if outcome.state == "stopped":
            self._opened().drop(order.number)
            return None
        trial = self._opened().settle(order.number, order.point, outcome, self._file(order, outcome))
        self._trials.append(trial)
        return trial

    def _work(self, executor: Executor | None) -> Callable[[], Work]:
        """Return what makes the work of a process: here, with the pictures and encoders that are loaded."""
        if executor is None:
            return lambda: self._drafter.work
        return partial(DraftWork, self.content, self.style, self.like, self._encoder)

    def _file(self, order: Order, outcome: Outcome) -> str:
        """Return the name of a draft's picture in the folder; empty where there is none."""
        return order.path.relative_to(self.folder).as_posix() if outcome.scores is not None else ""

    def _opened(self) -> Study:
        if self._study is None:
            raise UsageError("a search that was begun with check=False only says what it would paint")
        return self._study

    def _check_outputs(self, *, write: bool) -> None:
        """Raise `OutputError` where something cannot be written, or would take the place of an input."""
        names = [*TASTES, LIKE, ASKED]
        written = [self.folder / outputs.SHEET, self.folder / outputs.TABLE]
        written += [self.folder / f"{name}{suffix}" for name in names for suffix in (".toml", ".png")]
        for path in written:
            if files.identity(path) in self._sources:
                raise OutputError(f"{path}: is also an input; name another folder")
        if write:
            files.check_output(written[0], force=True)

    def _identity(self) -> dict[str, Any]:
        """Return what the search is about: with anything else, its trials would say nothing of this one."""
        return {
            "content": self.content.sha256,
            "style": self.style.sha256,
            "like": None if self.like is None else self.like.sha256,
            "recipe": self.space.base.model_dump(mode="json"),
            "methods": list(self.space.methods),
            "fixed settings": dict(self.space.fixed),
            "size of drafts": self.size,
            "metrics": self._drafter.setting,
        }
