"""Write docs/networks.md, the model cards, from the networks that ship: `python scripts/docs_networks.py`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from impasto.nets import store
from impasto.recipe import shipped_networks
from impasto.recipe.catalogue import METHODS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "networks.md"

HEAD = """# The networks: model cards

<!-- Written by scripts/docs_networks.py from the files' own cards; a test keeps it true. -->

Feed-forward networks that ship inside the package (`src/impasto/nets/data/`, float16 safetensors, {size:.1f} MB
together). All were trained by impasto, on one core of a CPU each, with the commands of [methods](methods.md#training):
on 2,200 photographs and 1,600 paintings with a short side of 288 px, from public repositories of mixed licences, used
for training only and not distributed; none is among the pictures they are shown and measured on. The networks and the
paintings of single styles (`assets/styles/`) are our own. Licence: MIT. AdamW, one cycle of the rate (up
to 5e-3 at relu1_1, 2e-3 at relu2_1 and for single styles, 1.5e-3 at relu3_1, 1e-3 for all else), bfloat16 convolutions;
together about five hours of a core. A file's card is its safetensors header; `encoder`
there is the sha256 of the petite it belongs to.
"""

SECTIONS: dict[str, str] = {
    "wct": """Decoders that give petite's features of a layer back as a picture: squared error of the pixels over their
variance, plus that of petite's features at the layer and above over their norm. Each began as the next shallower one.
Held out: six photographs at 384 px.

Limits: relu4_1 and relu5_1 paint textures rather than pictures, which is what wct uses them for; faces smaller than
about 60 px lose their features.""",
    "adain": """A decoder from relu4_1, begun as wct's and then rewarded for the content at relu4_1 and ten times for
means and deviations at relu1_1 to relu4_1, with strengths from 0 to 1 and paintings at random.

Limits: colours and the touch of a painting come through, large forms of its own do not; hard contours can have a light
halo.""",
    "linear": """The transformation module of relu4_1, with wct's decoder: the content at relu4_1 and, twenty times,
means, deviations and Gram matrices at four layers.

Limits: the calmest of the three, and the steadiest on a moving picture; fine strokes are weaker than adain's.""",
    "avatar": """A decoder of petite's features at four layers, whitened and coloured as the painting's, for any style;
trained on the objective of `impasto paint` with Gram matrices, each distance over the power of both. `style_weight`
was 20 for 1,900 steps, 60 for 1,200, 40 for 300 and 30 for the last 1,000, in which the rate fell: more than 30 lost
eyes and faces. On pictures held out the style's distance was 0.21 after 100 steps, 0.12 after 1,400 and 0.08 at the
end, where the last 400 steps changed nothing more: [the learning curve](figures/avatar_curve.csv).

Limits: small faces come apart at full strength; take `--alpha 0.5` for them. The strokes are those of a painting of
300 to 500 px: in large pictures they are fine (`--style-scale 2`).""",
    "johnson": """One network per style, trained on the very objective of `impasto paint`, with `style_weight` 30 and
`tv_weight` 2. The first began at half a thousand steps with hardly any style (`style_weight` 2), and each other one at
one before it (`--init`): swirls, woodblock, then stained_glass and swirls again.

Limits: they know one painting at strokes of about a 384 px copy of it. Skies and other even parts can get a flat
patch of one colour, and dark parts a fine hatching.""",
    "texture_net": """A generator fed with photographs and with noise in turns, trained on the objective of
johnson (`tv_weight` 1).

Limits: weaker than johnson on photographs; textures repeat without a seam.""",
}


def page() -> str:
    """Return the whole page."""
    files = sorted(Path(str(shipped_networks.FOLDER)).glob("*.safetensors"))
    text = HEAD.format(size=sum(file.stat().st_size for file in files) / 1e6)
    for method, words in SECTIONS.items():
        text += (
            f"\n## {method}\n\nSource: {METHODS[method].source}.\n{words}\n\n| network | bytes | parameters | steps "
        )
        text += "| crops a step, px | pictures | held out |\n|---|---|---|---|---|---|---|\n"
        for file in files:
            if not file.stem.startswith(f"{method}-"):
                continue
            tensors, card = store.load(file)
            training = card.training
            cells = [f"`{file.stem}`", f"{file.stat().st_size:,}", f"{sum(t.numel() for t in tensors.values()):,}"]
            cells += [
                f"{training['steps']:,}",
                f"{training['batch']} of {training['crop']}",
                f"{training['pictures']:,}",
            ]
            cells.append(", ".join(_held_out(training)))
            text += "| " + " | ".join(cells) + " |\n"
    return text + "\n![Every method on eight pairs](figures/methods_sheet.jpg)\n"


def _held_out(training: Mapping[str, Any]) -> list[str]:
    found = {key.removeprefix("held_out_"): value for key, value in training.items() if key.startswith("held_out_")}
    if "psnr" in found:
        return [f"{found['psnr']:.1f} dB"]
    return [f"{key} {value:.3g}" for key, value in found.items()]


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
