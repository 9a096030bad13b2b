"""The results of lockouts.py, drawn: the same SVG for the same results, on any background."""

from itertools import accumulate
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

_WINDOW_S = 60.0
_THRESHOLD = 50
_SHOWN_S = 420.0
_GREY = "#808890"  # legible on white and on black
_COLORS = ("#2f9e6e", "#d9822b", "#d6455d", "#4a8fdc")
_STYLE = {
    "svg.hashsalt": "cliq_async",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial", "sans-serif"],
    "font.size": 11,
    "savefig.transparent": True,
    "path.simplify": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "legend.labelcolor": _GREY,
} | dict.fromkeys(
    ("axes.edgecolor", "axes.labelcolor", "axes.titlecolor", "text.color", "xtick.color"), _GREY
)


def draw(results: dict, folder: Path) -> list[Path]:
    """Draw `arrivals.svg` and `delivered.svg`; where they are."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    with mpl.rc_context(_STYLE | {"ytick.color": _GREY}):
        for name, axes_of in (("arrivals", _arrivals), ("delivered", _delivered)):
            figure, axes = plt.subplots(figsize=(8.0, 4.2), layout="constrained")
            axes_of(axes, results["series"])
            axes.grid(visible=True, color=_GREY, alpha=0.25, linewidth=0.6)
            axes.set_ylim(bottom=0)
            drawn.append(folder / f"{name}.svg")
            figure.savefig(drawn[-1], metadata={"Date": None, "Creator": None})
            plt.close(figure)
    return drawn


def _arrivals(axes: Axes, series: dict[str, dict[str, list[float]]]) -> None:
    for color, (name, times) in zip(_COLORS, series.items(), strict=False):
        steps = [(at, 1) for at in times["arrivals"]]
        steps += [(at + _WINDOW_S, -1) for at in times["arrivals"]]
        shown = sorted(step for step in steps if step[0] <= _SHOWN_S)
        counts = [0, *accumulate(change for _, change in shown)]
        seconds = [0.0, *(at for at, _ in shown)]
        axes.step(seconds, counts, where="post", label=name, color=color, linewidth=1.4)
    axes.axhline(_THRESHOLD, color=_GREY, linestyle="--", linewidth=1.2)
    axes.annotate(
        f"threshold: {_THRESHOLD}, one more is a lock of 10 minutes",
        (_SHOWN_S, _THRESHOLD),
        xytext=(0, 12),
        textcoords="offset points",
        ha="right",
    )
    axes.set_title("Arrivals at a server that counts and does not yet lock", fontsize=12)
    axes.set_xlabel("time (s)")
    axes.set_ylabel("requests in the last 60 s")
    axes.set_xlim(0, _SHOWN_S)
    axes.legend(loc="upper right", ncols=2)


def _delivered(axes: Axes, series: dict[str, dict[str, list[float]]]) -> None:
    for color, (name, times) in zip(_COLORS, series.items(), strict=False):
        accepted = times["accepted"]
        minutes = [at / 60.0 for at in accepted]
        axes.step(
            [0.0, *minutes],
            range(len(accepted) + 1),
            where="post",
            label=name,
            color=color,
            linewidth=1.8,
        )
    axes.set_title(
        "1,000 messages, one recipient each; a lock is a step of 10 minutes", fontsize=12
    )
    axes.set_xlabel("time (minutes)")
    axes.set_ylabel("recipients delivered")
    axes.set_xlim(left=0)
    axes.legend(loc="lower right")
