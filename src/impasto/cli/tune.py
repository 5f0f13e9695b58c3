"""`impasto tune`: the search for the recipe that suits one pair, and the painting of what it found."""

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from impasto.cli import asking
from impasto.cli import shared_options as given
from impasto.cli.option_groups import with_group
from impasto.cli.resources import load_torch
from impasto.cli.series_options import PictureSeriesOptions
from impasto.cli.session import write_out
from impasto.cli.sources import choose
from impasto.errors import UsageError
from impasto.events import notice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from impasto.cli.session import Session
    from impasto.events import Progress
    from impasto.executors import Executor
    from impasto.tuning import Scores, Trial, Tuning
    from impasto.tuning.draft import Order

app = typer.Typer(add_completion=False)


@app.command()
@with_group("options", PictureSeriesOptions)
def tune(
    ctx: typer.Context,
    options: PictureSeriesOptions,
    content: given.Photograph,
    style: Annotated[str, typer.Argument(help="The painting whose style is taken.")],
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FOLDER", help="Where all goes; else CONTENT_STYLE_tuned.")
    ] = None,
    budget: Annotated[
        str, typer.Option("--budget", metavar="COUNT|TIME", help="Drafts, or a time for them: 40, 5min, 1h.")
    ] = "40",
    methods: Annotated[
        str | None, typer.Option("--methods", metavar="NAME,NAME,...", help="Methods that are tried; else the best.")
    ] = None,
    fix: Annotated[
        list[str] | None,
        typer.Option("--fix", metavar="KEY=VALUE", help="A setting that is not searched; repeat for more."),
    ] = None,
    like: Annotated[
        str | None, typer.Option("--like", metavar="PICTURE", help="A result whose look is wanted, of any photograph.")
    ] = None,
    choice: Annotated[
        str, typer.Option("--paint", metavar="balanced|faithful|bold|none", help="What is painted at full size.")
    ] = "",
    draft_size: Annotated[
        int, typer.Option("--draft-size", min=48, max=4096, metavar="PIXELS", help="Long side of the drafts.")
    ] = 256,
    ask: Annotated[bool, typer.Option("--ask", help="Ask which of two drafts is better; paint your choice.")] = False,
    page: Annotated[bool, typer.Option("--page", help="Ask on a page in the browser instead of here.")] = False,
    recipe: given.RecipeFile = None,
    preset: given.Preset = None,
    port: given.Port = 8765,
    no_browser: given.NoBrowser = False,
) -> None:
    """Search for the recipe that suits a photograph and a painting, and paint it.

    impasto tune photo.jpg painting.jpg --budget 40 -o tuned

    Small drafts are painted and measured: first the size of the style's features, then methods, strengths, layers and
    colours. The best are painted again, larger, and compared. The folder gets a sheet, and recipes called faithful,
    balanced and bold. The same command goes on where it was stopped.
    """
    folder = Path(output or f"{Path(content).stem}_{Path(style).stem}_tuned")
    session = options.begin(ctx, str(folder))
    if "-" in (content, style, like):
        raise UsageError("standard input comes once, and a search reads its pictures again; name files")
    from impasto.tuning.choice import LIKE, TASTES

    if choice not in ("", "none", *TASTES, *([LIKE] if like else [])):
        raise UsageError(f"--paint {choice}: choose from {', '.join((*TASTES, *([LIKE] if like else []), 'none'))}")
    if page:
        asking.check_page()
    fixed = _split(fix or [])
    base = choose(recipe, preset, {}).recipe
    load_torch(options.threads)

    from impasto.tuning import Budget, Tuning
    from impasto.tuning.tuning import ASKED

    session.claim(folder, doing="painting into it")
    tuning = Tuning(
        Path(content),
        Path(style),
        folder,
        budget=Budget.parse(budget),
        recipe=base,
        methods=None if methods is None else [name.strip() for name in methods.split(",")],
        fix=fixed,
        like=None if like is None else Path(like),
        size=draft_size,
        force=options.force,
        check=not options.dry_run,
        **options.reading(),
    )
    try:
        if options.dry_run:
            write_out(_plan(tuning, as_json=options.as_json))
            return
        searched = _search(tuning, session, options)
        if searched and (ask or page) and asking.ask(tuning, session, page=page, port=port, browser=not no_browser):
            choice = choice or ASKED
        painted = _paint(tuning, session, choice) if searched else None
        if options.as_json:
            write_out(json.dumps(report(tuning, painted), sort_keys=True))
    finally:
        tuning.close()
    if session.stop.asked is not None:
        raise typer.Exit(session.stop.exit_code)
    if not tuning.chosen:
        raise typer.Exit(1)


def _split(fix: list[str]) -> dict[str, str]:
    fixed: dict[str, str] = {}
    for text in fix:
        key, equals, value = text.partition("=")
        key = key.strip().replace("-", "_")
        if not key or not equals or not value.strip():
            raise UsageError(f"--fix {text}: name a setting and its value: --fix color=luminance")
        if key in fixed:
            raise UsageError(f"--fix {key} is there twice; give it once")
        fixed[key] = value.strip()
    return fixed


def _search(tuning: "Tuning", session: "Session", options: PictureSeriesOptions) -> bool:
    """Search, and write what there is; return whether there is something to go on with.

    Ctrl-C ends the search in order, with what there is.
    """
    terminal = session.terminal
    # From here on Ctrl-C means: enough, keep what there is.
    with session.stop.gently():
        if tuning.trials:
            terminal.say(f"{len(tuning.trials)} drafts are there already")
        with _executor(options) as executor, terminal.meter() as meter:

            def watch(_order: "Order", progress: "Progress") -> bool:
                if executor is None:
                    meter.painting(progress)
                return session.stop.asked is not None

            def drawn(trial: "Trial") -> bool:
                terminal.say(_line(tuning, trial))
                return session.stop.asked is not None

            tuning.run(executor, on_draft=drawn, watch=watch)
        tuning.finish()
    if session.stop.asked is not None:
        notice(f"stopped after {len(tuning.trials)} drafts; the same command goes on from there")
        return False
    if not tuning.chosen:
        notice(f"none of {len(tuning.trials)} drafts could be measured; see {tuning.folder / 'drafts.csv'}")
    else:
        said = [tuning.folder / "sheet.png", *(tuning.folder / f"{name}.toml" for name in tuning.chosen)]
        terminal.say(f"saved {', '.join(map(str, said))}")
    return bool(tuning.chosen)


def _paint(tuning: "Tuning", session: "Session", choice: str) -> Path | None:
    """Paint the choice at full size; None where none is wanted, or Ctrl-C stopped it."""
    if choice == "none" or session.stop.asked is not None:
        return None
    name = choice or tuning.favorite
    session.terminal.say(f"painting {name} at full size")
    with session.stop.gently(), session.terminal.meter() as meter:

        def watch(progress: "Progress") -> bool:
            meter.painting(progress)
            return session.stop.asked is not None

        painted = tuning.paint(name, watch)
    if painted is None:
        notice(f"stopped while {name} was painted; the same command paints it")
    else:
        session.terminal.say(f"saved {painted}")
    return painted


@contextlib.contextmanager
def _executor(options: PictureSeriesOptions) -> "Iterator[Executor | None]":
    """Return what paints drafts side by side; None where one after another is asked for."""
    if options.workers == 1:
        yield None
        return
    from impasto.executors import processes

    with processes(workers=options.workers, threads=options.threads) as executor:
        yield executor


def _line(tuning: "Tuning", trial: "Trial") -> str:
    """Say how a draft went, and how long the search may still take."""
    from impasto.tuning.outputs import describe

    told = {"pruned": "behind after its coarse level", "failed": f"failed: {trial.note}"}.get(trial.state, "")
    if trial.look is not None:
        told = _scores(trial.look.scores) or f"failed: {trial.look.note}"
        return f"again at {tuning.larger} px  {describe(trial)}: {told}"
    total = f"/{tuning.budget.drafts}" if tuning.budget.drafts else ""
    left = f"  (about {_minutes(tuning.left_s)} left)" if tuning.left_s else ""
    return f"draft {len(tuning.trials)}{total}  {describe(trial)}: {_scores(trial.scores) or told}{left}"


def _scores(scores: "Scores | None") -> str:
    """Return scores in words; empty where there are none."""
    if scores is None:
        return ""
    parts = [f"{name} {value:.2f}" for name, value in vars(scores).items()]
    return "  ".join([*parts, f"balanced {scores.mean():.3f}"])


def report(tuning: "Tuning", painted: Path | None) -> dict[str, Any]:
    """Return all that a search found, as JSON can hold it."""
    from impasto.tuning.outputs import rows

    chosen = {
        name: {
            "draft": trial.number,
            "recipe": tuning.recipe(trial).model_dump(mode="json"),
            "file": str(tuning.folder / f"{name}.toml"),
        }
        for name, trial in tuning.chosen.items()
    }
    return {
        "chosen": chosen,
        "drafts": rows(tuning.trials, tuning.chosen),
        "finished": tuning.over,
        "folder": str(tuning.folder),
        "painted": None if painted is None else str(painted),
        "seconds": round(tuning.seconds, 2),
        "sheet": str(tuning.folder / "sheet.png"),
    }


def _plan(tuning: "Tuning", *, as_json: bool) -> str:
    """Describe what would be searched."""
    from impasto.tuning.space import ORDER

    space, seconds = tuning.space, tuning.estimate_s()
    things = [name for name in ORDER if any(len(space.values(name, method)) > 1 for method in space.methods)]
    if as_json:
        plan = {
            "budget": {"drafts": tuning.budget.drafts, "seconds": tuning.budget.seconds},
            "folder": str(tuning.folder),
            "methods": list(space.methods),
            "searched": things,
            "seconds": round(seconds, 1),
            "size": tuning.size,
            "size_again": tuning.larger,
        }
        return json.dumps(plan, sort_keys=True)
    lines = [
        f"budget     {tuning.budget}, {tuning.size} px each, then the best again at {tuning.larger} px",
        f"time       about {_minutes(seconds)}",
        f"searched   {', '.join(things)}",
        f"methods    {', '.join(space.methods)}",
        f"folder     {tuning.folder}",
    ]
    return "\n".join(lines)


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
