"""How `impasto tune --ask` asks which of two drafts is better: in the terminal, which opens them, or on a page."""

import contextlib
import importlib.util
import sys
import time
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

from impasto.errors import UsageError
from impasto.events import notice

if TYPE_CHECKING:
    from impasto.cli.session import Session
    from impasto.comparison.votes import Choice
    from impasto.tuning import Tuning
    from impasto.tuning.questions import DraftBallot

NEEDED = ("fastapi", "uvicorn")
"""What the page is made with."""
QUESTION = "question.png"
"""The picture that the terminal asks about, in the folder of the search."""
HEIGHT = 400
"""Height of its pictures in pixels at most: four of them beside one another fit a screen."""
ANSWERS: "dict[str, Choice]" = {"1": "left", "2": "right", "0": "tie"}


def check_page() -> None:
    """Raise `UsageError` where what the page is made with is missing."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(
            f"the page needs {' and '.join(missing)}, not installed here; run: pip install 'impasto[studio]'"
        )


def ask(tuning: "Tuning", session: "Session", *, page: bool, port: int, browser: bool) -> bool:
    """Ask until enough is known, and keep the recipe of the draft that is preferred; return whether there is one.

    Ctrl-C, the end of the input and `q` are ways to say that it is enough.
    """
    with contextlib.closing(tuning.ballot()) as ballot:
        if ballot.over:
            session.terminal.say(f"{ballot.number} answers are there already, and enough")
        elif page:
            from impasto.studio.ballot import serve

            with session.stop.gently():
                serve(ballot, session.terminal.say, port=port, browser=browser)
        else:
            _in_terminal(tuning, ballot, session, browser=browser)
        winner = ballot.winner
        if winner is None:
            notice("no question was answered, so nothing was preferred")
            return False
        kept = tuning.keep(winner)
        tuning.finish()
        session.terminal.say(
            f"{ballot.number} answers: draft {winner.number} is the best with a probability of {ballot.certainty:.0%}; "
            f"saved {kept}"
        )
    return True


def _in_terminal(tuning: "Tuning", ballot: "DraftBallot", session: "Session", *, browser: bool) -> None:
    """Ask questions on stderr, and read the answers from stdin."""
    say = session.terminal.say
    say("which is the better painting? 1 left, 2 right, 0 no difference, u takes back, q is enough")
    while not ballot.over:
        began = time.monotonic()
        path = _draw(tuning, ballot)
        say(f"question {ballot.number + 1} of at most {ballot.total}: {path}")
        if browser and not webbrowser.open(path.absolute().as_uri()):
            browser = False
            say(f"nothing here opens pictures: look at {path}, which changes with each question")
        answer = _read()
        while answer is not None and answer not in (*ANSWERS, "u", "q"):
            say("give 1, 2, 0, u or q")
            answer = _read()
        if answer is None or answer == "q":
            return
        if answer == "u":
            ballot.undo()
        else:
            ballot.vote(ANSWERS[answer], time.monotonic() - began)


def _draw(tuning: "Tuning", ballot: "DraftBallot") -> Path:
    """Write the picture of the question that waits: the photograph, the two drafts, and the painting."""
    from impasto import files, images
    from impasto.images import Tile

    left, right = (ballot.picture(ballot.number, side) for side in ("left", "right"))
    tiles = [
        Tile(tuning.content, "photograph"),
        Tile(None if left is None else images.load(left), "1 left"),
        Tile(None if right is None else images.load(right), "2 right"),
        Tile(tuning.style, "painting"),
    ]
    path = tuning.folder / QUESTION
    files.drop_link(path)
    images.save(images.contact_sheet([tiles], height=HEIGHT, title=ballot.title), path, force=True)
    return path


def _read() -> str | None:
    """Return a line of stdin without what surrounds it, in lower case; None at its end."""
    line = sys.stdin.readline() if sys.stdin is not None else ""
    return line.strip().lower() if line else None
