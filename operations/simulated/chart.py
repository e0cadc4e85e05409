"""The chart of a simulation: small panels of lines over the years, as SVG that any browser shows."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import ceil, log10
from typing import NamedTuple

WIDTH, HEIGHT = 420, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 92, 34, 28
_COLORS = ("#1f5fa8", "#b5521b", "#2d7a3e", "#7a3d8f", "#666666")
_COLUMNS = 2
_TICKS = 4
_LABEL_GAP = 12


class Panel(NamedTuple):
    """One panel: a title with the unit, and a line of values per name, one value for each year."""

    title: str
    lines: dict[str, Sequence[float]]


def chart(title: str, years: Sequence[int], panels: Sequence[Panel]) -> str:
    """The whole picture."""
    rows = ceil(len(panels) / _COLUMNS)
    width, height = WIDTH * _COLUMNS, HEIGHT * rows + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<text x="12" y="20" font-size="14" font-weight="bold">{escape(title)}</text>',
    ]
    for place, panel in enumerate(panels):
        x, y = place % _COLUMNS * WIDTH, place // _COLUMNS * HEIGHT + 30
        parts += [f'<g transform="translate({x} {y})">', *_panel(panel, years), "</g>"]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(panel: Panel, years: Sequence[int]) -> list[str]:
    top = _round_up(max((value for values in panel.lines.values() for value in values), default=0))
    base, right = HEIGHT - _BOTTOM, WIDTH - _RIGHT
    parts = [f'<text x="{_LEFT}" y="22" font-weight="bold">{escape(panel.title)}</text>']
    for tick in range(_TICKS + 1):
        y = base - (base - _TOP) * tick / _TICKS
        parts.append(f'<line x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#dddddd"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{top * tick / _TICKS:,.4g}</text>')
    parts += [f'<text x="{_x(year, years):.1f}" y="{base + 16}" text-anchor="middle">{year}</text>' for year in years]
    ends = {name: base - (base - _TOP) * values[-1] / top for name, values in panel.lines.items()}
    labels = _spread(ends)
    for color, (name, values) in zip(_COLORS, panel.lines.items(), strict=False):
        points = " ".join(
            f"{_x(year, years):.1f},{base - (base - _TOP) * value / top:.1f}"
            for year, value in zip(years, values, strict=True)
        )
        parts.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"/>')
        parts.append(f'<text x="{right + 6}" y="{labels[name] + 4:.1f}" fill="{color}">{escape(name)}</text>')
    return parts


def _x(year: int, years: Sequence[int]) -> float:
    """Years stand apart evenly, from the axis, which is the empty home."""
    return _LEFT + (WIDTH - _RIGHT - _LEFT) * year / max(years)


def _round_up(value: float) -> float:
    """The next number that reads well on an axis of four steps."""
    if value <= 0:
        return 1
    unit: float = 10.0 ** (ceil(log10(value)) - 1)
    return next(step * unit for step in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10) if step * unit >= value)


def _spread(ends: dict[str, float]) -> dict[str, float]:
    """Labels at the ends of their lines, moved down where two would overlap."""
    placed: dict[str, float] = {}
    lowest = float("-inf")
    for name, y in sorted(ends.items(), key=lambda end: end[1]):
        lowest = placed[name] = max(y, lowest + _LABEL_GAP)
    return placed
