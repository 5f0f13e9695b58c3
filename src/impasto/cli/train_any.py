"""`impasto train any`: a network that paints any style; `training.avatar_run` does the work."""

from typing import Annotated, Any

import typer

from impasto.cli import train_options as given


@given.with_train_options(given.SheetOptions, steps=30_000)
def any_style(
    ctx: typer.Context,
    options: given.SheetOptions,
    data: Annotated[list[str], typer.Argument(help="Folders or tar files of photographs.")],
    paintings: given.Paintings,
    content_weight: given.ContentWeight = None,
    style_weight: given.StyleWeight = None,
    tv_weight: given.VariationWeight = None,
    held_out_styles: given.HeldOutStyles = None,
) -> None:
    """Train a network to paint in any style at once; the same command again resumes.

    impasto train any photos/ --paintings paintings/ --out any
    """
    session = given.prepare(ctx, options)

    from impasto.training.avatar_run import AvatarTraining, learn

    settings: dict[str, Any] = {
        "content_weight": content_weight,
        "style_weight": style_weight,
        "tv_weight": tv_weight,
    }
    work = AvatarTraining(
        data=given.paths(data),
        paintings=given.paths(paintings),
        settings={key: value for key, value in settings.items() if value is not None},
        held_out_styles=given.optional_path(held_out_styles),
    )
    given.train(session, learn, work, options)
