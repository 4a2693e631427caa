/* What pages do beyond HTML: charts are drawn, a key is copied. Everything works without it. */
(() => {
  "use strict";

  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

  const lines = (series) => series.map(({ label, tone }) => ({
    label, stroke: color(tone), fill: `${color(tone)}22`, width: 2, points: { show: false },
  }));

  const bars = (series) => series.map(({ label, tone }) => ({
    label, width: 0, fill: color(tone), paths: uPlot.paths.bars({ size: [0.7, 24] }), points: { show: false },
  }));

  const two = (number) => String(number).padStart(2, "0");

  const moment = (seconds) => {
    const at = new Date(seconds * 1e3);
    return at.getUTCHours() === 0 ? `${two(at.getUTCMonth() + 1)}-${two(at.getUTCDate())}` : `${two(at.getUTCHours())}:00`;
  };

  const axis = () => ({ stroke: color("muted"), grid: { stroke: color("line"), width: 1 }, ticks: { show: false } });

  const draw = (plot) => {
    const { kind, x, series } = JSON.parse(plot.dataset.chart);
    const room = kind === "bars" ? (x[1] - x[0]) / 2 : 0;
    plot.replaceChildren();
    plot.classList.add("drawn");
    plot.chart = new uPlot(
      {
        width: plot.clientWidth,
        height: 200,
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1e3), "Etc/UTC"),
        legend: { show: false },
        cursor: { show: false },
        scales: { x: { range: (_, least, most) => [least - room, most + room] }, y: { range: (_, __, most) => [0, Math.max(1, most * 1.1)] } },
        axes: [{ ...axis(), incrs: [3600, 21600, 43200, 86400, 172800, 604800, 1209600, 2592000], values: (_, ticks) => ticks.map(moment) }, { ...axis(), size: 56, values: (_, ticks) => ticks.map((t) => (Number.isInteger(t) ? t.toLocaleString("en") : "")) }],
        series: [{}, ...(kind === "bars" ? bars(series) : lines(series))],
      },
      [x, ...series.map(({ values }) => values)],
      plot,
    );
  };

  const drawAll = () => document.querySelectorAll("[data-chart]").forEach((plot) => plot.chart || draw(plot));
  const redrawAll = () => document.querySelectorAll("[data-chart]").forEach(draw);

  const offerCopying = (button) => {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const field = document.getElementById(button.dataset.copy);
      field.select();
      try {
        await navigator.clipboard.writeText(field.value);
      } catch {
        document.execCommand("copy");
      }
      document.getElementById("copied").textContent = "Copied. Put it where it is needed, then clear the clipboard.";
    });
  };

  document.addEventListener("DOMContentLoaded", () => {
    drawAll();
    document.querySelectorAll("[data-copy]").forEach(offerCopying);
    const main = document.getElementById("main");
    if (main) new MutationObserver(drawAll).observe(main, { childList: true, subtree: true });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redrawAll);
    let resized;
    addEventListener("resize", () => { clearTimeout(resized); resized = setTimeout(redrawAll, 150); });
  });
})();
