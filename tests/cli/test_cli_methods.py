"""Methods from the command line: the list, feed-forward paintings, networks in files, refining, and refusals."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from impasto.cli.checkpoints import CheckpointWriter
from impasto.encoders.petite import Petite
from impasto.recipe import shipped_networks
from impasto.recipe.catalogue import METHODS
from tests.cli.cli_helpers import look, pixels
from tests.network_helpers import write

SMALL = ("--size", "48", "--precision", "float32")
_STEPPED = [name for name, method in METHODS.items() if method.optimizes]
SLOW = f"{', '.join(_STEPPED[:-1])} and {_STEPPED[-1]}"


@pytest.fixture(scope="session")
def networks(encoder_bytes, tmp_path_factory):
    return write(tmp_path_factory.mktemp("networks"), Petite.from_bytes(encoder_bytes))


@pytest.fixture(autouse=True)
def shipped(networks, monkeypatch):
    monkeypatch.setattr(shipped_networks, "FOLDER", networks)


@pytest.fixture
def paint(run, photo, style):
    """`paint("adain", "-o", "out.png", ...)`."""

    def paint(method, *arguments, styles=(style,)):
        options = [part for name in styles for part in ("--style", name)]
        return run("paint", photo, *options, "--method", method, *SMALL, *arguments)

    return paint


# The list.


def test_the_list_says_what_each_is_and_needs(run):
    listed = run("methods")
    assert listed.status == 0
    for method in METHODS.values():
        assert f"{method.name} " in listed.out
        assert method.line in listed.out
    assert "networks here: swirls, waves" in listed.out
    assert max(map(len, listed.out.splitlines())) <= 120


def test_the_list_as_json(run, monkeypatch, tmp_path):
    document = run("methods", "--json").json
    assert [each["name"] for each in document] == list(METHODS)
    johnson = document[list(METHODS).index("johnson")]
    assert johnson["networks"] == ["swirls", "waves"]
    assert "network" in johnson["settings"]
    assert "iterations" not in johnson["settings"]
    monkeypatch.setattr(shipped_networks, "FOLDER", tmp_path / "nothing")
    assert "made by: impasto train fast" in " ".join(run("methods").out.split())


def test_the_list_needs_no_torch():
    code = "import sys; from impasto.cli import main; main(['methods', '--json']); sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0
    assert len(json.loads(done.stdout)) == len(METHODS)


# Painting.


@pytest.mark.parametrize("method", ["wct", "adain", "linear"])
def test_a_painting_in_one_go(paint, run, method):
    done = paint(method, "-o", "out.png", "--json")
    assert done.status == 0, done.err
    assert look("out.png") == ("PNG", (48, 37), "RGB")
    assert done.json["method"] == method
    assert done.json["losses"] is None
    assert done.json["finished"] is True
    assert done.json["encoder"]["name"] == "petite"
    assert "start:" not in done.err
    assert "loss" not in done.err
    assert not list(Path().glob(".*checkpoint*"))
    shown = run("show", "out.png", "--json").json
    assert shown["recipe"]["method"] == method
    assert run("paint", "photo.png", "--style", "style.png", "--recipe", "out.png", "-o", "again.png").status == 0
    assert Path("again.png").read_bytes() == Path("out.png").read_bytes()


def test_a_network_by_name_and_by_file(paint, networks, run):
    assert paint("johnson", "--network", "waves", "-o", "named.png", styles=()).status == 0
    file = networks / "johnson-waves.safetensors"
    assert paint("johnson", "--network", file, "-o", "filed.png", styles=()).status == 0
    assert (pixels("named.png") == pixels("filed.png")).all()
    assert str(networks) not in run("show", "filed.png", "--json").out
    other = paint("johnson", "--network", "swirls", "-o", "other.png", styles=())
    assert (pixels("named.png") != pixels("other.png")).any()
    assert other.status == 0


def test_a_network_on_the_hub(paint, networks, monkeypatch):
    fetched = []

    def fetch(address):
        fetched.append(address)
        return networks / "johnson-waves.safetensors"

    monkeypatch.setattr("impasto.weights.hub.fetch", fetch)
    address = "hf:owner/name/waves.safetensors"
    assert paint("johnson", "--network", address, "-o", "hub.png", styles=()).status == 0
    assert paint("johnson", "--network", "waves", "-o", "named.png", styles=()).status == 0
    assert (pixels("hub.png") == pixels("named.png")).all()
    assert fetched == [address]


def test_other_networks_than_then_are_told(paint, networks, run):
    paint("johnson", "--network", "waves", "-o", "first.png", styles=())
    told = run(
        "paint",
        "photo.png",
        "--recipe",
        "first.png",
        "--network",
        networks / "johnson-swirls.safetensors",
        "-o",
        "b.png",
    )
    assert told.status == 0
    assert told.err.count("other weights") == 1


def test_masks_and_several_styles(paint, photo, style):
    import numpy as np
    from PIL import Image

    mask = np.zeros((40, 52, 3), np.uint8)
    mask[:, :26] = (255, 0, 0)
    Image.fromarray(mask).save("mask.png")
    done = paint(
        "wct", "-o", "out.png", "--content-mask", "mask.png", "--style-mask", "-", "--style-mask", "-",
        "--keep", "red", "--style-weights", "1,3",
        styles=(style, "photo.png"),
    )  # fmt: skip
    assert done.status == 0, done.err
    kept = pixels(photo, (48, 37))[:, :20]
    assert abs(pixels("out.png")[:, :20] - kept).mean() < 6
    assert abs(pixels("out.png")[:, 28:] - pixels(photo, (48, 37))[:, 28:]).mean() > 10


def test_textures(run, style):
    for method, options in (("wct", (style,)), ("texture_net", ())):
        done = run("texture", *options, "--method", method, *SMALL, "--seed", "3", "-o", f"{method}.png")
        assert done.status == 0, done.err
        assert look(f"{method}.png")[1] == (48, 48)
    assert run("mix", style, style, "--method", "wct", "-o", "m.png").status == 2


def test_a_dry_run_tells_of_networks_and_memory(paint):
    told = paint("wct", "--dry-run").out
    assert "method     wct" in told
    assert "network    wct relu5_1" in told
    assert "memory     about" in told
    document = paint("adain", "--dry-run", "--json").json
    assert document["levels"] == []
    assert [each["name"] for each in document["networks"]] == ["adain relu4_1"]
    assert document["memory_bytes"] > 1 << 20
    document = paint("johnson", "--network", "waves", "--dry-run", "--json", styles=()).json
    assert document["encoder"] is None
    document = paint("adain", "--refine", "3", "--dry-run", "--json").json
    assert [level["steps"] for level in document["levels"]] == [3]


def test_methods_side_by_side(run, photo, style):
    done = run("sweep", photo, "--style", style, *SMALL, "--vary", "method=wct,adain", "-o", "sheet")
    assert done.status == 0, done.err
    assert sorted(path.name for path in Path("sheet").glob("method*")) == ["method=adain.png", "method=wct.png"]


# Refining.


def test_refining_paints_on(paint):
    plain, refined = paint("adain", "-o", "plain.png"), paint("adain", "-o", "out.png", "--refine", "3", "--json")
    assert (plain.status, refined.status) == (0, 0), refined.err
    losses = refined.json["losses"]
    assert losses["end"]["loss"] < losses["start"]["loss"]
    assert refined.json["steps"] == 3
    assert refined.err.count("start:") == refined.err.count("end:") == 1
    assert (pixels("plain.png") != pixels("out.png")).any()


class Killed(BaseException):
    pass


@pytest.mark.parametrize("by", ["ship", "file", "folder"])
def test_a_refinement_is_gone_on_with(paint, run, networks, monkeypatch, by):
    method = "johnson" if by == "file" else "wct"
    network: tuple[object, ...] = ()
    if by == "file":
        network = ("--network", networks / "johnson-waves.safetensors")
    if by == "folder":
        Path("decoders").mkdir()
        for layer in ("relu2_1", "relu3_1"):
            name = f"wct-{layer}.safetensors"
            Path("decoders", name).write_bytes((networks / name).read_bytes())
        network = ("--network", "decoders")
    options = ("--refine", "5", "--checkpoint", "c", "--checkpoint-every", "0", *network)
    assert paint(method, "-o", "whole.png", *options).status == 0
    keep = CheckpointWriter.keep
    monkeypatch.setattr("impasto.cli.checkpoints.PAUSE", 0)

    def keep_and_die(self, stylizer, progress):
        keep(self, stylizer, progress)
        if progress.total_steps - progress.total_step == 2:
            raise Killed

    monkeypatch.setattr(CheckpointWriter, "keep", keep_and_die)
    with pytest.raises(Killed):
        paint(method, "-o", "out.png", *options)
    monkeypatch.setattr(CheckpointWriter, "keep", keep)
    assert not Path("out.png").exists()
    done = run("resume", "c")
    assert done.status == 0, done.err
    # Steps are counted as the progress of painting counts them: those of the networks too.
    steps = re.search(r"going on after step (\d+) of (\d+)", done.err)
    assert steps is not None, done.err
    assert int(steps[2]) - int(steps[1]) == 2
    assert Path("out.png").read_bytes() == Path("whole.png").read_bytes()
    assert not Path("c").exists()


# Refusals.


@pytest.mark.parametrize(
    ("method", "options", "status", "words"),
    [
        ("adian", (), 2, "unknown method 'adian'; did you mean 'adain'"),
        (
            "adain",
            ("--iterations", "9"),
            2,
            f"iterations belongs to {SLOW}, not to adain, which knows alpha",
        ),
        ("gatys", ("--alpha", "0.5"), 2, "alpha belongs to reshuffle, nnst_fast, wct, adain, linear and avatar"),
        ("gatys", ("--network", "waves"), 2, "--network: gatys paints without one"),
        ("adain", ("--checkpoint", "c"), 2, "--checkpoint: adain is feed-forward"),
        ("adain", ("--plot", "p.png"), 2, "--plot: adain is feed-forward"),
        ("adain", ("--init", "noise"), 2, "init belongs to gatys"),
        ("adain", ("--preset", "fine"), 2, "iterations belongs to gatys"),
        ("johnson", ("--network", "wave"), 2, "unknown network of johnson 'wave'; did you mean 'waves'"),
        ("adain", ("--network", "wave"), 2, "--network wave: adain knows none of that name; name a file"),
        ("adain", ("--network", "gone.safetensors"), 4, "gone.safetensors: does not exist"),
        ("adain", ("--network", "photo.png"), 4, "photo.png: is not safetensors"),
        ("adain", ("--encoder", "vgg19"), 2, "petite, not of vgg19"),
        ("johnson", ("--network", "waves"), 2, "takes no painting; leave --style out"),
    ],
)
def test_refusals_are_one_line(paint, method, options, status, words):
    done = paint(method, "-o", "out.png", *options)
    assert done.status == status
    assert words in done.error
    assert not Path("out.png").exists()


def test_a_network_is_missed(run, photo):
    done = run("paint", photo, "--method", "johnson", "-o", "out.png")
    assert (done.status, done.error.partition("; ")[2]) == (2, "name one with --network: swirls, waves")


@pytest.mark.usefixtures("no_engine")
def test_a_style_is_missed_before_anything_is_loaded(run, photo):
    for method in ("gatys", "adain"):
        done = run("paint", photo, "--method", method, "-o", "out.png")
        assert (done.status, done.error) == (2, "no style given; name at least one painting with --style")


def test_the_network_is_no_output(paint, networks):
    file = Path("net.safetensors")
    file.write_bytes((networks / "adain-relu4_1.safetensors").read_bytes())
    Path("net.png").symlink_to(file)
    done = paint("adain", "--network", file, "-o", "net.png")
    assert done.status == 3
    assert "net.png" in done.error


def test_networks_that_do_not_ship(paint, monkeypatch, tmp_path):
    monkeypatch.setattr(shipped_networks, "FOLDER", tmp_path / "nothing")
    done = paint("adain", "-o", "out.png")
    assert done.status == 4
    assert "impasto train decoder --method adain" in done.error


def test_threads_do_not_stay(paint):
    before = torch.get_num_threads()
    assert paint("adain", "-o", "out.png").status == 0
    assert torch.get_num_threads() == before
