"""Where a network starts that does not start from nothing: at what another one of its kind has learnt."""

from pathlib import Path

from torch import nn

from impasto.errors import WeightsError
from impasto.nets import store


def begin(net: nn.Module, path: Path, kind: str, what: str) -> None:
    """Take over the tensors of the file that `net` has under the same name and shape; `what` it is, for messages.

    Raises `WeightsError` when `path` holds no network of the kind, or has none of them.
    """
    tensors, card = store.load(path)
    store.expect(card, str(path), kind=kind)
    own = net.state_dict()
    common = {key: value for key, value in tensors.items() if key in own and own[key].shape == value.shape}
    if not any(value.ndim > 1 for value in common.values()):
        raise WeightsError(f"{path}: has no convolution in common with {what}; name another")
    net.load_state_dict(own | common)
