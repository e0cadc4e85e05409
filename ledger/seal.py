"""Seals: signed statements of what the log held, kept outside of it; and proofs against them for a third party.

The statement is plain text, so that `openssl` can check the signature without any of our code:

    daybook seal v1
    position 10472
    head <hash of that event, hex>
    root <Merkle root over the hashes of the first 10472 events, hex>
    time 2026-11-20T18:00:00.000000Z
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Struct

from domain.errors import LedgerError, StoreError
from domain.moments import Instant
from ledger.durable import make_folder, write_whole

FOLDER = "seals"
KEY = "seal-key.pem"


class Seal(Struct, frozen=True, kw_only=True):
    """A signed statement. head, root, public_key and signature in hex; the key and the signature are Ed25519."""

    position: int
    head: str
    root: str
    time: Instant
    public_key: str
    signature: str = ""
    format: str = "daybook seal v1"

    @property
    def statement(self) -> bytes:
        """The bytes that are signed."""
        return (
            f"{self.format}\nposition {self.position}\nhead {self.head}\nroot {self.root}\ntime {self.time}\n"
        ).encode()

    def is_signed(self) -> bool:
        """Whether the signature is the key's over the statement. Whose key it is, the seal cannot tell."""
        return is_signature(self.signature, self.statement, key=self.public_key)


def is_signature(signature: str, statement: bytes, *, key: str) -> bool:
    """Whether a signature is that of a public key over a statement; both in hex, Ed25519."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(bytes.fromhex(signature), statement)
    except (InvalidSignature, ValueError):
        return False
    return True


def key_of(path: Path) -> Ed25519PrivateKey:
    """The private key in a file, which is made, readable for its owner only, when it does not exist."""
    if not path.exists():
        made = Ed25519PrivateKey.generate()
        pem = made.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        make_folder(path.parent)
        # A seal and a back-up may both be the first: then the key of the faster one is the key.
        with suppress(FileExistsError):
            write_whole(path, pem, mode=0o600, anew=True)
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError, OSError) as error:
        raise LedgerError(f"{path}: not a private key that can be read", hint="Name another with --key.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise LedgerError(f"{path}: not an Ed25519 key", hint="Name another with --key.")
    return key


def signed(*, position: int, head: bytes, root: bytes, time: Instant, key: Ed25519PrivateKey) -> Seal:
    """The seal of a log at a position."""
    public = key.public_key().public_bytes_raw().hex()
    unsigned = Seal(position=position, head=head.hex(), root=root.hex(), time=time, public_key=public)
    return msgspec.structs.replace(unsigned, signature=key.sign(unsigned.statement).hex())


def file_name(seal: Seal) -> str:
    """The name of a seal's file, which sorts by position."""
    return f"seal-{seal.position:012d}.json"


def write(seal: Seal, folder: Path) -> Path:
    """Write a seal into a folder and have it on the disk."""
    make_folder(folder)
    path = folder / file_name(seal)
    write_whole(path, msgspec.json.format(msgspec.json.encode(seal), indent=1) + b"\n")
    return path


def read(path: Path) -> Seal:
    """Read a seal; raises StoreError when it is none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Seal)
    except (msgspec.MsgspecError, UnicodeDecodeError, OSError) as error:
        raise StoreError(f"{path}: not a seal that can be read: {error}", hint="Name another seal.") from error


def seals_in(folder: Path) -> list[Path]:
    """The seals of a folder, oldest first."""
    return sorted(folder.glob("seal-*.json")) if folder.is_dir() else []
