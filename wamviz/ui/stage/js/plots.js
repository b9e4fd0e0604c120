/* The clock's cursor in Plotly plots elsewhere on the page, and clicks on those plots.

   Contract: PlotCursors(ids, seek) finds plots by element id or data-testid whenever they appear, disappear or are
   drawn anew; move(time) puts a line at that time in every cartesian subplot, shift(seconds) draws what was recorded
   later; a click seeks. The line is an element
   of our own over the plot, placed with the plot's own scale: measured, this costs a tenth of a millisecond, whereas
   asking Plotly for a shape draws the layout again and is undone by the next render. */

export class PlotCursors {
  constructor(ids, seek, signal) {
    Object.assign(this, { ids, seek, time: 0, shown: false, delay: 0, plots: new Map() });
    this.observer = new MutationObserver(() => this.later());
    this.observer.observe(document.body, { childList: true, subtree: true });
    this.sizes = new ResizeObserver(() => this.place());
    signal.addEventListener("abort", () => this.close());
    this.find();
  }

  /* Many mutations, one look. */
  later() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      this.find();
    });
  }

  find() {
    const found = new Set();
    for (const id of this.ids) {
      const host = document.getElementById(id) || document.querySelector(`[data-testid="${CSS.escape(id)}"]`);
      if (!host) continue;
      const inside = host.matches(".js-plotly-plot") ? [host] : host.querySelectorAll(".js-plotly-plot");
      for (const plot of inside) found.add(plot);
    }
    for (const [plot, lines] of this.plots) {
      if (found.has(plot)) continue;
      for (const line of lines) line.remove();
      this.sizes.unobserve(plot);
      this.plots.delete(plot);
    }
    for (const plot of found) {
      if (this.plots.has(plot)) continue;
      this.plots.set(plot, []);
      this.sizes.observe(plot);
      if (plot.on) {
        plot.on("plotly_afterplot", () => {
          this.shiftPlot(plot);
          this.place();
        });
      }
      this.clicks(plot);
    }
    this.place();
  }

  /* Plotly covers the page while a button is down, so a click is a press and a release close to it. */
  clicks(plot) {
    if (plot.wvClicks === this) return;
    plot.wvClicks = this;
    plot.addEventListener(
      "pointerdown",
      (start) => {
        if (!start.isPrimary || start.button !== 0 || !this.plots.has(plot)) return;
        window.addEventListener(
          "pointerup",
          (event) => {
            if (plot.isConnected && Math.hypot(event.clientX - start.clientX, event.clientY - start.clientY) <= 4)
              this.clicked(plot, start);
          },
          { once: true, capture: true },
        );
      },
      true,
    );
  }

  clicked(plot, event) {
    const frame = plot.getBoundingClientRect();
    for (const { xaxis, yaxis } of subplots(plot)) {
      const left = event.clientX - frame.left - xaxis._offset;
      const top = event.clientY - frame.top - yaxis._offset;
      if (left >= 0 && top >= 0 && left <= xaxis._length && top <= yaxis._length) return this.seek(xaxis.p2l(left));
    }
  }

  move(time) {
    this.time = time;
    this.shown = true;
    this.place();
  }

  /* What was recorded is drawn this many seconds later: traces whose meta names their origin. */
  shift(seconds) {
    if (seconds === this.delay) return;
    this.delay = seconds;
    for (const plot of this.plots.keys()) this.shiftPlot(plot);
  }

  /* Python's figures begin at the context; drawn anew, they have forgotten every shift. */
  shiftPlot(plot) {
    const missing = this.delay - (plot.wvShifted === plot.data ? plot.wvDelay : 0);
    if (!missing || !window.Plotly || !Array.isArray(plot.data)) return;
    const moved = plot.data.map((trace, k) => (trace.meta?.origin === "recorded" && Array.isArray(trace.x) ? k : -1));
    const traces = moved.filter((k) => k >= 0);
    [plot.wvShifted, plot.wvDelay] = [plot.data, this.delay];
    if (!traces.length) return;
    const x = traces.map((k) => plot.data[k].x.map((time) => (typeof time === "number" ? time + missing : time)));
    window.Plotly.restyle(plot, { x }, traces);
    [plot.wvShifted, plot.wvDelay] = [plot.data, this.delay];
  }

  hide() {
    this.shown = false;
    this.place();
  }

  place() {
    for (const [plot, lines] of this.plots) {
      const axes = this.shown ? subplots(plot) : [];
      while (lines.length > axes.length) lines.pop().remove();
      axes.forEach(({ xaxis, yaxis }, k) => {
        if (!lines[k] || lines[k].parentNode !== plot) {
          lines[k] = document.createElement("div");
          lines[k].className = "wv-plot-cursor";
          lines[k].setAttribute("aria-hidden", "true");
          // Inline, because this lies outside the element that the style sheet is limited to.
          lines[k].style.cssText =
            "position:absolute;left:0;top:0;width:0;border-left:1.5px solid currentColor;opacity:.7;pointer-events:none;z-index:2";
          plot.append(lines[k]);
        }
        const at = xaxis.l2p(this.time);
        const inside = at >= -0.5 && at <= xaxis._length + 0.5;
        const style = lines[k].style;
        style.visibility = inside ? "visible" : "hidden";
        style.height = `${yaxis._length}px`;
        style.transform = `translate(${(xaxis._offset + at - 0.75).toFixed(2)}px,${yaxis._offset}px)`;
        lines[k].dataset.time = this.time.toFixed(3);
      });
    }
  }

  close() {
    this.observer.disconnect();
    this.sizes.disconnect();
    cancelAnimationFrame(this.waiting);
    for (const line of [...this.plots.values()].flat()) line.remove();
    this.plots.clear();
  }
}

/* One pair of axes for each drawn subplot whose x is a plain number; none while the plot is not laid out. */
export function subplots(plot) {
  const layout = plot._fullLayout;
  if (!layout?._plots) return [];
  const places = new Map(); // axes that overlay others lie in the same place
  for (const { xaxis, yaxis } of Object.values(layout._plots)) {
    if (!xaxis || !yaxis || xaxis.type !== "linear" || !(xaxis._length > 0)) continue;
    const place = `${xaxis._offset} ${yaxis._offset}`;
    if (!places.has(place)) places.set(place, { xaxis, yaxis });
  }
  return [...places.values()];
}
