"""A journal in the syntax of beancount."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from types import MappingProxyType

from domain.systems import ARDUINO_TRADER, TRADING_BOT
from operations.exporting.journal import OF_BOT, Closing, Entry, Item, Note, Posting, Price, Style, number_text
from operations.printing import plain

HEAD = """\
; The ledger as double-entry bookkeeping, for beancount.
;
; A purchase puts a lot into the account of its security, at its cost. A sale takes the oldest lots first; each is named by
; its cost and day, so that bean-check finds a lot that was never bought. What was sold without a purchase in this file comes
; out of Equity:UnrecordedPurchases at the price of the sale: its cost is not known, so no gain is claimed, and the quantity
; held is never below zero. Shares said to be sold short are owed in Liabilities:Broker:Short. A split takes the lots out and
; puts them in with their new number, at the same cost and day. At the end stand the balances, counted from the facts by
; another way than these entries.
; A fact that was corrected stands here as it is known now; one that was voided does not. Research trades, cancelled cash
; flows and dividends that a cash flow brought (its metadata names their position) are left out. Money that is not settled
; is flagged `!` and kept in Assets:Broker:Unsettled. `assumed` names what the source did not say; the commodity XXX is
; money whose currency nobody knows. Computed amounts carry eight decimals.
"""
_CURRENCIES = MappingProxyType({ARDUINO_TRADER: "EUR", TRADING_BOT: "INR"})
_TOLERANCE = Decimal("0.00000001")
_ESCAPES = MappingProxyType(str.maketrans({"\\": "\\\\", '"': '\\"'}))


def _head(systems: Collection[str]) -> str:
    currencies = [f'option "operating_currency" "{_CURRENCIES[one]}"' for one in sorted(systems)]
    about = [HEAD + (OF_BOT if TRADING_BOT in systems else ""), 'option "title" "Daybook"', *currencies]
    return "\n".join(about) + "\n"


def _text(content: str) -> str:
    return f'"{plain(content).translate(_ESCAPES)}"'


def _item(item: Item) -> str:
    match item:
        case Note():
            return f"\n; {plain(item.text)}\n"
        case Price():
            return f"{item.date} price {item.commodity} {number_text(item.number)} {item.currency}\n"
        case Entry():
            return _entry(item)


def _entry(entry: Entry) -> str:
    flag, link = "*" if entry.settled else "!", f" ^{entry.link}" if entry.link else ""
    lines = [f"\n{entry.date} {flag} {_text(entry.narration)}{link}"]
    lines += [f"  {name}: {content if name == 'position' else _text(content)}" for name, content in entry.about.items()]
    lines += [f"  {_posting(posting)}" for posting in entry.postings]
    return "\n".join(lines) + "\n"


def _posting(posting: Posting) -> str:
    start = f"{posting.account}  {number_text(posting.number)} {posting.commodity}"
    at, sale = posting.at, posting.sale
    if at is None:
        return start
    worth = f"{number_text(at.unit)} {at.currency}"
    if not at.is_cost:
        return f"{start} @ {worth}"
    day = f", {at.opened}" if at.opened else ""
    # Beancount refuses a price in another currency than that of the cost.
    price = f" @ {number_text(sale.price)} {sale.currency}" if sale and sale.currency == at.currency else ""
    return f"{start} {{{worth}{day}}}{price}"


def _closing(closing: Closing) -> str:
    lines = ["", "; Commodities, accounts, and what must be in them at the end"]
    lines += [f"; Left out: {count} {reason}" for reason, count in sorted(closing.left_out.items())]
    for commodity, day in sorted(closing.commodities.items()):
        lines.append(f"{day} commodity {commodity}")
        if commodity in closing.originals:
            lines.append(f"  original: {_text(closing.originals[commodity])}")
    lines += [f'{day} open {account} "STRICT"' for account, day in sorted(closing.accounts.items())]
    lines += [
        f"{closing.day_after} balance {account}  {number_text(number)} ~ {_TOLERANCE:f} {commodity}"
        for (account, commodity), number in sorted(closing.balances.items())
    ]
    return "\n".join(lines) + "\n" if len(lines) > 2 else ""


STYLE = Style(_head, _item, _closing)
