"""The training curve: the loss of tuning by step, as SVG."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["loss_curve"]

_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 800, 240, 60, 40
_POINTS = 200
_STYLE = (
    "<style>text{font:13px system-ui,sans-serif;fill:#1b1f24}.axis{stroke:#57606a;fill:none}"
    ".loss{stroke:#1f5fa8;stroke-width:2;fill:none}</style>"
)


def loss_curve(losses: Sequence[float], *, alone: bool = False) -> str:
    """Return the curve; empty for fewer than two steps.

    Args:
        losses: of each step, in nats per token of the answers; more than 200 are drawn as the means
            of stretches of the same length.
        alone: whether it is a file of its own, with its colours.
    """
    size = max(1, -(-len(losses) // _POINTS))
    means = [
        sum(losses[start : start + size]) / len(losses[start : start + size])
        for start in range(0, len(losses), size)
    ]
    if len(means) < 2:
        return ""
    high = max(means) or 1.0

    def x(place: int) -> float:
        return _LEFT + place / (len(means) - 1) * (_WIDTH - _LEFT - 20)

    def y(loss: float) -> float:
        return 10 + (1 - loss / high) * (_HEIGHT - _BOTTOM - 10)

    line = " ".join(f"{x(place):.1f} {y(loss):.1f}" for place, loss in enumerate(means))
    bottom = _HEIGHT - _BOTTOM
    what = f"Loss of tuning, {losses[0]:.3f} at the first step and {losses[-1]:.3f} at the last"
    labels = [
        f'<text x="{_LEFT - 8}" y="{y(loss) + 4:.1f}" text-anchor="end">{loss:.2f}</text>'
        for loss in (0.0, high / 2, high)
    ]
    note = f", means of {size:,}" if size > 1 else ""
    sized = f'width="{_WIDTH}" height="{_HEIGHT}" ' if alone else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="forest" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'{sized}role="img" aria-label="{what}">{_STYLE if alone else ""}'
        f'<path class="axis" d="M{_LEFT} 10V{bottom}H{_WIDTH - 20}"/>'
        f'<polyline class="loss" points="{line}"/>{"".join(labels)}'
        f'<text x="{_LEFT}" y="{bottom + 18}">1</text>'
        f'<text x="{_WIDTH - 20}" y="{bottom + 18}" text-anchor="end">{len(losses):,}</text>'
        f'<text x="{_WIDTH / 2}" y="{bottom + 34}" text-anchor="middle">step{note}; nats per token '
        "of the answers</text></svg>"
    )
