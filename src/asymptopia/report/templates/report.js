"use strict";
(() => {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const MARKS = ["circle", "square", "diamond", "triangle-down", "triangle-up", "cross"];
  const DASHES = ["solid", "dash", "dot", "dashdot", "longdash", "longdashdot"];
  const LIGHT = {ink: "#1b1f24", soft: "#59636e", grid: "#e4e7eb", paper: "#ffffff", band: "rgba(120,130,140,0.20)",
    colors: ["#0072B2", "#C24E00", "#00805D", "#B0578C", "#2E8FC4", "#B57D00"], estimate: "#C24E00", ramp: [[128, 184, 222], [8, 69, 140]]};
  const DARK = {ink: "#e8eaed", soft: "#a9b1bb", grid: "#343a42", paper: "#1d2126", band: "rgba(170,180,190,0.22)",
    colors: ["#5AB4EE", "#FF8A4C", "#2CC79B", "#E79CC6", "#9AD5F5", "#F5BE4B"], estimate: "#FF8A4C", ramp: [[70, 110, 150], [125, 200, 255]]};

  const ramp = (theme, s) => `rgb(${theme.ramp[0].map((a, i) => Math.round(a + (theme.ramp[1][i] - a) * s)).join(",")})`;
  const digits = (v) => v === null ? "no number" : Math.abs(v) > 1e299 ? (v > 0 ? "∞" : "−∞") : String(Number(v.toPrecision(5)));
  const finite = (values) => values.filter((v) => v !== null && Math.abs(v) < 1e299);
  const name = (letter, k) => letter + (k ? k + 1 : "");

  function pointStyle(theme, m, i, many) {
    if (many) {
      const color = theme.colors[i % 6], hollow = m.role === "size";
      return {symbol: MARKS[i % 6] + (hollow ? "-open" : ""), color, size: hollow ? 7 : 8, line: {width: 1.3, color}};
    }
    if (m.role === "size") return {symbol: MARKS[Math.round(5 * (1 - m.shade))], color: ramp(theme, m.shade), size: 7};
    return {symbol: "diamond-open", color: theme.estimate, size: 9, line: {width: 2, color: theme.estimate}};
  }

  function curveTraces(chart, curve, i, count, axes, theme, first) {
    const many = count > 1, color = many ? theme.colors[i % 6] : theme.ink, out = [];
    const base = {xaxis: axes.x, yaxis: axes.y, legendgroup: many ? `c${i}` : undefined};
    const who = many ? curve.label + "<br>" : "";
    if (curve.lineError) {
      const up = curve.line.map((v, k) => v + curve.lineError[k]), down = curve.line.map((v, k) => v - curve.lineError[k]);
      out.push({...base, x: curve.x.concat(curve.x.slice().reverse()), y: up.concat(down.reverse()), fill: "toself", mode: "lines",
        line: {width: 0}, fillcolor: theme.band, hoverinfo: "skip", showlegend: false});
    }
    if (curve.line.length) out.push({...base, x: curve.x, y: curve.line, mode: curve.marks ? "markers" : "lines", line: {color, width: 2, dash: many ? DASHES[i % 6] : "solid"},
      marker: {symbol: "line-ew-open", size: 15, color, line: {width: 2.5, color}},
      name: chart.line, showlegend: first && !many, connectgaps: false,
      text: curve.line.map((v, k) => `${who}${chart.line} ${digits(v)}${curve.lineError ? " ± " + digits(curve.lineError[k]) : ""}`), hovertemplate: "%{text}<extra></extra>"});
    if (curve.fitted) out.push({...base, x: curve.fitted[0], y: curve.fitted[1], mode: "lines", hoverinfo: "skip", name: chart.fit, showlegend: first && !many,
      line: {color: many ? color : theme.colors[0], width: 1.3, dash: "dash"}});
    curve.measured.forEach((m) => out.push({...base, x: m.x, y: m.y, mode: "markers", marker: pointStyle(theme, m, i, many),
      name: m.label, showlegend: first && !many, opacity: many && m.role === "size" ? 0.75 : 1,
      error_y: m.error ? {type: "data", array: m.error.map((e) => e || 0), thickness: 1.3, width: 3, color: many ? color : pointStyle(theme, m, i, many).color} : undefined,
      text: m.y.map((v, k) => `${who}${m.label}<br>${digits(v)}${m.error && m.error[k] ? " ± " + digits(m.error[k]) : ""}`), hovertemplate: "%{text}<extra></extra>"}));
    if (many && first) out.push({...base, x: [null], y: [null], mode: "lines+markers", name: curve.label, showlegend: true, hoverinfo: "skip",
      line: {color, width: 2, dash: DASHES[i % 6]}, marker: pointStyle(theme, {role: "estimate"}, i, true)});
    return out;
  }

  function residualTraces(curve, i, count, axes, theme, top) {
    const many = count > 1, style = (role) => pointStyle(theme, {role, shade: 1}, i, many), out = [];
    const base = {xaxis: axes.x, yaxis: axes.zy, mode: "markers", showlegend: false, legendgroup: many ? `c${i}` : undefined};
    const clip = (v) => v === null ? 0 : Math.max(-0.95 * top, Math.min(0.95 * top, v));
    if (curve.zfit) out.push({...base, x: curve.zfit[0], y: curve.zfit[1].map((v) => v === null ? null : clip(v)), marker: style("size"),
      text: curve.zfit[1].map((v) => `${digits(v)} standard errors`), hovertemplate: "%{text}<extra></extra>"});
    const marker = style("estimate");
    out.push({...base, x: curve.zx, y: curve.z.map(clip), text: curve.z.map((v, k) => `${many ? curve.label + "<br>" : ""}z = ${digits(v)}, refuted beyond ${digits(curve.critical[k])}`),
      hovertemplate: "%{text}<extra></extra>", marker: {...marker, symbol: curve.z.map((v) => v === null ? "x-thin" : marker.symbol), line: {width: 2, color: marker.color}}});
    return out;
  }

  function axisStyle(theme) {
    return {gridcolor: theme.grid, linecolor: theme.soft, zeroline: false, showline: true, mirror: "all", ticks: "inside", tickcolor: theme.soft,
      automargin: true, tickfont: {size: 12}, title: {standoff: 8}, exponentformat: "power"};
  }

  function xAxis(chart, theme, state) {
    const axis = {...axisStyle(theme), type: state.xlog ? "log" : "linear"};
    if (chart.xticks) Object.assign(axis, {tickmode: "array", tickvals: chart.xticks.map((t) => t[0]), ticktext: chart.xticks.map((t) => t[1])});
    else if (state.xlog) {
      const xs = [...new Set(chart.panels.flatMap((p) => p.curves.flatMap((c) => c.measured.flatMap((m) => m.x))))].filter((v) => v > 0).sort((a, b) => a - b);
      if (xs.length > 1 && xs.length < 8) Object.assign(axis, {tickmode: "array", tickvals: xs, ticktext: xs.map((v) => String(Number(v.toPrecision(3))))});
      else if (xs.length && xs[xs.length - 1] < 10 * xs[0]) axis.nticks = 6;
      else axis.dtick = "D2";
    }
    return axis;
  }

  function curves(chart, width, theme, state) {
    const count = chart.panels.length, columns = Math.min(count, width < 620 ? 1 : count === 4 || width < 900 ? 2 : 3), rows = Math.ceil(count / columns);
    const labels = legendLabels(chart), legendRows = Math.ceil(labels.reduce((a, b) => a + b.replace(/<[^>]*>/g, "").length * 7 + 52, 0) / (width - 80));
    const rowHeight = count > 1 ? (chart.residuals ? 330 : 250) : chart.residuals ? 400 : 320, top = legendRows * 24 + 14, bottom = 56;
    const height = rows * rowHeight + top + bottom, inner = height - top - bottom, gapY = rows > 1 ? 62 / inner : 0, gapX = columns > 1 ? 64 / (width - 90) : 0;
    const w = (1 - gapX * (columns - 1)) / columns, h = (1 - gapY * (rows - 1)) / rows;
    const traces = [], layout = {...shell(theme), height, shapes: [], annotations: [], margin: {l: 70, r: 14, t: top, b: bottom},
      legend: {orientation: "h", x: 0, y: 1 + (count > 1 ? 26 : 8) / inner, yanchor: "bottom", font: {size: 12}, bgcolor: "rgba(0,0,0,0)"}};
    chart.panels.forEach((panel, k) => {
      const row = Math.floor(k / columns), column = k % columns, x0 = column * (w + gapX), y1 = 1 - row * (h + gapY), y0 = y1 - h;
      const split = chart.residuals ? y0 + h * 0.27 : y0, axes = {x: name("x", k), y: name("y", 2 * k), zy: name("y", 2 * k + 1)};
      const key = (a) => a.replace(/^([xy])/, "$1axis"), lowest = k + columns >= count;
      layout[key(axes.x)] = {...xAxis(chart, theme, state), domain: [x0, x0 + w], anchor: chart.residuals ? axes.zy : axes.y,
        title: {text: lowest ? chart.xlabel : "", standoff: 8}};
      layout[key(axes.y)] = {...axisStyle(theme), type: state.ylog ? "log" : "linear", domain: [chart.residuals ? split + 0.02 * h : y0, y1], anchor: axes.x,
        title: {text: column ? "" : chart.ylabel, standoff: 8}, nticks: 6};
      panel.curves.forEach((c, i) => traces.push(...curveTraces(chart, c, i, panel.curves.length, axes, theme, k === 0)));
      if (panel.title) layout.annotations.push({text: panel.title, showarrow: false, xref: "paper", yref: "paper", x: x0 + w / 2, y: y1, xanchor: "center", yanchor: "bottom", font: {size: 12}});
      if (chart.residuals) addResiduals(chart, panel, axes, key, layout, traces, theme, [y0, split - 0.02 * h], column);
    });
    return {traces, layout};
  }

  function addResiduals(chart, panel, axes, key, layout, traces, theme, domain, column) {
    const critical = Math.max(0, ...finite(panel.curves.flatMap((c) => c.critical)));
    const all = finite(panel.curves.flatMap((c) => c.z.concat(c.zfit ? c.zfit[1] : [])));
    const top = 1.18 * Math.max(critical, 1, ...all.map(Math.abs));
    const step = [1, 2, 3, 4, 5, 10, 15, 20, 30, 50, 100, 200, 500, 1000].filter((s) => s <= 0.8 * top).pop() || 1;
    layout[key(axes.zy)] = {...axisStyle(theme), type: "linear", domain, anchor: axes.x, range: [-top, top], title: {text: column ? "" : chart.zlabel, standoff: 8},
      tickmode: "array", tickvals: [-step, 0, step]};
    const span = {xref: `${axes.x} domain`, yref: axes.zy, x0: 0, x1: 1, layer: "below"};
    if (critical) layout.shapes.push({...span, type: "rect", y0: -critical, y1: critical, fillcolor: theme.band, line: {width: 0}});
    layout.shapes.push({...span, type: "line", y0: 0, y1: 0, line: {width: 1, color: theme.soft}});
    panel.curves.forEach((c, i) => traces.push(...residualTraces(c, i, panel.curves.length, axes, theme, top)));
  }

  function legendLabels(chart) {
    const cs = chart.panels[0].curves;
    return cs.length > 1 ? cs.map((c) => c.label) : [chart.line, ...(cs[0].fitted ? [chart.fit] : []), ...cs[0].measured.map((m) => m.label)];
  }

  function shell(theme) {
    return {paper_bgcolor: theme.paper, plot_bgcolor: theme.paper, font: {family: "system-ui, sans-serif", size: 13, color: theme.ink}, hovermode: "closest",
      hoverlabel: {bgcolor: theme.paper, bordercolor: theme.soft, font: {color: theme.ink}}, dragmode: "zoom"};
  }

  function map(chart, width, theme) {
    const flat = finite(chart.z.flat()), top = Math.max(1.2 * (chart.critical || 2.5), ...flat.map(Math.abs));
    const text = chart.z.map((row) => row.map((v) => v === null ? "×" : chart.z.flat().length <= 100 ? v.toFixed(1).replace(/^-0\.0$/, "0.0") : ""));
    const hover = chart.z.map((row, i) => row.map((v, j) => `${chart.xlabel} = ${chart.x[j]}<br>${chart.ylabel} = ${chart.y[i]}<br>z = ${digits(v)}`));
    const scale = [[0, "#2d004b"], [0.25, "#8073ac"], [0.5, "#f7f7f7"], [0.75, "#e08214"], [1, "#7f3b08"]];
    const shapes = [];
    chart.z.forEach((row, i) => row.forEach((v, j) => { if (chart.critical && Math.abs(v || 0) > chart.critical)
      shapes.push({type: "rect", x0: j - 0.47, x1: j + 0.47, y0: i - 0.47, y1: i + 0.47, line: {width: 2, color: theme.ink}}); }));
    const trace = {type: "heatmap", z: chart.z.map((r) => r.map((v) => v === null ? null : Math.max(-top, Math.min(top, v)))), zmin: -top, zmax: top, colorscale: scale, text,
      customdata: hover, texttemplate: "%{text}", hovertemplate: "%{customdata}<extra></extra>", xgap: 1, ygap: 1,
      colorbar: {title: {text: "z", side: "top"}, thickness: 12, outlinewidth: 0, tickfont: {color: theme.ink}}};
    const axis = (values, label) => ({...axisStyle(theme), type: "linear", tickmode: "array", tickvals: values.map((_, k) => k), ticktext: values,
      title: {text: label, standoff: 8}, showgrid: false, ticks: ""});
    return {traces: [trace], layout: {...shell(theme), height: 150 + Math.min(360, Math.max(160, 44 * chart.y.length)), shapes, margin: {l: 70, r: 10, t: 16, b: 56},
      xaxis: axis(chart.x, chart.xlabel), yaxis: axis(chart.y, chart.ylabel)}};
  }

  function draw(node, chart, state) {
    const theme = dark.matches ? DARK : LIGHT, width = node.clientWidth || 600;
    const built = chart.kind === "map" ? map(chart, width, theme) : curves(chart, width, theme, state);
    return Plotly.react(node, built.traces, {...built.layout, width}, {displaylogo: false, displayModeBar: width < 620 ? false : "hover",
      modeBarButtons: [["toImage", "zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]], toImageButtonOptions: {format: "svg", filename: chart.name}});
  }

  function bringToLife(figure) {
    const chart = JSON.parse(figure.querySelector("script").textContent), node = figure.querySelector(".live");
    const state = {xlog: chart.xlog, ylog: chart.ylog};
    figure.classList.add("alive");
    for (const button of figure.querySelectorAll("button[data-axis]")) {
      const axis = button.dataset.axis, show = () => { button.textContent = `${axis[0]} axis: ${state[axis] ? "logarithmic" : "linear"}`; button.setAttribute("aria-pressed", state[axis]); };
      button.addEventListener("click", () => { state[axis] = !state[axis]; show(); draw(node, chart, state); });
      show();
    }
    draw(node, chart, state).catch((error) => { figure.classList.remove("alive"); console.error(error); });
    figure.redraw = () => draw(node, chart, state);
  }

  function copy(button) {
    const field = document.createElement("textarea"), said = button.textContent;
    field.value = button.dataset.command;
    document.body.append(field);
    field.select();
    button.textContent = document.execCommand("copy") ? "copied" : field.value;
    field.remove();
    setTimeout(() => { button.textContent = said; }, 2000);
  }

  const key = (row, k) => { const text = row.cells[k].textContent.trim().replace("\u2212", "-").replace("\u221e", "Infinity"), v = parseFloat(text); return isNaN(v) ? text : v; };
  const compare = (a, b) => typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));

  function sortable(table) {
    table.querySelectorAll("thead th").forEach((head, k) => {
      const button = document.createElement("button");
      button.type = "button"; button.className = "sort"; button.title = "sort by this column";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") !== "ascending", body = table.tBodies[0];
        table.querySelectorAll("th[aria-sort]").forEach((h) => h.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        body.append(...[...body.rows].sort((a, b) => (up ? 1 : -1) * compare(key(a, k), key(b, k))));
      });
    });
  }

  function start() {
    for (const node of document.querySelectorAll(".math"))
      katex.render(node.textContent, node, {displayMode: node.classList.contains("display"), throwOnError: false, strict: "ignore", errorColor: "currentColor"});
    document.querySelectorAll("table.sortable").forEach((table) => { if (table.tBodies[0].rows.length > 1) sortable(table); });
    document.querySelectorAll("button[data-command]").forEach((b) => b.addEventListener("click", () => copy(b)));
    const figures = [...document.querySelectorAll("figure.chart")];
    const seen = new IntersectionObserver((entries) => { for (const e of entries) if (e.isIntersecting) { seen.unobserve(e.target); bringToLife(e.target); } }, {rootMargin: "1200px"});
    figures.forEach((f) => seen.observe(f));
    const again = () => figures.forEach((f) => f.redraw && f.redraw());
    dark.addEventListener("change", again);
    let wait, width = window.innerWidth;
    window.addEventListener("resize", () => { if (window.innerWidth !== width) { width = window.innerWidth; clearTimeout(wait); wait = setTimeout(again, 150); } });
    window.addEventListener("beforeprint", () => document.querySelectorAll("details:not(.long)").forEach((d) => { d.open = true; }));
  }
  start();
})();
