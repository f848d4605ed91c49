"""tools/bench_plot.py - one SVG a suite: a bar for each run's median, a dot for each round."""

from html import escape

COLORS = {"largetable": "#2a6f97", "echo": "#7a8b99", "redis": "#c8553d", "postgres": "#6a8d3f",
          "memcached": "#8f6bb3"}
LEFT, WIDTH, RIGHT, ROW, BAR, TOP, BOTTOM = 170, 460, 110, 26, 16, 40, 34


def nice_step(highest, steps=5):
    """1, 2 or 5 times a power of ten, at most `steps` of which reach the highest."""
    power = 1.0
    while power * 10 <= highest / steps:
        power *= 10
    while power > highest / steps:
        power /= 10
    return next(power * k for k in (1, 2, 5, 10) if power * k * steps >= highest)


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:,.3g}"


def axis(highest, height):
    step, parts, at = nice_step(highest), [], 0
    while at <= highest:
        x = LEFT + WIDTH * at / highest
        parts.append(f'<line x1="{x:.1f}" y1="{TOP - 6}" x2="{x:.1f}" y2="{height - BOTTOM}" '
                     f'stroke="#ddd"/><text x="{x:.1f}" y="{height - BOTTOM + 16}" '
                     f'text-anchor="middle">{number(at)}</text>')
        at += step
    return parts


def row(index, label, color, median, values, scale):
    """One run; `scale` is how many pixels a unit has."""
    y = TOP + index * ROW
    middle = y + BAR / 2
    parts = [f'<text x="{LEFT - 8}" y="{middle + 4}" text-anchor="end">{escape(label)}</text>',
             f'<rect x="{LEFT}" y="{y}" width="{median * scale:.1f}" height="{BAR}" '
             f'fill="{color}" fill-opacity="0.75"/>']
    parts += [f'<circle cx="{LEFT + value * scale:.1f}" cy="{middle}" r="3" fill="#222" '
              f'fill-opacity="0.7"/>' for value in values]
    end = LEFT + max(median, *values) * scale + 8
    return parts + [f'<text x="{end:.1f}" y="{middle + 4}" font-weight="bold">'
                    f'{number(median)}</text>']


def draw(title, unit, rows):
    """`rows`: (label, who, median, values of the rounds)."""
    height = TOP + len(rows) * ROW + BOTTOM
    highest = max(value for _, _, median, values in rows for value in (median, *values)) or 1
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + RIGHT}" '
             f'height="{height}" font-family="sans-serif" font-size="12">',
             '<rect width="100%" height="100%" fill="white"/>',
             f'<text x="12" y="20" font-size="14">{escape(title)}, {escape(unit)}</text>']
    parts += axis(highest, height)
    for index, (label, who, median, values) in enumerate(rows):
        parts += row(index, label, COLORS.get(who, "#555"), median, values, WIDTH / highest)
    return "\n".join([*parts, "</svg>", ""])
