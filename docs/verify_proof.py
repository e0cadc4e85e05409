"""Checks a Daybook proof, or a whole exported ledger, with plain Python 3: nothing of Daybook is needed or used.

    python3 verify_proof.py proof.json            the event is in the log that the seal is about
    python3 verify_proof.py ledger.jsonl SEAL     every event of an export, the chain, and the seal's head and root

A proof file holds a seal (a signed statement: position, head hash, Merkle root, time), an event, and the hashes that lead to
the root. openssl checks the signature; the command is printed. Whose key it is, you must know. Exit: 0 holds, 1 not, 2 usage.
"""

import base64
import hashlib
import json
import sys
from pathlib import Path

ORDER = ("position", "stream", "version", "topic", "recorded_at", "state", "source")


def sha(data):
    return hashlib.sha256(data).digest()


def frame(value):
    if value is None:
        return b"-,"
    data = str(value).encode()
    return b"%d:%b," % (len(data), data)


def event_hash(previous, event):
    """hash(n) = SHA-256(hash(n-1) || frames of position, stream, version, topic, recorded_at, state, source)."""
    return sha(previous + b"".join(frame(event[name]) for name in ORDER))


def root_by_path(leaf, index, size, path):
    """The root that an inclusion proof leads to (RFC 9162, section 2.1.3.2), None when the path has a wrong length."""
    fn, sn, node = index, size - 1, sha(b"\x00" + leaf)
    for step in path:
        if sn == 0:
            return None
        if fn & 1 or fn == sn:
            node = sha(b"\x01" + step + node)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            node = sha(b"\x01" + node + step)
        fn, sn = fn >> 1, sn >> 1
    return node if sn == 0 else None


def extends(old, new, old_root, new_root, proof):
    """Whether the tree of `new` events begins with the tree of `old` events (RFC 9162, section 2.1.4.2)."""
    if old == new:
        return not proof and old_root == new_root
    path = [old_root, *proof] if old & (old - 1) == 0 else proof
    if not path or not 0 < old < new:
        return False
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    first = second = path[0]
    for step in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            first, second = sha(b"\x01" + step + first), sha(b"\x01" + step + second)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            second = sha(b"\x01" + second + step)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and first == old_root and second == new_root


def tree_root(leaves):
    level = [sha(b"\x00" + leaf) for leaf in leaves]
    while len(level) > 1:
        last = level[len(level) - len(level) % 2 :]
        level = [sha(b"\x01" + level[i] + level[i + 1]) for i in range(0, len(level) - 1, 2)] + last
    return level[0] if level else sha(b"")


def check_proof(proof):
    seal, event, wrong = proof["seal"], proof["event"], []
    leaf = event_hash(bytes.fromhex(proof["previous_hash"]), event)
    if leaf.hex() != event["hash"]:
        wrong.append(f"event {event['position']}: its content does not give its hash")
    found = root_by_path(leaf, event["position"] - 1, seal["position"], [*map(bytes.fromhex, proof["inclusion"])])
    if found is None or found.hex() != seal["root"]:
        wrong.append(f"event {event['position']} is not in the tree that was sealed")
    if "since" in proof:
        old = proof["since"]
        roots, path = map(bytes.fromhex, (old["root"], seal["root"])), [*map(bytes.fromhex, proof["consistency"])]
        if not extends(old["position"], seal["position"], *roots, path):
            wrong.append(f"the log of the seal at {old['position']} is not the beginning of this one")
    return wrong


def check_export(lines, seal):
    """What is wrong with an exported ledger: the first broken event by position, then the seal."""
    previous, leaves = bytes(32), []
    for number, line in enumerate(lines, 1):
        event = json.loads(line)
        if event["position"] != number:
            return [f"position {event['position']} stands where {number} should"]
        previous = event_hash(previous, event)
        if previous.hex() != event["hash"]:
            return [f"position {number}: its content does not give its hash"]
        leaves.append(previous)
    if len(leaves) < seal["position"]:
        return [f"the export ends at {len(leaves)}, the seal is about {seal['position']}"]
    if (
        leaves[seal["position"] - 1].hex() != seal["head"]
        or tree_root(leaves[: seal["position"]]).hex() != seal["root"]
    ):
        return ["the events are not those that were sealed"]
    return []


def signature_command(seal):
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
            with Path(arguments[0]).open(encoding="utf-8") as lines:
                wrong = check_export(lines, seal)
    except (ValueError, KeyError, TypeError, IndexError, OSError) as error:
        print(f"cannot be read as a proof: {error!r}. Usage: verify_proof.py PROOF | EXPORT SEAL", file=sys.stderr)
        return 2
    print("\n".join(wrong) if wrong else f"holds, against the seal at position {seal['position']} of {seal['time']}")
    print("Now check the signature of that seal:\n\n" + signature_command(seal))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
