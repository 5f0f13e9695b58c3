"""What the API answers with, as types: what is sent has these keys, and the description of the API says so."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from impasto.studio.queue import State
from impasto.studio.request_models import Landmarks

Size = list[int]
"""Height and width in pixels."""


class Refusal(BaseModel):
    """Why something was not done."""

    error: str = Field(description="one line that a person can act on")


class Limits(BaseModel):
    """What an upload may have at most."""

    upload_bytes: int
    pixels: int


class Folder(BaseModel):
    """How much room there is."""

    bytes: int
    limit_bytes: int
    free_bytes: int
    warning: str | None


class About(BaseModel):
    """The studio and the machine."""

    version: str
    device: str
    cores: int
    memory_bytes: int
    limits: Limits
    folder: Folder
    encoders: list[str]
    token_needed: bool


class Sample(BaseModel):
    """A picture that comes with impasto."""

    id: str
    name: str
    width: int
    height: int


class Samples(BaseModel):
    """The pictures that come with impasto."""

    photos: list[Sample]
    styles: list[Sample]


class Picture(Sample):
    """A picture of the library."""

    role: Literal["content", "style", "mask", "clip"]
    created: float = Field(description="seconds since 1970")
    has_alpha: bool = False
    frames: int | None = Field(None, description="of a clip")
    seconds: float | None = Field(None, description="of a clip")


class Restored(BaseModel):
    """Pictures of this studio that a painting was made of; null where one is not here."""

    content: str | None
    styles: list[str | None]
    content_mask: str | None
    style_masks: list[str | None]


class Upload(Picture):
    """A picture that was just taken in."""

    notices: list[str]
    recipe: dict[str, Any] | None = Field(description="of a picture that impasto painted")
    restored: Restored | None
    missing: list[str] = Field(description="what it was made of that is not here")


class FoundRegion(BaseModel):
    """A region that a photograph and a painting share, with the part of each that it has."""

    name: str
    color: str
    content_fraction: float
    style_fraction: float


class FoundMasks(BaseModel):
    """Masks that were made, as pictures of the library."""

    content_mask: str
    style_mask: str
    regions: list[FoundRegion]
    notices: list[str]


class Region(BaseModel):
    """A region of masks, with the part of each picture that it has."""

    name: str
    color: str
    content_fraction: float
    style_fractions: list[float]


class CheckedMasks(BaseModel):
    """What masks are read as, and what will not work well."""

    regions: list[Region]
    notices: list[str]


class Estimate(BaseModel):
    """What a painting would take."""

    seconds: float
    memory_bytes: int
    tiles: int | None
    levels: int
    size: Size
    recipe: dict[str, Any] = Field(description="every setting, as it is painted")
    notices: list[str]


class Job(BaseModel):
    """A painting: what was asked for, and how far it is."""

    id: str
    state: State
    place: float = Field(description="what waits is painted from the least place on")
    title: str
    content: str | None
    clip: bool = Field(description="the content is a clip, and so is the painting")
    styles: list[str]
    content_mask: str | None
    style_masks: list[str | None]
    region_names: dict[str, str] | list[str] | None = None
    init: str | None
    landmarks: Landmarks | None
    recipe: dict[str, Any] = Field(description="every setting")
    preset: str | None
    sweep: str | None
    cell: dict[str, Any] | None
    starred: bool
    created: float
    started: float | None
    finished: float | None
    step: int = Field(description="of a clip: frames")
    total_steps: int
    level: int
    levels: int
    loss: float | None
    losses: dict[str, float | None]
    elapsed_s: float
    eta_s: float | None
    size: Size | None
    preview_version: int
    error: str | None
    notices: list[str]
    kept: bool = Field(description="there is a result")


class Ranked(BaseModel):
    """A painting, and how often it was preferred."""

    job: str
    wins: int
    ties: int
    losses: int


class ChoiceState(BaseModel):
    """Which of several paintings is the best, as far as that was asked."""

    choice: str
    number: int = Field(description="questions that were answered")
    most: int = Field(description="questions that are asked at most")
    over: bool = Field(description="enough is known")
    left: str | None = Field(description="id of the painting to be shown there")
    right: str | None
    certainty: float | None = Field(description="how likely the first of the ranking is the best")
    ranking: list[Ranked] = Field(description="the most preferred first")


class LiveSession(BaseModel):
    """A camera that is painted from."""

    session: str


class Sweep(BaseModel):
    """A grid of paintings."""

    sweep: str
    jobs: list[Job]


class History(BaseModel):
    """The losses over the steps."""

    steps: list[int]
    levels: list[int]
    loss: list[float | None]
    losses: dict[str, list[float | None]]


class Command(BaseModel):
    """The command line that paints the same."""

    argv: list[str]
    shell: str


Grade = Literal["fine", "visible", "strong"]


class Figure(BaseModel):
    """What one metric says of a painting."""

    id: str = Field(description="name and version of the metric: docs/metrics.md has its formula")
    title: str
    meaning: str
    value: float
    grade: Grade | None
    word: str = Field(description="the grade in words")


class FigureGroup(BaseModel):
    """What metrics of one kind say."""

    group: Literal["content", "style", "faults"]
    title: str
    grade: Grade | None = Field(description="the middle one of its figures', of faults the worst")
    word: str
    rows: list[Figure]


class Figures(BaseModel):
    """What metrics say of a painting."""

    groups: list[FigureGroup]
    notes: list[str]
