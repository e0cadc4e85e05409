"""The securities of the demo: invented companies with symbols in every form that the broker uses."""

from __future__ import annotations

from dataclasses import dataclass, replace

from operations.demo_legacy.files import Build, seeded
from operations.demo_legacy.planted import FlawKind

# One row each: symbol, name, industry. The first twelve hold the forms that matter (several dots, hyphens, small
# prices, every exchange), so that small folders have them too.
COMPANIES = """
HLVC.US   | Halvic Semiconductors Inc      | Technology
BRDN.EU   | Bardenau Maschinenbau SE       | Industrials
KITE.1177.AS | Kite Harbour Electric Co    | Consumer Cyclical
PYLN.GR   | Pylenos Shipping SA            | Industrials
FJRD-B.CO | Fjordhavn Pharma B             | Healthcare
ORLN.EU   | Orlane Cosmetiques SA          | Consumer Defensive
2288.HK   | Golden Ferry Holdings Ltd      | Real Estate
AXTR.US   | Axiom Terrace Software Corp    | Technology
MRDN.GB   | Meridian Tidewater plc         | Utilities
LUMN-A.EU | Luminara Energie A             | Energy,Utilities
OLVT.GR   | Olivetta Foods SA              | Consumer Defensive
CNDR.US   | Condor Freight Lines Inc       | Industrials
QNTR.US   | Quantara Biologics Inc         | Healthcare
STLW.EU   | Stahlwerk Lindau AG            | Basic Materials
WYND.CO   | Wyndmark Turbiner A/S          | Energy
PRTO.EU   | Portolan Seguros SGPS          | Financial Services
GRNT.US   | Granitefield Bancorp           | Financial Services
3711.HK   | Pearl Delta Logistics Ltd      | Industrials
XIAN.1822.AS | Xianlu Mobile Devices Co    | Technology
AEGN.GR   | Aegina Marine Insurance SA     | Financial Services
TLLR.US   | Tellurion Data Systems Inc     | Technology
VNDM.EU   | Vendome Horlogerie SA          | Consumer Cyclical
HRTH.GB   | Hearthstone Homes plc          | Real Estate
BLVD.US   | Boulevard Retail Group Inc     | Consumer Cyclical
RHNE.EU   | Rhenania Chemie AG             | Basic Materials
MYKN.GR   | Mykene Telecom SA              | Communication Services
SKGN.CO   | Skagen Foods A/S               | Consumer Defensive
DYNM.US   | Dynamark Aerospace Corp        | Industrials
1966.HK   | Lotus Peninsula Energy Ltd     | Energy
ALPN.EU   | Alpenquell Getraenke AG        | Consumer Defensive
CRVL.US   | Carvelle Medical Devices Inc   | Healthcare
THRC.GR   | Thrace Cement SA               | Basic Materials
NRDK.CO   | Nordkyst Shipping A/S          | Industrials
VRTX-C.US | Vertexia Cloud Class C         | Technology
BSTN.EU   | Bastion Assurances SA          | Financial Services
HKRT.GB   | Hawkridge Testing plc          | Industrials
JADE.0655.AS | Jade Summit Motors Co       | Consumer Cyclical
PLMR.US   | Palmera Insurance Group        | Financial Services
DNTL.EU   | Dentalis Medizintechnik AG     | Healthcare
KRTI.GR   | Kriti Aeolian Power SA         | Utilities
RVRB.US   | Riverbend Water Works Inc      | Utilities
5520.HK   | Victoria Peak Media Ltd        | Communication Services
OSLR.EU   | Ostara Solar NV                | Technology,Energy
FRNC.EU   | Francine Textiles SA           | Consumer Cyclical
MSTR-B.CO | Maestro Audio B                | Consumer Cyclical
TNDR.US   | Tundra Minerals Corp           | Basic Materials
EPRS.GR   | Epirus Dairy SA                | Consumer Defensive
LCHN.GB   | Lochnevis Distillers plc       | Consumer Defensive
ARCD.US   | Arcadia Learning Systems       | Consumer Defensive
ZRMT.EU   | Zermatt Optik AG               | Technology
6108.HK   | Kowloon Precision Tools Ltd    | Industrials
SPRL.US   | Spiral Therapeutics Inc        | Healthcare
DNUB.EU   | Danubia Railways AG            | Industrials
ATHN.GR   | Athenaion Bank SA              | Financial Services
QUAY.GB   | Quayside Leisure plc           | Consumer Cyclical
SNLT.US   | Sunlit Orchards Inc            | Consumer Defensive
BLTC.EU   | Balticum Energia AS            | Energy
YUAN.2418.AS | Yuanfeng Display Tech Co    | Technology
HRNT.US   | Hornet Robotics Corp           | Technology
VLTR.EU   | Volterra Batterie SpA          | Industrials
GLSS.CO   | Glasvaerket Kobenhavn A/S      | Consumer Cyclical
RDGE.US   | Ridgeline Timber REIT          | Real Estate
PATR.GR   | Patras Refinery SA             | Energy
CLDN.GB   | Caledon Broadband plc          | Communication Services
EMBR.US   | Emberlight Games Inc           | Communication Services
"""
# suffix: countries, currency, exchange, region (the old word: geography)
PLACES = {
    "US": (("United States",), "USD", "NasdaqGS", "US"),
    "EU": (("Germany", "France", "Netherlands"), "EUR", "XETRA", "EU"),
    "GR": (("Greece",), "EUR", "Athens", "GREECE"),
    "GB": (("United Kingdom",), "GBP", "LSE", "EU"),
    "CO": (("Denmark",), "DKK", "Copenhagen", "EU"),
    "HK": (("Hong Kong",), "HKD", "HKSE", "ASIA"),
    "AS": (("China",), "HKD", "HKSE", "ASIA"),
}
ISO = {
    "United States": "US", "Germany": "DE", "France": "FR", "Netherlands": "NL", "Greece": "GR",
    "United Kingdom": "GB", "Denmark": "DK", "Hong Kong": "HK", "China": "KY",
}  # fmt: skip
SECURITIES_MIN = 12
GIVEN_UP_EVERY = 6


@dataclass(frozen=True, kw_only=True)
class Security:
    """One invented company; `isin` is what the legacy table says, `true_isin` what the price files may be named by."""

    number: int
    symbol: str
    name: str
    industry: str
    country: str
    exchange: str
    region: str
    currency: str
    isin: str | None
    true_isin: str
    active: bool


def invent_securities(build: Build, count: int) -> list[Security]:
    """Invent `count` securities; with dirt, spoil the ISINs of four of them."""
    lines = [tuple(part.strip() for part in line.split("|")) for line in COMPANIES.strip().splitlines()]
    lines += [(f"N{n:04d}.US", f"Number {n} Holdings Inc", "Industrials") for n in range(len(lines), count)]
    clean = [invent(number, *lines[number]) for number in range(count)]
    return spoil_isins(build, clean) if build.dirt else clean


def invent(number: int, symbol: str, name: str, industry: str) -> Security:
    """Complete one line of the catalogue."""
    countries, currency, exchange, region = PLACES[symbol.rsplit(".", 1)[1]]
    country = countries[number % len(countries)]
    active = number % GIVEN_UP_EVERY != GIVEN_UP_EVERY - 1
    body = f"{ISO[country]}{seeded('isin', symbol).randrange(10**9):09d}"
    true_isin = body + check_digit(body)
    return Security(
        number=number, symbol=symbol, name=name, industry=industry, country=country, exchange=exchange, region=region,
        currency=currency, isin=true_isin if active or number % 4 == 1 else None, true_isin=true_isin, active=active,
    )  # fmt: skip


def check_digit(body: str) -> str:
    """Compute the twelfth character of an ISIN: Luhn over the digits, letters counted as 10 to 35."""
    digits = "".join(str(int(character, 36)) for character in body)
    total = sum(sum(divmod(int(d) * (2 - i % 2), 10)) for i, d in enumerate(reversed(digits)))
    return str(-total % 10)


def spoil_isins(build: Build, clean: list[Security]) -> list[Security]:
    """Plant the four ways in which an ISIN was wrong in the field."""
    spoiled = list(clean)

    def spoil(number: int, isin: str | None) -> str:
        spoiled[number] = replace(clean[number], isin=isin)
        return clean[number].symbol

    def note(kind: FlawKind, symbol: str, said: str) -> None:
        build.flaw(kind, "config.db", f"{symbol}: {said}", table="securities", key=symbol)

    note("isin-malformed", spoil(7, clean[7].true_isin[:10]), "the ISIN has ten characters")
    note("isin-duplicate", spoil(8, clean[1].true_isin), f"the ISIN is that of {clean[1].symbol}")
    note("isin-is-symbol", spoil(9, clean[9].symbol), "the symbol stands in place of the ISIN")
    note("isin-missing", spoil(10, None), "an active security without an ISIN")
    return spoiled
