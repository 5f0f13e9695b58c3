"""What a request can ask for, as types: FastAPI reads JSON into them, and describes the API by them.

They say what a document has to look like; `job_requests` looks whether it makes sense.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from impasto.recipe import unknown
from impasto.studio.refusal_words import own

STYLES = 16
"""Paintings that may be mixed."""
MAX_NAMES = 256
"""Names of regions in a request: a list names the levels of a grey mask, of which there are so many."""
MAX_POINTS = 68
"""Points of a face at most: what annotations of faces usually have."""
MAX_NAME_CHARACTERS = 200
"""Length of each: longer ones are cut where masks are read, and nobody writes them by hand."""
CHOSEN_FROM = 12
"""Paintings of which the best is found at most: with more, so few questions would say little."""
PIXEL = 2**31
"""Beyond any place in a picture, and within what decoders count with."""


class Asked(BaseModel):
    """A JSON object with no other keys than are known, and nothing taken for something else."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _know(cls, document: Any) -> Any:
        if isinstance(document, dict):
            for key in document:
                if key not in cls.model_fields:
                    raise own(unknown(str(key), dict.fromkeys(cls.model_fields), "key"))
        return document


def _id(value: Any) -> Any:
    if not isinstance(value, str):
        raise own("is not the id of a picture")
    return value


def _names(names: Any) -> Any:
    values = list(names.values()) if isinstance(names, dict) else names
    if not isinstance(values, list) or not values or not all(isinstance(name, str) for name in values):
        raise own('is no object from colours to names, as in {"#804080": "road"}, and no list')
    if len(values) > MAX_NAMES or max(map(len, values)) > MAX_NAME_CHARACTERS:
        raise own(f"there can be {MAX_NAMES}, each of {MAX_NAME_CHARACTERS} characters")
    return names


PictureId = Annotated[str, BeforeValidator(_id), Field(description="id of a picture, which the studio made")]
Place = Annotated[float, Field(ge=0, le=1)]
Point = Annotated[list[Place], Field(min_length=2, max_length=2, description="[x, y], in fractions")]
Points = Annotated[list[Point], Field(min_length=3, max_length=MAX_POINTS)]


class Nothing(BaseModel):
    """A JSON object, of which nothing is read: what a request needs that changes something and asks for no more."""


class Landmarks(Asked):
    """The same points of both faces, in one order."""

    content: Points
    style: Points

    @model_validator(mode="after")
    def _pair(self) -> "Landmarks":
        if len(self.content) != len(self.style):
            raise own(f"both faces have as many points, 3 to {MAX_POINTS}, in one order")
        return self


class JobRequest(Asked):
    """A painting to be made."""

    content: PictureId | None = Field(
        None, description="the photograph or clip; null paints a texture, or with masks a doodle"
    )
    styles: list[PictureId] = Field([], max_length=STYLES)
    content_mask: PictureId | None = None
    style_masks: list[PictureId | None] = Field([], max_length=STYLES, description="in the styles' order")
    region_names: Annotated[dict[str, str] | list[str], BeforeValidator(_names)] | None = Field(
        None, description='by the colours of the masks, as in {"#804080": "road"}; a list names the levels 0, 1, ...'
    )
    init: PictureId | None = Field(None, description="the picture to begin with, for methods that optimise")
    landmarks: Landmarks | None = Field(None, description="for portraits")
    recipe: dict[str, Any] = Field({}, description="settings that are changed; /api/schema describes them")
    preset: str | None = None
    title: str | None = None


class SweepRequest(Asked):
    """A grid of paintings, of one job and other values of one or two settings."""

    job: JobRequest
    axes: dict[str, list[Any]] = Field(
        description="one or two: settings with lists of values; content, style with ids of pictures"
    )


class Crop(Asked):
    """A part of a picture, in pixels."""

    picture: PictureId
    left: int = Field(gt=-PIXEL, lt=PIXEL)
    top: int = Field(gt=-PIXEL, lt=PIXEL)
    width: int = Field(gt=-PIXEL, lt=PIXEL)
    height: int = Field(gt=-PIXEL, lt=PIXEL)


def _regions(value: Any) -> Any:
    if type(value) is not int or not (value == 0 or 2 <= value <= 12):
        raise own("give 2 to 12, or 0 to let the pictures decide")
    return value


class AutoMasks(Asked):
    """A pair of pictures that regions are looked for in."""

    content: PictureId
    style: PictureId
    regions: Annotated[int, BeforeValidator(_regions)] = Field(0, description="2 to 12; 0: as many as fit")


def _name(value: str) -> str:
    if not value.strip():
        raise own("is empty; give it a name")
    return value


class JobChange(Asked):
    """What is said of a painting."""

    title: Annotated[str, AfterValidator(_name)] | None = None
    starred: bool | None = None


class LiveRequest(Asked):
    """What a camera's frames are painted with."""

    styles: list[PictureId] = Field([], max_length=STYLES)
    recipe: dict[str, Any] = Field({}, description="settings that are changed; the method is one that networks paint")
    smooth: float = Field(0.0, ge=0, lt=1, description="part of a frame that comes from the one before")


class ChoiceRequest(Asked):
    """Paintings of which the best is to be found."""

    jobs: list[str] = Field(min_length=2, max_length=CHOSEN_FROM, description="ids of paintings that have a picture")


class Answer(Asked):
    """Which of two paintings is better."""

    number: int = Field(ge=0, le=1000, description="of the question, from 0: one is not answered twice")
    choice: Literal["left", "right", "tie"]
    seconds: float = Field(0.0, ge=0, le=86400, description="how long the pair was looked at")


class UseJob(Asked):
    """What a painting is to be used as."""

    role: Literal["content", "style"] = "content"
