"""--tile, --memory and --device, and what --dry-run says of them."""

from pathlib import Path

import numpy as np
import pytest

from impasto.cli.resources import parse_bytes, parse_tile
from impasto.errors import UsageError
from impasto.optim import memory, tile_planner
from tests.cli.cli_helpers import pixels


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4GiB", 4 << 30),
        ("4g", 4 << 30),
        ("1.5 GiB", 3 << 29),
        ("500MB", 500_000_000),
        ("64 mib", 64 << 20),
        ("2TB", 2 * 10**12),
        ("123456", 123456),
        ("1k", 1024),
        ("7b", 7),
        (None, None),
    ],
)
def test_amounts_of_memory(text, expected):
    assert parse_bytes(text) == expected


@pytest.mark.parametrize("text", ["", "lots", "-4GiB", "4 gigs", "GiB", "1e9", "0", "0.2b", "4GiBB", "٤GiB", "9" * 400])
def test_what_is_no_amount_is_refused(text):
    with pytest.raises(UsageError, match=r"--memory .* give one like 4GiB"):
        parse_bytes(text)


def test_tiles_are_words_or_pixels():
    assert [parse_tile(text) for text in ("auto", "off", "512")] == ["auto", "off", 512]
    for text in ("", "0", "-5", "5.5", "on", "²", "9" * 9):
        with pytest.raises(UsageError, match=r"--tile .* auto, off"):
            parse_tile(text)


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        (("--memory", "lots"), 2, "--memory lots"),
        (("--tile", "half"), 2, "--tile half"),
        (("--tile", "20"), 2, "use --tile "),
        (("--device", "tpu"), 5, "choose from auto, cpu"),
        (("--memory", "1MB"), 5, "of memory and"),
        (("--tile", "160", "--size", "200", "--margin", "0", "--statistics", "gram,histogram"), 2, "'histogram'"),
    ],
)
def test_refusals(paint, options, status, message):
    outcome = paint("-o", "out.png", *options)
    assert outcome.status == status
    assert message in outcome.error
    assert not Path("out.png").exists()


@pytest.mark.parametrize("options", [("--memory", "lots"), ("--tile", "half")])
@pytest.mark.usefixtures("no_engine")
def test_what_is_misspelled_is_refused_at_once(paint, options):
    assert paint("-o", "out.png", *options).status == 2


def test_tiles_paint_the_same_picture(paint):
    options = ("--size", "200", "--levels", "1", "--solver", "adam", "--margin", "0")
    assert paint("-o", "whole.png", *options, "--tile", "off").status == 0
    outcome = paint("-o", "tiled.png", *options, "--tile", "160")
    assert outcome.status == 0
    assert "note: painting in " in outcome.err
    assert np.abs(pixels("whole.png") - pixels("tiled.png")).max() <= 1


def test_the_plan_prints_tiles_memory_and_time(paint):
    options = ("--dry-run", "--size", "200", "--tile", "160", "--margin", "0")
    outcome = paint(*options)
    assert outcome.status == 0
    assert ", 2 tiles" in outcome.out or ", 4 tiles" in outcome.out
    assert "memory     about " in outcome.out
    assert "time       about " in outcome.out
    assert "device     " in outcome.out
    found = paint(*options, "--json").json
    assert found["tile"] == 160
    assert found["levels"][-1]["tiles"] > 1
    assert found["seconds"] >= 0
    assert found["memory_bytes"] > 0
    assert found["device"] in ("cpu", "mps", "cuda")


def test_little_memory_is_painted_in_tiles(paint, monkeypatch):
    # On a machine of a fixed size, however large this process is by now.
    monkeypatch.setattr(memory, "resident", lambda: 300 << 20)
    monkeypatch.setattr(tile_planner, "TILE_SIDES", (192, 176))
    options = ("--size", "250", "--levels", "1")
    whole = paint(*options, "--dry-run", "--memory", "8GiB", "--json").json
    assert whole["tile"] is None
    outcome = paint(*options, "-o", "out.png", "--memory", str(whole["memory_bytes"] - 1))
    assert outcome.status == 0
    assert "tiles of about " in outcome.err
    assert "because " in outcome.err
