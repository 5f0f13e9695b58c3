"""`impasto compare`: folders of pictures judged blind, pair by pair, on a page of this machine."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from impasto.cli import shared_options as given
from impasto.cli.asking import check_page
from impasto.cli.session import write_out
from impasto.errors import UsageError

if TYPE_CHECKING:
    from impasto.cli.session import Session
    from impasto.comparison import FolderBallot

app = typer.Typer(add_completion=False)


@app.command()
def compare(
    ctx: typer.Context,
    folders: Annotated[list[str], typer.Argument(metavar="DIR DIR [DIR ...]", help="Folders, or NAME=DIR.")],
    votes: Annotated[
        str, typer.Option("--votes", metavar="FILE", help="File of the votes; those that are in it already count.")
    ] = "votes.jsonl",
    content: Annotated[
        str | None,
        typer.Option("--content", metavar="DIR", help="Photographs to show between the two: cat for cat_swirls."),
    ] = None,
    style: Annotated[
        str | None,
        typer.Option("--style", metavar="DIR", help="Paintings to show between the two: swirls for cat_swirls."),
    ] = None,
    pairs: Annotated[
        int | None, typer.Option("--pairs", min=1, help="So many pairs at most, drawn at random; each is shown twice.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Another order of the pairs and sides.")] = 0,
    table: Annotated[bool, typer.Option("--table", help="Print what the votes say so far, and show no page.")] = False,
    port: given.Port = 8765,
    no_browser: given.NoBrowser = False,
    as_json: given.Json = False,
    quiet: given.Quiet = False,
) -> None:
    """Judge pictures of the same names in two or more folders, blind and pair by pair, on a page of this machine.

    impasto compare report/gatys report/wct
    """
    session: Session = ctx.obj
    session.terminal.quiet = quiet
    if not table:
        check_page()
    if not votes:
        raise UsageError("--votes: the file has no name")
    from impasto.comparison import FolderBallot, common_names, label_folders, match_inputs, schedule

    sides = label_folders(folders)
    pictures = common_names(sides)
    session.claim(votes, doing="collecting votes in it")
    ballot = FolderBallot(
        pictures,
        schedule(list(pictures), list(sides), seed=seed, most=pairs),
        Path(votes),
        contents={} if content is None else match_inputs(Path(content), list(pictures), "content"),
        styles={} if style is None else match_inputs(Path(style), list(pictures), "style"),
    )
    try:
        if not table:
            from impasto.studio.ballot import serve

            session.terminal.say(
                f"{len(pictures)} pictures of {len(sides)} folders, {ballot.total - ballot.number} pairs to judge; "
                "keys: 1 left, 2 right, 0 no difference, Backspace takes back; Ctrl-C ends, and every vote is kept"
            )
            # Ctrl-C is one way to say that it is enough; the table follows.
            with session.stop.gently():
                serve(ballot, session.terminal.say, port=port, browser=not no_browser)
        write_out(_document(ballot) if as_json else _table(ballot))
    finally:
        ballot.close()
    if session.stop.exit_code:
        raise typer.Exit(session.stop.exit_code)


def _table(ballot: "FolderBallot") -> str:
    """Lay out the scores, with what tells how far they can be trusted."""
    scores = ballot.scores()
    width = max(4, *(len(score.name) for score in scores))
    lines = [f"{'name':<{width}}  score  95 % interval    won  tied  lost"]
    for score in scores:
        lines.append(
            f"{score.name:<{width}}  {score.score:+.2f}  {score.low:+.2f} to {score.high:+.2f}  "
            f"{score.wins:>4} {score.ties:>5} {score.losses:>5}"
        )
    both, alike, left = ballot.steadiness()
    cast = len(ballot.votes)
    lines.append(f"{cast} votes, {left} of them for the left side; {alike} of {both} pairs judged alike both ways")
    return "\n".join(lines)


def _document(ballot: "FolderBallot") -> str:
    both, alike, left = ballot.steadiness()
    return json.dumps(
        {
            "left": left,
            "pairs_judged_alike": alike,
            "pairs_seen_both_ways": both,
            "scores": ballot.summary(),
            "total": ballot.total,
            "votes": len(ballot.votes),
        },
        sort_keys=True,
    )
