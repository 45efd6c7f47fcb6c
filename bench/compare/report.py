"""Tables, bars and plots of bench/compare/run and bench/compare/in_process."""

import statistics

COLUMNS = [("requests_per_s", "requests/s", 1, 0), ("cpu_us_per_request", "CPU us/request", 1, 2),
           ("us_p50", "p50 ms", 1000, 2), ("us_p99", "p99 ms", 1000, 2),
           ("us_p999", "p99.9 ms", 1000, 2)]
LABELS = {"null": "a server that decides nothing", "nginx": "nginx, return 409",
          "fluxgate_os": "fluxgate, not synced",
          "nginx_redis": "nginx + Lua + Redis", "fastify_redis": "Fastify + Redis",
          "postgres": "PostgreSQL, one hot row", "redis_always": "Redis EVAL, fsync always",
          "redis_volatile": "Redis EVAL, not durable"}
NOISE = 0.05  # a bar missed by less is "met within noise"


def cell(value, divisor, digits):
    return "-" if value is None else f"{value / divisor:,.{digits}f}"


def round_line(number, name, found):
    figures = "  ".join(f"{title} {cell(found[key], divisor, digits)}"
                        for key, title, divisor, digits in COLUMNS)
    return f"  round {number}  {name:16}  {figures}"


def median(rounds, key):
    values = [found[key] for found in rounds if found[key] is not None]
    return statistics.median(values) if values else None


def table(results):
    head = "| system | " + " | ".join(title for _, title, _, _ in COLUMNS) + " |"
    lines = ["", head, "|---|" + "---|" * len(COLUMNS)]
    for name, rounds in results.items():
        cells = [cell(median(rounds, key), divisor, digits)
                 for key, _, divisor, digits in COLUMNS]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def verdict(value, bar):
    sign = 1 if bar.less_is_better else -1
    if sign * value <= sign * bar.aim:
        return "aim met"
    if sign * value <= sign * bar.bar:
        return "met"
    if sign * value <= sign * bar.bar * (1 + sign * NOISE):
        return "met within noise"
    return "missed"


def judge(scenario, bars, results):
    """Each bar's ratio over the rounds: median, smallest, largest, verdict."""
    judged = []
    for bar in bars:
        names = [name for name in (bar.of, bar.to, *bar.over) if name]
        if any(name not in results for name in names):
            continue
        ratios = []
        for rounds in zip(*(results[name] for name in names)):
            figures = [found[bar.figure] for found in rounds]
            if None in figures:
                continue
            value = figures[0] / (figures[1] if bar.to else 1)
            if bar.over:
                value /= figures[-2] / figures[-1]
            ratios.append(value)
        if not ratios:
            continue
        value = statistics.median(ratios)
        judged.append({"scenario": scenario, "what": bar.what, "value": value,
                       "min": min(ratios), "max": max(ratios), "bar": bar.bar, "aim": bar.aim,
                       "less_is_better": bar.less_is_better, "verdict": verdict(value, bar)})
    return judged


def ratio(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def bars_table(bars):
    if not bars:
        return ""
    lines = ["", "| what | median (smallest to largest) | bar | aim | |", "|---|---|---|---|---|"]
    for bar in bars:
        value, smallest, largest = (ratio(bar[key]) for key in ("value", "min", "max"))
        lines.append(f"| {bar['what']} | {value} ({smallest} to {largest})"
                     f" | {ratio(bar['bar'])} | {ratio(bar['aim'])} | {bar['verdict']} |")
    return "\n".join(lines)


def pyplot():
    """matplotlib, drawing SVG: the same figures make the same file."""
    import matplotlib
    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "fluxgate"
    from matplotlib import pyplot as drawing
    return drawing


def save(figure, result, path, program="run"):
    origin = f"{result['cpu']}, {result['measured_at'][:10]}, bench/compare/{program}"
    figure.text(0.01, 0.005, origin, fontsize=7, color="#666666")
    figure.tight_layout(rect=(0, 0.02, 1, 1))
    figure.savefig(path, metadata={"Date": None})


def draw_bars(axis, bars):
    """How far each figure is from its bar: a dot at the median, a line over the rounds."""
    bars = bars[::-1]
    for row, bar in enumerate(bars):
        def over(value, bar=bar):
            return value / bar["bar"] if bar["less_is_better"] else bar["bar"] / value
        good = over(bar["value"]) <= 1 + NOISE
        colour = "#2e7d32" if good else "#c0392b"
        axis.plot([over(bar["min"]), over(bar["max"])], [row, row], color=colour, alpha=0.35,
                  linewidth=4, solid_capstyle="round")
        axis.plot(over(bar["value"]), row, "o", color=colour)
        axis.plot(over(bar["aim"]), row, "|", color="#333333", markersize=12)
    axis.axvline(1, color="#333333", linewidth=1)
    axis.set_yticks(range(len(bars)), [bar["what"] for bar in bars], fontsize=8)
    axis.set_xscale("log")
    axis.set_xticks([0.1, 0.3, 1, 3], ["0.1", "0.3", "the bar", "3"])
    axis.set_xticks([], minor=True)
    axis.set_title("left of the line is better; | is the aim", loc="left", fontsize=9)
    axis.spines[["top", "right"]].set_visible(False)


def plot_bars(result, path):
    figure, axis = pyplot().subplots(figsize=(8, 0.42 * len(result["bars"]) + 1.2))
    draw_bars(axis, result["bars"])
    save(figure, result, path)


def plot_in_process(origin, bars, rooms, path):
    """The bars as above, and what one operation of each room takes, on a scale of powers of ten."""
    heights = [0.42 * len(bars) + 1, 0.26 * len(rooms) + 1]
    figure, (above, below) = pyplot().subplots(2, 1, figsize=(8, sum(heights)),
                                               height_ratios=heights)
    draw_bars(above, bars)
    drawn = below.barh(list(rooms)[::-1], list(rooms.values())[::-1], color="#8a9ba8")
    below.bar_label(drawn, labels=[ratio(ns) for ns in list(rooms.values())[::-1]], padding=4,
                    fontsize=7)
    below.set_xscale("log")
    below.tick_params(axis="y", labelsize=7)
    below.set_title("one operation, ns", loc="left", fontsize=9)
    below.spines[["top", "right"]].set_visible(False)
    below.margins(x=0.15, y=0.01)
    save(figure, origin, path, "in_process")


def plot(result, path):
    """CPU per sold-out answer, and orders per second, as horizontal bars."""
    panels = [("sold_out", "cpu_us_per_request", "CPU time per sold-out answer, µs"),
              ("sold_out", "requests_per_s", "sold-out answers per second, one core"),
              ("durable", "requests_per_s", "accepted orders per second, one core")]
    panels = [panel for panel in panels if panel[0] in result["scenarios"]]
    figure, axes = pyplot().subplots(len(panels), 1, figsize=(8, 2.4 * len(panels)), squeeze=False)
    for axis, (scenario, key, title) in zip(axes[:, 0], panels):
        figures = result["scenarios"][scenario]["figures"]
        names = list(figures)[::-1]
        values = [median(figures[name], key) for name in names]
        colours = ["#c0392b" if name == "fluxgate" else "#8a9ba8" for name in names]
        drawn = axis.barh([LABELS.get(name, name) for name in names], values, color=colours)
        digits = 1 if max(values) < 1000 else 0
        axis.bar_label(drawn, labels=[f"{value:,.{digits}f}" for value in values], padding=4)
        axis.set_title(title, loc="left", fontsize=11)
        axis.spines[["top", "right", "bottom"]].set_visible(False)
        axis.xaxis.set_visible(False)
        axis.margins(x=0.15)
    save(figure, result, path)
