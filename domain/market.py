"""Events of a market session: bars and ticks in blocks, and the steps by which a session is put away."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import compress
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from domain.event import Event, register
from domain.moments import Date, Instant
from domain.moments import zone as zone_of
from domain.prices import BLOCK_MAX, Column
from domain.streams import stream

__all__ = ["BLOCK_MAX", "Column"]

Unit = Literal["s", "ms", "us"]
"""What the times of a block count: seconds, milliseconds or microseconds."""

MICROSECONDS: dict[Unit, int] = {"s": 1_000_000, "ms": 1_000, "us": 1}
"""How many of them one unit is."""

TIMEFRAME_MINUTES: Final = {"1m": 1, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "1d": 1440}
"""The timeframes that bars have, and how many minutes each is."""

TimeOfDay = Annotated[int, Meta(ge=0, lt=86_400_000_000, description="after midnight, in the unit of the block")]
ZoneName = Annotated[str, Meta(min_length=1, description="an IANA time zone")]
SequenceNumber = Annotated[int, Meta(ge=0, lt=1 << 53)]


class MarketBlock(Event, frozen=True, kw_only=True):
    """Up to BLOCK_MAX rows of one instrument in one session, column by column, each value verbatim as it was received.

    occurred_at: the first row's time. symbol: the instrument key, such as `NSE_EQ|INE002A01018`. exchange: in lower case,
    such as `nse`. session: the date of the trading session in `zone`. time: for each row, how long after midnight of the
    session by the clocks of `zone`, in `unit`; rows stand in the order in which they were received. extra: columns that only
    the legacy file knew, kept so that its rows can be written again. copy: set when the rows came from a further file that
    held the same keys.
    """

    symbol: str
    exchange: str
    session: Date
    zone: ZoneName = "Asia/Kolkata"
    unit: Unit = "s"
    count: int
    time: list[TimeOfDay]
    extra: dict[str, Column] = msgspec.field(default_factory=dict)
    copy: str | None = None

    def __post_init__(self) -> None:
        if any(len(column) != self.count for column in (*self.columns(), *self.extra.values()) if type(column) is list):
            raise ValueError(f"a column has not {self.count} values, as the block has rows")

    def columns(self) -> tuple[Column | list[int], ...]:
        """The columns with a meaning of their own, by which rows are told apart first."""
        raise NotImplementedError  # each block says it; a struct cannot be an abstract class


@register
class BarsRecorded(MarketBlock, frozen=True, kw_only=True, tag="bars-recorded.v1"):
    """Bars closed, were revised or were filled in later; a later bar of the same time replaces that one.

    timeframe: one of TIMEFRAME_MINUTES. time: the beginning of each bar. open, high, low, close: in the instrument's
    currency. volume: units traded, None when the source had none. is_synthetic: 1 where the bar was filled in by recovery.
    open_interest: contracts, only for derivatives.
    """

    timeframe: str
    open: Column
    high: Column
    low: Column
    close: Column
    volume: Column = None
    is_synthetic: Column = 0
    open_interest: Column = None

    def columns(self) -> tuple[Column | list[int], ...]:
        """Time, prices and the rest."""
        prices = (self.open, self.high, self.low, self.close)
        return (self.time, *prices, self.volume, self.is_synthetic, self.open_interest)


@register
class TicksRecorded(MarketBlock, frozen=True, kw_only=True, tag="ticks-recorded.v1"):
    """Ticks were received; several in one second stay several.

    sequence: the numbers of the rows among the ticks of this symbol and session, from 1; a single number is the first of
    consecutive ones. A later tick with a number that was used replaces that one. price: last traded, in the instrument's
    currency. volume: the quantity last traded, 0 for an index. bid, ask: the best ones, where the feed gave them.
    """

    sequence: SequenceNumber | list[SequenceNumber]
    price: Column
    volume: Column = None
    bid: Column = None
    ask: Column = None

    def columns(self) -> tuple[Column | list[int], ...]:
        """Time and number, prices and volume."""
        return (self.time, self.sequence, self.price, self.volume, self.bid, self.ask)

    @property
    def numbers(self) -> Sequence[int]:
        """The number of each row."""
        if isinstance(self.sequence, int):
            return range(self.sequence, self.sequence + self.count)
        return self.sequence


@register
class BarsVoided(Event, frozen=True, kw_only=True, tag="bars-voided.v1"):
    """Bars that were recorded never were; a later block may state them anew. occurred_at: the first of them.

    time: the beginnings of the bars, as in BarsRecorded.
    """

    symbol: str
    exchange: str
    session: Date
    zone: ZoneName = "Asia/Kolkata"
    unit: Unit = "s"
    timeframe: str
    time: list[TimeOfDay]
    reason: str


@register
class TicksVoided(Event, frozen=True, kw_only=True, tag="ticks-voided.v1"):
    """Ticks that were recorded never were. occurred_at: the first of them. sequence: their numbers."""

    symbol: str
    exchange: str
    session: Date
    zone: ZoneName = "Asia/Kolkata"
    sequence: list[SequenceNumber]
    reason: str


@register
class MarketRowKept(Event, frozen=True, kw_only=True, tag="market-row-kept.v1"):
    """A tick or bar was handed in that is none: kept as it was, with the reason, and shown in no series."""

    kind: Literal["tick", "bar"]
    row: str
    reason: str


@register
class SessionOpened(Event, frozen=True, kw_only=True, tag="session-opened.v1"):
    """A feed began to record a session live: what is recorded from now on stands in the live buffer until it is put away.

    occurred_at: the first row's time. zone: of the exchange's clocks.
    """

    exchange: str
    session: Date
    zone: ZoneName = "Asia/Kolkata"


@register
class RolloverStarted(Event, frozen=True, kw_only=True, tag="rollover-started.v1"):
    """A session began to be put away. through: the position in the log up to which its rows count."""

    exchange: str
    session: Date
    through: int


@register
class TicksPromoted(Event, frozen=True, kw_only=True, tag="ticks-promoted.v1"):
    """The ticks of a session lie in their day file. rows, digest: what the file was found to hold."""

    exchange: str
    session: Date
    through: int
    rows: int
    digest: str


@register
class BarsPromoted(Event, frozen=True, kw_only=True, tag="bars-promoted.v1"):
    """The bars of a session and timeframe lie in their day file. rows, digest: what the file was found to hold."""

    exchange: str
    session: Date
    timeframe: str
    through: int
    rows: int
    digest: str


@register
class SessionSealed(Event, frozen=True, kw_only=True, tag="session-sealed.v1"):
    """The day files of a session became read-only.

    rows, digests: by `ticks` and `candles/<timeframe>`, of each of which there were rows, as its content was when the log had
    been followed through the position `through`. What is recorded later amends the session, and it is sealed anew.
    """

    exchange: str
    session: Date
    through: int
    rows: dict[str, int]
    digests: dict[str, str]


@register
class BufferReset(Event, frozen=True, kw_only=True, tag="buffer-reset.v1"):
    """The live buffer let go of a session's rows up to the position `through`."""

    exchange: str
    session: Date
    through: int


@register
class RolloverCompleted(Event, frozen=True, kw_only=True, tag="rollover-completed.v1"):
    """A session is put away: promoted, verified, sealed, and gone from the live buffer. through: as it was started."""

    exchange: str
    session: Date
    through: int


@register
class SessionArchived(Event, frozen=True, kw_only=True, tag="session-archived.v1"):
    """From now on a day file of a session that was sealed is kept as Parquet.

    timeframe: of its bars, '' for ticks. through: the newest position that it shows. rows, digest: what the day file was found
    to hold, and the Parquet file holds as well.
    """

    exchange: str
    session: Date
    kind: Literal["ticks", "candles"]
    timeframe: str = ""
    through: int
    rows: int
    digest: str


def microseconds(rows: BarsRecorded | TicksRecorded | BarsVoided) -> list[int]:
    """When each row is, after midnight of the session."""
    factor = MICROSECONDS[rows.unit]
    return rows.time if factor == 1 else [time * factor for time in rows.time]


def known_by(block: MarketBlock, as_of: Instant) -> MarketBlock:
    """The block without the rows that are later; the same block when there are none."""
    local = datetime.fromisoformat(as_of).astimezone(zone_of(block.zone))
    midnight = datetime.fromisoformat(block.session).replace(tzinfo=local.tzinfo)
    limit = (local - midnight) // timedelta(microseconds=MICROSECONDS[block.unit])
    shown = [time <= limit for time in block.time]
    if all(shown):
        return block
    columns = {name: getattr(block, name) for name in block.__struct_fields__}
    if isinstance(block, TicksRecorded):
        columns["sequence"] = list(block.numbers)
    changes = {name: list(compress(one, shown)) for name, one in columns.items() if isinstance(one, list)}
    extra = {name: list(compress(one, shown)) if isinstance(one, list) else one for name, one in block.extra.items()}
    return msgspec.structs.replace(block, **changes, extra=extra, count=sum(shown))


_FOLDERS = {"NSE": "nse", "BSE": "bse", "MCX": "mcx"}


def exchange_of(symbol: str) -> str:
    """The exchange that an instrument key names, in lower case: `nse` of `NSE_EQ|INE002A01018`; nse where it names none."""
    segment, bar, _ = symbol.partition("|")
    if not bar:
        return "nse"
    return next((name for prefix, name in _FOLDERS.items() if segment.upper().startswith(prefix)), segment.lower())


def ticks_stream(exchange: str, symbol: str, session: Date) -> str:
    """The stream of an instrument's ticks in a session; their numbers go on in it, whoever records them."""
    return stream("market-ticks", exchange, symbol, session)


def bars_stream(exchange: str, symbol: str, timeframe: str, session: Date) -> str:
    """The stream of an instrument's bars of a timeframe in a session."""
    return stream("market-bars", exchange, symbol, timeframe, session)


def session_stream(exchange: str, session: Date) -> str:
    """The stream of the steps of a session."""
    return stream("market-session", exchange, session)


KEPT_STREAM = stream("market-kept", "rows")
"""The stream of what was handed in as ticks or bars and is none."""
