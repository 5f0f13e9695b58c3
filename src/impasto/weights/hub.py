"""Files on the Hugging Face Hub, by addresses as `hf:owner/name/file.safetensors@revision#sha256`.

The digest is what is trusted: with one in the address, no other file is ever used. Without one, the sha256 of the first
download is recorded, and from then on nothing else passes (trust on first use). Only safetensors are taken, in which
nothing can be executed, and only addresses that a person writes: those in recipes and pictures are never followed.
"""

import importlib.util
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from impasto.errors import OutputError, ResourceError, UsageError, WeightsError
from impasto.events import notice
from impasto.files import digest, write_bytes
from impasto.weights.locate import cache_folder, writable_cache_folder

SCHEME = "hf:"
"""What an address begins with."""
FOLDER = "hub"
"""The folder of the cache that holds what was fetched, and the records of digests."""
_PART = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
_ADDRESS = re.compile(
    rf"hf:(?P<repository>{_PART}/{_PART})/(?P<filename>(?:{_PART}/)*{_PART}\.safetensors)"
    rf"(?:@(?P<revision>{_PART}))?(?:#(?P<sha256>[0-9a-f]{{64}}))?"
)


@dataclass(frozen=True)
class HubAddress:
    """A file in a repository of the Hub; `revision` is a branch, a tag or a commit."""

    repository: str
    filename: str
    revision: str = "main"
    sha256: str = ""
    """Digest of the file, 64 hexadecimal digits; empty: that of the first download counts."""

    @classmethod
    def parse(cls, text: str) -> "HubAddress":
        """Read an address. Raises `UsageError` for anything else."""
        match = _ADDRESS.fullmatch(text)
        if match is None or ".." in text:
            raise UsageError(
                f"{text[:200]}: is no address on the Hub; write hf:OWNER/NAME/FILE.safetensors, with @REVISION and "
                "#SHA256 of 64 hexadecimal digits where you know them"
            )
        return cls(match["repository"], match["filename"], match["revision"] or "main", match["sha256"] or "")

    def __str__(self) -> str:
        return f"{SCHEME}{self.repository}/{self.filename}@{self.revision}" + (f"#{self.sha256}" if self.sha256 else "")


def is_address(text: str) -> bool:
    """Return whether a name is an address on the Hub, and no file that happens to be called so."""
    return text.startswith(SCHEME) and not os.path.lexists(text)


def fetch(address: HubAddress | str) -> Path:
    """Return the file at an address, from the cache where it is there, downloaded and checked otherwise.

    Raises `UsageError` for what is no address, `ResourceError` where huggingface_hub is missing, `WeightsError`
    where the file cannot be had or is not the one that the digest tells.
    """
    if isinstance(address, str):
        address = HubAddress.parse(address)
    if importlib.util.find_spec("huggingface_hub") is None:
        raise ResourceError("hf: addresses need huggingface_hub, not installed here; run: pip install 'impasto[hf]'")
    wanted = address.sha256 or _recorded(address)
    if wanted and (path := _download(address, offline=True)) is not None and digest(path) == wanted:
        return path
    path = _download(address)
    if path is None:
        raise WeightsError(f"{address}: is not there; check owner, name and file on huggingface.co")
    sha256 = digest(path)
    if wanted and sha256 != wanted:
        why = "the address asks for" if address.sha256 else f"was there first ({_record_of(address)})"
        raise WeightsError(
            f"{address}: is another file, with sha256 {sha256} where {wanted} {why}; it is not used. If it is the "
            "right one, write its digest into the address"
        )
    if not wanted:
        _record(address, sha256)
    return path


def _download(address: HubAddress, *, offline: bool = False) -> Path | None:
    """Return the file that the Hub's own client has or gets; None where there is none."""
    # Before the import, which reads them: no bars beside ours, and nothing told that is not needed.
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError, RepositoryNotFoundError

    folder = (cache_folder() if offline else writable_cache_folder()) / FOLDER
    try:
        got = hf_hub_download(
            address.repository,
            address.filename,
            revision=address.revision,
            cache_dir=folder,
            local_files_only=offline,
            endpoint=os.environ.get("HF_ENDPOINT") or None,
        )
        return Path(str(got))
    except LocalEntryNotFoundError:
        if offline:
            return None
        raise WeightsError(
            f"{address}: cannot be downloaded, and is not in the cache; connect, and try again"
        ) from None
    except (EntryNotFoundError, RepositoryNotFoundError):
        return None
    except (OSError, ValueError) as error:  # every error of the Hub's client is one of these
        reason = " ".join(str(error).split())[:200]
        raise WeightsError(f"{address}: cannot be downloaded ({reason}); try again, or download it yourself") from None


def _record_of(address: HubAddress, folder: Path | None = None) -> Path:
    name = re.sub(r"[^A-Za-z0-9.-]", "--", f"{address.repository}/{address.filename}@{address.revision}")
    return (folder or cache_folder()) / FOLDER / f"{name}.sha256"


def _recorded(address: HubAddress) -> str:
    """Return the digest of the first download; nothing where none is recorded."""
    with suppress(OSError):
        if match := re.match(rb"([0-9a-f]{64})\b", _record_of(address).read_bytes()[:64]):
            return match[1].decode()
    return ""


def _record(address: HubAddress, sha256: str) -> None:
    with suppress(OutputError):
        record = _record_of(address, writable_cache_folder())
        write_bytes(record, f"{sha256}  {Path(address.filename).name}\n".encode())
    notice(
        f"{address}: its sha256 {sha256} is recorded, and from now on nothing else passes; with the digest in the "
        f"address, others get the same file: {address}#{sha256}"
    )
