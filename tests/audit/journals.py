"""Journals read by others: beancount itself, and a small reader of hledger's syntax that knows nothing of the exporter."""

from __future__ import annotations

import re
from collections import defaultdict
from decimal import Context, Decimal, localcontext
from typing import NamedTuple

from beancount import loader
from beancount.core import data

EXACT = Context(prec=200)
COMMODITY = r'(?:[A-Za-z]+|"[^"\n]+")'
NUMBER = r"-?\d+(?:\.\d+)?"
# From hledger's manual: two spaces part account and amount; an account is any text with single spaces.
POSTING = re.compile(
    rf"    (?P<account>\S+(?: \S+)*)  (?P<number>{NUMBER}) (?P<commodity>{COMMODITY})"
    rf"(?: @@ (?P<total>\d+(?:\.\d+)?) (?P<currency>{COMMODITY}))?(?: = (?P<asserted>{NUMBER}) (?P<of>{COMMODITY}))?"
)
HEAD = re.compile(r"(\d{4}-\d\d-\d\d) ([*!]) ([^;]*)")
TAG = re.compile(r"    ; [\w-]+: [^,;]*")
PRICE = re.compile(rf"P \d{{4}}-\d\d-\d\d {COMMODITY} {NUMBER} {COMMODITY}")
DECLARED = re.compile(rf"(?:commodity {COMMODITY}(?:  ; original: .*)?|account (\S+)|decimal-mark \.)")


def beancount(text: str) -> list[data.Directive]:
    """The entries of a journal in which bean-check finds nothing."""
    entries, errors, _ = loader.load_string(text)
    assert [error.message for error in errors] == [], text
    return entries


def mistakes(text: str) -> list[str]:
    """What bean-check finds."""
    return [error.message for error in loader.load_string(text)[1]]


def sums(entries: list[data.Directive]) -> dict[tuple[str, str], Decimal]:
    """Units by account and commodity."""
    found: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for entry in entries:
        if isinstance(entry, data.Transaction):
            for posting in entry.postings:
                found[posting.account, posting.units.currency] += posting.units.number
    return dict(found)


class Transaction(NamedTuple):
    """A transaction as hledger would read it."""

    date: str
    status: str
    description: str
    postings: list[re.Match[str]]


def hledger(text: str) -> dict[tuple[str, str], Decimal]:
    """Units by account and commodity of a journal that keeps to the syntax, balances, and whose assertions hold."""
    transactions = sorted(_read(text), key=lambda one: one.date)  # as hledger does: by date, then as they stand
    held: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    asserted = set()
    with localcontext(EXACT):
        for transaction in transactions:
            weights: dict[str, Decimal] = defaultdict(Decimal)
            for posting in transaction.postings:
                number = Decimal(posting["number"])
                held[posting["account"], posting["commodity"]] += number
                if posting["total"]:
                    weights[posting["currency"]] += Decimal(posting["total"]).copy_sign(number)
                else:
                    weights[posting["commodity"]] += number
                if posting["asserted"]:
                    assert held[posting["account"], posting["of"]] == Decimal(posting["asserted"]), posting[0]
                    asserted.add((posting["account"], posting["of"]))
            assert not any(weights.values()), (transaction, weights)
    assets = {key for key in held if key[0].startswith(("Assets:", "Liabilities:"))}
    assert asserted == assets
    return {(account, commodity.strip('"')): number for (account, commodity), number in held.items()}


def _read(text: str) -> list[Transaction]:
    transactions: list[Transaction] = []
    declared: set[str] = set()
    for line in text.split("\n"):
        if head := HEAD.fullmatch(line):
            transactions.append(Transaction(head[1], head[2], head[3], []))
        elif posting := POSTING.fullmatch(line):
            transactions[-1].postings.append(posting)
        elif named := DECLARED.fullmatch(line):
            declared.add(named[1])
        else:
            assert not line or line.startswith(";") or TAG.fullmatch(line) or PRICE.fullmatch(line), line
    used = {posting["account"] for transaction in transactions for posting in transaction.postings}
    assert used <= declared
    return transactions
