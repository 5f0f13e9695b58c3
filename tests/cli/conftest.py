"""Running the command line in this process, on small pictures and with a tiny random encoder."""

import signal

import pytest
import torch
from safetensors.torch import save

from impasto.cli import main
from impasto.cli.checkpoints import CheckpointWriter
from impasto.encoders.petite import Petite
from impasto.masks import automatic
from impasto.training.encoder_task import PLAN, initial
from tests.cli.cli_helpers import SMALL, Outcome, draw


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def encoder_bytes():
    plan = {name: 4 * int(name[0]) for name in PLAN}
    return save(initial(plan, seed=1), metadata={"architecture": "petite", "licence": "MIT", "pooling": "average"})


@pytest.fixture
def encoder(encoder_bytes, tmp_path_factory):
    path = tmp_path_factory.mktemp("encoder") / "tiny.safetensors"
    path.write_bytes(encoder_bytes)
    return path


@pytest.fixture(autouse=True)
def machine(monkeypatch, tmp_path, encoder_bytes):
    """A machine of its own: an empty home, no VGG-19, the tiny encoder in petite's place, in an empty folder."""

    def embedded(cls, *, padding="reflect", precision=None):
        return cls.from_bytes(encoder_bytes, padding=padding, precision=precision)

    monkeypatch.setattr(Petite, "embedded", classmethod(embedded))
    home = tmp_path / "home"
    home.mkdir()
    for variable in ("HOME", "XDG_CACHE_HOME", "IMPASTO_CACHE", "TORCH_HOME", "KERAS_HOME"):
        monkeypatch.setenv(variable, str(home))
    for variable in ("IMPASTO_VGG16", "IMPASTO_VGG19", "FORCE_COLOR", "_IMPASTO_COMPLETE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)


@pytest.fixture(autouse=True)
def small_regions(monkeypatch):
    """Pictures of fifty pixels are not made eight times as large to find regions in."""
    monkeypatch.setitem(automatic.automatic.__kwdefaults__, "size", 128)


@pytest.fixture
def photo():
    return draw("photo.png", 1)


@pytest.fixture
def style():
    return draw("style.png", 2)


@pytest.fixture
def run(capsysbinary):
    """`run("paint", ...)` gives status, stdout and stderr."""

    def run(*arguments):
        capsysbinary.readouterr()
        status = main([str(argument) for argument in arguments])
        captured = capsysbinary.readouterr()
        return Outcome(status, captured.out, captured.err.decode())

    return run


@pytest.fixture
def paint(run, photo, style):
    """`paint("-o", "out.png", ...)` paints a small picture in two steps."""

    def paint(*arguments, content=photo, styles=(style,)):
        options = [part for name in styles for part in ("--style", name)]
        return run("paint", *options, *SMALL, *arguments, "--", content)

    return paint


@pytest.fixture
def no_engine(monkeypatch):
    """Fails the test when anything is refused only after the encoder was asked for."""

    def create(*_args, **_kwargs):
        raise AssertionError("the encoder was built before the refusal")

    monkeypatch.setattr("impasto.encoders.create", create)


@pytest.fixture
def stops(monkeypatch):
    """`stops(step)`: Ctrl-C after a step; None: no more."""

    def at(step):
        keep = CheckpointWriter.keep

        def keep_and_stop(self, stylizer, progress):
            keep(self, stylizer, progress)
            if progress.total_step == step:
                signal.raise_signal(signal.SIGINT)

        monkeypatch.setattr(CheckpointWriter, "keep", keep_and_stop)

    before = CheckpointWriter.keep
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield lambda step: monkeypatch.setattr(CheckpointWriter, "keep", before) if step is None else at(step)
    signal.signal(signal.SIGINT, handler)


@pytest.fixture
def interruptible():
    """Ctrl-C is heard: where tests run in the background, a shell has it ignored."""
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, handler)
