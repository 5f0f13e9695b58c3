"""`impasto train linear`: a learnt transformation of features; `training.linear_run` does the work."""

from pathlib import Path
from typing import Annotated

import typer

from impasto.cli import train_options as given


@given.with_train_options(given.SheetOptions, steps=10_000)
def linear(
    ctx: typer.Context,
    options: given.SheetOptions,
    data: Annotated[list[str], typer.Argument(help="Folders or tar files of photographs.")],
    paintings: given.Paintings,
    decoder: Annotated[
        str, typer.Option("--decoder", metavar="FILE", help="What impasto train decoder --method wct wrote.")
    ],
    style_weight: Annotated[
        float, typer.Option("--style-weight", min=0, help="Weight of the style, beside 1 for the content.")
    ] = 20.0,
    held_out_styles: given.HeldOutStyles = None,
) -> None:
    """Train a linear transformation of features that paints in any style; the same command again resumes.

    impasto train linear photos/ --paintings paintings/ --decoder decoder/weights.safetensors --out linear
    """
    session = given.prepare(ctx, options)

    from impasto.training.linear_run import LinearTraining, learn
    from impasto.training.linear_task import Weights

    work = LinearTraining(
        data=given.paths(data),
        paintings=given.paths(paintings),
        decoder=Path(decoder),
        weights=Weights(style_weight),
        held_out_styles=given.optional_path(held_out_styles),
    )
    given.train(session, learn, work, options)
