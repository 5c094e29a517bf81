"""A bar chart as SVG: panels side by side, each with groups of bars, each bar with its value and its spread."""

from dataclasses import dataclass
from html import escape
from pathlib import Path

from .measure import Figure
from .report import number

LABELS, PANEL, VALUES = 150, 330, 50
BAR, GAP, GROUP, TOP = 16, 5, 30, 64
FONT = "font-family='system-ui, sans-serif'"
HIGHLIGHT, PLAIN, INK, SOFT = "#0b6e99", "#b8c4cc", "#1c2529", "#5c6a72"


@dataclass(frozen=True)
class Bar:
    label: str
    value: Figure
    highlighted: bool


@dataclass(frozen=True)
class Panel:
    """Groups of bars, by title, on one scale from zero."""

    title: str
    groups: dict[str, list[Bar]]


def write(path: Path, title: str, panels: list[Panel]) -> None:
    groups = panels[0].groups.values()
    width = LABELS + len(panels) * (PANEL + VALUES) + 20
    height = TOP + sum(GROUP + len(bars) * (BAR + GAP) for bars in groups) + 16
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' width='{width}' height='{height}'>",
        f"<rect width='{width}' height='{height}' fill='white'/>",
        text(16, 24, title, size=15, weight="bold"),
    ]
    for at, panel in enumerate(panels):
        parts += draw(panel, LABELS + at * (PANEL + VALUES), with_labels=at == 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*parts, "</svg>"]) + "\n", encoding="utf-8")


def draw(panel: Panel, left: float, with_labels: bool) -> list[str]:
    most = max(bar.value.greatest for bars in panel.groups.values() for bar in bars)
    parts, y = [text(left, 48, panel.title, fill=SOFT)], TOP
    for title, bars in panel.groups.items():
        if with_labels:
            parts.append(text(16, y + 16, title, weight="bold"))
        y += GROUP - 6
        for bar in bars:
            parts += draw_bar(bar, left, y, PANEL / most, with_labels)
            y += BAR + GAP
        y += 6
    return parts


def draw_bar(bar: Bar, left: float, y: float, scale: float, with_labels: bool) -> list[str]:
    length, middle = bar.value.median * scale, y + BAR / 2
    least, greatest = left + bar.value.least * scale, left + bar.value.greatest * scale
    fill = HIGHLIGHT if bar.highlighted else PLAIN
    label = [text(left - 8, middle + 4, bar.label, anchor="end")] if with_labels else []
    return label + [
        f"<rect x='{left}' y='{y}' width='{length:.1f}' height='{BAR}' fill='{fill}'/>",
        f"<path d='M{least:.1f} {middle}H{greatest:.1f}' stroke='{INK}'/>",
        text(max(left + length, greatest) + 6, middle + 4, number(bar.value.median)),
    ]


def text(x: float, y: float, content: str, size=12, weight="normal", anchor="start", fill=INK) -> str:
    style = f"{FONT} font-size='{size}' font-weight='{weight}' text-anchor='{anchor}' fill='{fill}'"
    return f"<text x='{x:.1f}' y='{y:.1f}' {style}>{escape(content)}</text>"
