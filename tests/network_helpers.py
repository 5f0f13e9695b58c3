"""Small random networks in files, as `impasto train` would write them."""

from pathlib import Path

import torch

from impasto.encoders import Petite
from impasto.nets import store
from impasto.nets.avatar import LAYERS as MATCHED
from impasto.nets.avatar import Avatar, AvatarPlan
from impasto.nets.decoder import LAYERS, PLAN, Decoder
from impasto.nets.johnson import Johnson, JohnsonPlan
from impasto.nets.linear import Linear, LinearPlan, fingerprint
from impasto.nets.store import Card
from impasto.nets.texture_net import TextureNet, TexturePlan


def channels(encoder: Petite, layer: str) -> int:
    """Of the encoder's own features."""
    return int(encoder.tensors[f"conv{layer[4:]}.weight"].shape[0])


def decoder(encoder: Petite, layer: str, seed: int = 0, method: str = "wct") -> tuple[Decoder, Card]:
    """A decoder whose pictures have something on them."""
    torch.manual_seed(seed)
    plan = {name: (3 if name == "1_1" else 8) for name in list(PLAN)[list(PLAN).index(layer[4:]) :]}
    net = Decoder(layer, plan, channels=channels(encoder, layer))
    with torch.no_grad():
        features = encoder.raw(torch.rand(1, 3, 64, 64), [layer])[layer].float()
        spread = net(features).std()
        net.get_submodule("conv1_1").get_parameter("weight").mul_(0.15 / spread)
    return net, Card(method=method, kind="decoder", plan=plan, layer=layer, encoder=encoder.sha256)


def write(folder: Path, encoder: Petite) -> Path:
    """Write networks of every method into `folder`, under the names that they would ship with."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, layer in enumerate(LAYERS):
        net, card = decoder(encoder, layer, number)
        store.save(folder / f"wct-{layer}.safetensors", net.state_dict(), card)
        if layer == "relu4_1":
            plan = LinearPlan(channels(encoder, layer), 4, (6, 5), 3, fingerprint(net))
            linear = Linear(layer, plan)
            told = Card("linear", "transform", linear.card_plan, layer, encoder.sha256)
            store.save(folder / f"linear-{layer}.safetensors", linear.state_dict(), told)
    net, card = decoder(encoder, "relu4_1", 9, "adain")
    store.save(folder / "adain-relu4_1.safetensors", net.state_dict(), card)
    for seed, name in enumerate(("swirls", "waves")):
        fast = Johnson(JohnsonPlan(narrow=4, wide=6, residuals=1, kernel=5), seed=seed)
        with torch.no_grad():
            fast.leave.weight.mul_(3)
        card = Card("johnson", "stylizer", fast.card_plan, style=name, style_sha256="1" * 64)
        store.save(folder / f"johnson-{name}.safetensors", fast.state_dict(), card)
    counts = tuple(channels(encoder, layer) for layer in MATCHED)
    any_style = Avatar(AvatarPlan(counts, up=(4, 6, 8), last=6), seed=6)
    with torch.no_grad():
        # As faint as it begins, hardly any of what is painted would depend on the features.
        any_style.leave.weight.mul_(10)
    told = Card("avatar", "stylizer", any_style.card_plan, encoder=encoder.sha256)
    store.save(folder / "avatar-any.safetensors", any_style.state_dict(), told)
    texture(folder / "texture_net-pebbles.safetensors", "both")
    return folder


def texture(path: Path, mode: str) -> Path:
    """Write a texture net that was trained in a mode."""
    net = TextureNet(TexturePlan(width=2), seed=3)
    with torch.no_grad():
        net.leave.weight.mul_(3)
    store.save(path, net.state_dict(), Card("texture_net", "generator", net.card_plan, training={"mode": mode}))
    return path
