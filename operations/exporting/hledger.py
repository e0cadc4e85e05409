"""A journal in the syntax of hledger."""

from __future__ import annotations

from collections.abc import Collection
from types import MappingProxyType

from domain.systems import TRADING_BOT
from operations.exporting.journal import OF_BOT, Closing, Entry, Item, Note, Posting, Price, Style, number_text
from operations.printing import plain

HEAD = """\
; The ledger as double-entry bookkeeping, for hledger.
;
; A purchase stands at its cost. A sale takes the oldest lots first, each at its own cost (@@), and the difference to the
; price is in Income:Gains. What was sold without a purchase in this file comes out of Equity:UnrecordedPurchases at the price
; of the sale: its cost is not known, so no gain is claimed, and the quantity held is never below zero. Shares said to be sold
; short are owed in Liabilities:Broker:Short. A split takes the shares out and puts them in with their new number, at the same
; cost. At the end the balances are asserted, counted from the facts by another way than these entries.
; A fact that was corrected stands here as it is known now; one that was voided does not. Research trades, cancelled cash
; flows and dividends that a cash flow brought (its tags name their position) are left out. Money that is not settled is
; marked `!` and kept in Assets:Broker:Unsettled. `assumed` names what the source did not say; the commodity XXX is money
; whose currency nobody knows. Computed amounts carry eight decimals.
; In texts % , and ; are written %25 %2C and %3B.
"""
_ESCAPES = MappingProxyType(str.maketrans({"%": "%25", ",": "%2C", ";": "%3B"}))


def _head(systems: Collection[str]) -> str:
    return HEAD + (OF_BOT if TRADING_BOT in systems else "") + "\ndecimal-mark .\n"


def _text(content: str) -> str:
    return plain(content).translate(_ESCAPES).strip()


def _commodity(name: str) -> str:
    return name if name.isalpha() else f'"{name}"'


def _item(item: Item) -> str:
    match item:
        case Note():
            return f"\n; {plain(item.text)}\n"
        case Price():
            worth = f"{number_text(item.number)} {_commodity(item.currency)}"
            return f"P {item.date} {_commodity(item.commodity)} {worth}\n"
        case Entry():
            return _entry(item)


def _entry(entry: Entry) -> str:
    tags = {**entry.about, **({"link": entry.link} if entry.link else {})}
    # Something before the text, because a description that begins with a parenthesis would be a code.
    lines = [f"\n{entry.date} {'*' if entry.settled else '!'} Daybook | {_text(entry.narration)}".rstrip()]
    lines += [f"    ; {name}: {_text(content)}" for name, content in tags.items()]
    lines += [f"    {_posting(posting)}" for posting in entry.postings]
    return "\n".join(lines) + "\n"


def _posting(posting: Posting) -> str:
    start = f"{posting.account}  {number_text(posting.number)} {_commodity(posting.commodity)}"
    at = posting.at
    return start if at is None else f"{start} @@ {number_text(at.total)} {_commodity(at.currency)}"


def _closing(closing: Closing) -> str:
    lines = ["", "; Commodities, accounts, and what must be in them at the end"]
    lines += [f"; Left out: {count} {reason}" for reason, count in sorted(closing.left_out.items())]
    for commodity in sorted(closing.commodities):
        original = closing.originals.get(commodity)
        lines.append(f"commodity {_commodity(commodity)}" + (f"  ; original: {_text(original)}" if original else ""))
    lines += [f"account {account}" for account in sorted(closing.accounts)]
    if closing.balances:
        lines += ["", f"{closing.day_after} * Daybook | Closing balances"]
    for (account, commodity), number in sorted(closing.balances.items()):
        name = _commodity(commodity)
        lines.append(f"    {account}  0 {name} = {number_text(number)} {name}")
    return "\n".join(lines) + "\n" if len(lines) > 2 else ""


STYLE = Style(_head, _item, _closing)
