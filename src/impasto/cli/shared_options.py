"""Options that several commands have, each declared once: `quiet: given.Quiet = False` is all that a command says.

Options of one command alone stand in its file; those made from the recipe are in `options.py`; `--debug`, which all
have, is in `app.py`.
"""

from typing import Annotated

import typer

from impasto.recipe.catalogue import ENCODERS

Photograph = Annotated[str, typer.Argument(help="The photograph to paint.")]

_STYLE = typer.Option(
    "--style", metavar="PICTURE", help="A painting whose style is taken, or a folder of them; repeat for several."
)
Styles = Annotated[list[str] | None, _STYLE]
RequiredStyles = Annotated[list[str], _STYLE]
ContentMask = Annotated[
    str | None,
    typer.Option("--content-mask", metavar="PICTURE", help="Regions of the content, each in its own colour."),
]
StyleMasks = Annotated[
    list[str] | None,
    typer.Option(
        "--style-mask",
        metavar="PICTURE",
        help="Regions of a style, in the content's colours; repeat in the styles' order, - for a style without.",
    ),
]
Regions = Annotated[
    list[str] | None,
    typer.Option(
        "--region",
        metavar="NAME=CONTENT:STYLE",
        help="One region by grey masks of the content and of each style; repeat for more.",
    ),
]
ColorCount = Annotated[
    int, typer.Option("--regions", min=0, max=48, metavar="COUNT", help="How many colours; 0: as many as there are.")
]
RegionNames = Annotated[
    str | None,
    typer.Option(
        "--region-names",
        metavar="FILE|JSON",
        help="Names of the colours in colour masks: a file of lines as '#804080 road', or JSON.",
    ),
]
Landmarks = Annotated[
    str | None, typer.Option("--landmarks", metavar="FILE", help="Points of the photograph's face, for a portrait.")
]
StyleLandmarks = Annotated[
    str | None,
    typer.Option("--style-landmarks", metavar="FILE", help="The same points of the first painting's face."),
]

EncoderName = Annotated[
    str, typer.Option("--encoder", metavar="NAME|FILE", help=f"{', '.join(ENCODERS)}, or a file of weights.")
]
RecipeFile = Annotated[
    str | None,
    typer.Option(
        "--recipe", metavar="FILE", help="Settings from a JSON or TOML file, or a picture painted by impasto."
    ),
]
Preset = Annotated[
    str | None,
    typer.Option("--preset", metavar="NAME|FILE", help="Settings by name, see impasto presets, or a TOML file."),
]

PictureFolder = Annotated[str, typer.Option("--output", "-o", metavar="FOLDER", help="Where the pictures go.")]
Force = Annotated[bool, typer.Option("--force", help="Replace outputs that exist.")]
Repaint = Annotated[bool, typer.Option("--force", help="Paint over pictures that were painted with other settings.")]
Preview = Annotated[
    str | None, typer.Option("--preview", metavar="PICTURE", help="A picture that is kept up to date while painting.")
]
SaveEvery = Annotated[
    int | None,
    typer.Option("--save-every", min=1, metavar="STEPS", help="Save a numbered picture beside the output that often."),
]
Plot = Annotated[
    str | None, typer.Option("--plot", metavar="FILE", help="A plot of the losses over the steps (png, svg, pdf).")
]
Cube = Annotated[
    str | None,
    typer.Option(
        "--cube",
        metavar="FILE",
        help="What the painting does to colours alone, as a .cube table (3D LUT) and a HALD picture beside it.",
    ),
]
Ora = Annotated[
    str | None,
    typer.Option("--ora", metavar="FILE", help="The painting with its regions as layers, for GIMP and Krita (.ora)."),
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one line of JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print no progress and no notes, only errors.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print what would be painted, and paint nothing.")]

AllowTruncated = Annotated[bool, typer.Option("--allow-truncated", help="Use what can be read of damaged pictures.")]
MaxPixels = Annotated[
    int | None, typer.Option("--max-pixels", min=1, help="Refuse inputs of more pixels before they are decoded.")
]

Threads = Annotated[int | None, typer.Option("--threads", min=1, help="Number of processor threads to use.")]
Workers = Annotated[
    int | None,
    typer.Option("--workers", min=1, metavar="COUNT", help="Pictures painted at once, each in a process of its own."),
]
_TILE = typer.Option(
    "--tile", metavar="auto|off|N", help="Compute in tiles of at most NxN pixels; auto: only where memory asks for it."
)
Tile = Annotated[str, _TILE]
TileAsBefore = Annotated[str | None, _TILE]
Memory = Annotated[
    str | None, typer.Option("--memory", metavar="SIZE", help="Memory to use at most, such as 4GiB; else what is free.")
]
_DEVICE = typer.Option("--device", metavar="auto|cpu|cuda|mps", help="Where to compute.")
Device = Annotated[str, _DEVICE]
DeviceAsBefore = Annotated[str | None, _DEVICE]
CheckpointEvery = Annotated[
    float,
    typer.Option(
        "--checkpoint-every", min=0, metavar="SECONDS", help="Time between checkpoints: as much work may be lost."
    ),
]

Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; where it is taken, the next that is free.")]
NoBrowser = Annotated[bool, typer.Option("--no-browser", help="Print the address, and do not open it.")]
