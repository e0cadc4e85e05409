"""Checks a Daybook proof, or a whole exported ledger, with plain Python 3: nothing of Daybook is needed or used.

    python3 verify_proof.py proof.json            the event is in the log that the seal is about
    python3 verify_proof.py ledger.jsonl SEAL     every event of an export, the chain, and the seal's head and root

A proof file holds a seal (a signed statement: position, head hash, Merkle root, time), an event, and the hashes that lead to
the root. openssl checks the signature; the command is printed. Whose key it is, you must know. Exit: 0 holds, 1 not, 2 usage.
"""

import base64
import functools
import hashlib
import json
import re
import sys
from pathlib import Path

MASK = "\u2022" * 4
ORDER = ("position", "stream", "version", "topic", "recorded_at", "state", "source")


def sha(data):
    return hashlib.sha256(data).digest()


def frame(value):
    return b"-," if value is None else b"%d:%b," % (len(data := str(value).encode()), data)


def event_hash(previous, event):
    """hash(n) = SHA-256(hash(n-1) || frames of position, stream, version, topic, recorded_at, state, source)."""
    return sha(previous + b"".join(frame(event[name]) for name in ORDER))


def climb(fn, sn, old, new, path):
    """The roots that a path leads to (RFC 9162, sections 2.1.3.2 and 2.1.4.2), None when it has a wrong length."""
    for step in path:
        if sn == 0:
            return None, None
        if fn & 1 or fn == sn:
            old, new = sha(b"\x01" + step + old), sha(b"\x01" + step + new)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            new = sha(b"\x01" + new + step)
        fn, sn = fn >> 1, sn >> 1
    return (old, new) if sn == 0 else (None, None)


def extends(old, new, old_root, new_root, proof):
    """Whether the tree of `new` events begins with the tree of `old` events."""
    if old == new:
        return not proof and old_root == new_root
    path = [old_root, *proof] if old & (old - 1) == 0 else proof
    if not path or not 0 < old < new:
        return False
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    return climb(fn, sn, path[0], path[0], path[1:]) == (old_root, new_root)


def add_leaf(peaks, number, leaf):
    """Add the leaf with this number (from 0) to the roots of the full trees that stand side by side."""
    peaks.append(sha(b"\x00" + leaf))
    while number & 1:
        peaks[-2:], number = [sha(b"\x01" + peaks[-2] + peaks[-1])], number >> 1


def check_proof(proof):
    seal, event, wrong = proof["seal"], proof["event"], []
    leaf = event_hash(bytes.fromhex(proof["previous_hash"]), event)
    if leaf.hex() != event["hash"]:
        wrong.append(f"event {event['position']}: its content does not give its hash")
    start, path = sha(b"\x00" + leaf), map(bytes.fromhex, proof["inclusion"])
    if climb(event["position"] - 1, seal["position"] - 1, start, start, path)[1] != bytes.fromhex(seal["root"]):
        wrong.append(f"event {event['position']} is not in the tree that was sealed")
    if "since" in proof:
        old = proof["since"]
        roots, path = map(bytes.fromhex, (old["root"], seal["root"])), [*map(bytes.fromhex, proof["consistency"])]
        if not extends(old["position"], seal["position"], *roots, path):
            wrong.append(f"the log of the seal at {old['position']} is not the beginning of this one")
    return wrong


def read_event(line):
    """The event of a line; ValueError when a byte of it is not as an export writes it."""
    event = json.loads(line)
    kinds = [{"NoneType": "str"}.get(type(value).__name__, type(value).__name__) for value in event.values()]
    same = line == json.dumps(event, separators=(",", ":")) + "\n"
    if not same or [*event] != [*ORDER, "hash"] or kinds != ["int", "str", "int", *["str"] * 5]:
        raise ValueError("not as exported")
    return event


def check_export(lines, seal):
    """What is wrong with an exported ledger: the first broken event by position, then the seal."""
    previous, peaks, number, sealed = bytes(32), [], 0, None
    for number, line in enumerate(lines, 1):
        try:
            event = read_event(line)
            content = event_hash(previous, event)
        except (ValueError, AttributeError):
            return [f"position {number}: the line is cut off, or is not as it was exported"]
        if event["position"] != number:
            return [f"position {number}: event {event['position']} stands in its place"]
        if content.hex() != event["hash"]:
            masked = "; its secrets are masked: export with --reveal-secrets" if MASK in str(event["state"]) else ""
            return [f"position {number}: its content does not give its hash{masked}"]
        previous = content
        add_leaf(peaks, number - 1, previous)
        if number == seal["position"]:
            root = functools.reduce(lambda right, left: sha(b"\x01" + left + right), reversed(peaks))
            sealed = (previous.hex(), root.hex()) == (seal["head"], seal["root"])
    if sealed is None:
        return [f"position {number + 1} is missing: the export ends at {number}, the seal is about {seal['position']}"]
    return [] if sealed else [f"position {seal['position']}: the events up to it are not those that were sealed"]


def signature_command(seal):
    if not all(re.fullmatch(r"[\w :.+-]+", str(value)) for value in seal.values()):
        return "Not shown: the seal holds what a shell would run."
    key = base64.b64encode(bytes.fromhex("302a300506032b6570032100" + seal["public_key"])).decode()
    lines = "".join(f"{name} {seal[name]}\\n" for name in ("position", "head", "root", "time"))
    return (
        f"printf '%b' '{seal['format']}\\n{lines}' > statement.txt\n"
        f"printf {base64.b64encode(bytes.fromhex(seal['signature'])).decode()} | openssl base64 -d -A > signature.bin\n"
        f"printf '%b' '-----BEGIN PUBLIC KEY-----\\n{key}\\n-----END PUBLIC KEY-----\\n' > key.pem\n"
        "openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in statement.txt -sigfile signature.bin"
    )


def main(arguments):
    try:
        if len(arguments) == 1:
            proof = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
            seal, wrong = proof["seal"], check_proof(proof)
        else:
            seal = json.loads(Path(arguments[1]).read_text(encoding="utf-8"))
            with Path(arguments[0]).open(encoding="utf-8", newline="\n", errors="surrogateescape") as lines:
                wrong = check_export(lines, seal)
    except (ValueError, KeyError, TypeError, IndexError, OSError) as error:
        print(f"cannot be read as a proof: {error!r}. Usage: verify_proof.py PROOF | EXPORT SEAL", file=sys.stderr)
        return 2
    print("\n".join(wrong) if wrong else f"holds, against the seal at position {seal['position']} of {seal['time']}")
    print("Now check the signature of that seal:\n\n" + signature_command(seal))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
