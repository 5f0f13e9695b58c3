"""The exception tree: every message is one line that names the thing, the cause and the remedy.

The command line maps `exit_code` to the process's exit status and prints only the message.
"""


class ImpastoError(Exception):
    """Root of everything impasto raises on purpose."""

    exit_code = 1

    def __init__(self, message: str) -> None:
        # Messages often quote file names and other people's exceptions: keep them on one line.
        super().__init__(" ".join(message.split()))


class UsageError(ImpastoError):
    """Options that contradict each other or a value out of range."""

    exit_code = 2


class RecipeError(UsageError):
    """A recipe with an unknown key, a wrong type or an unknown version."""


class NotTileableError(UsageError):
    """A term that needs the whole picture at once was asked for in tiles."""


class InputError(ImpastoError):
    """A file that cannot be read or written."""

    exit_code = 3


class ImageError(InputError):
    """A picture that cannot be decoded, or is outside the limits."""


class OutputError(InputError):
    """An output that cannot be written, or would overwrite something."""


class WeightsError(ImpastoError):
    """Weights that are absent, damaged, or not what they claim to be."""

    exit_code = 4


class ResourceError(ImpastoError):
    """Not enough memory, disk or time; or a missing optional package or device."""

    exit_code = 5


class WholeTooLargeError(NotTileableError, ResourceError):
    """What cannot be tiled needs more memory for the whole picture than there is."""

    exit_code = ResourceError.exit_code


class PeerError(ResourceError):
    """Another process of the same run ended before its work was done."""


class DivergedError(ImpastoError):
    """The optimisation produced NaN or exploded, and going back to the best state did not help."""

    # The settings are to blame, and to be changed.
    exit_code = UsageError.exit_code
