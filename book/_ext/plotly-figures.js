// Draws each Plotly figure when it comes near the screen, in the colours of the page, dark or light, and so that it fits.
(function () {
  const page = document.documentElement, boxes = [...document.querySelectorAll(".plotly-figure")];
  const drawn = new Map(); // box -> its template as it came

  // A template holds what a figure does not say itself. "#2a3f5f" is the ink of Plotly's own templates.
  function inPageColours(template) {
    const colour = (name, otherwise) => getComputedStyle(page).getPropertyValue(name).trim() || otherwise;
    const ink = colour("--pst-color-text-base", "#323232"), lines = colour("--pst-color-border", "#c9c9c9"), clear = "rgba(0,0,0,0)";
    const { layout = {}, ...rest } = JSON.parse(JSON.stringify(template || {}).replaceAll("#2a3f5f", ink));
    const axis = { gridcolor: lines, linecolor: lines, zerolinecolor: lines };
    const axes = (names, of = {}, more = {}) => Object.fromEntries(names.map((name) => [name, { ...of[name], ...axis, ...more }]));
    return { ...rest, layout: {
      ...layout, paper_bgcolor: clear, plot_bgcolor: clear,
      font: { ...layout.font, color: ink }, modebar: { bgcolor: clear, color: lines, activecolor: ink },
      ...axes(["xaxis", "yaxis"], layout), scene: { ...layout.scene, ...axes(["xaxis", "yaxis", "zaxis"], layout.scene, { showbackground: false }) },
    } };
  }

  // On a phone: no buttons over the legend, and a finger that moves over curves scrolls the page; the legend not beside
  // the curves, rows of skeletons smaller.
  function fit({ data, layout, config }, width) {
    const wide = width / (layout.height || 450) / 1.7; // 1 is what the figures are made for
    if (width < 480) config.displayModeBar = false;
    if (width < 480 && !layout.scene) layout.dragmode = false;
    if (wide >= 0.75) return;
    layout.legend = { orientation: "h", y: 1.02, yanchor: "bottom", ...layout.legend };
    const ratio = layout.scene?.aspectratio;
    for (const axis in ratio) ratio[axis] *= wide;
    for (const trace of data) if (trace.type === "scatter3d") trace.textfont = { size: Math.max(8, 14 * wide), ...trace.textfont };
  }

  function draw(box) {
    if (drawn.has(box)) return;
    const figure = JSON.parse(box.querySelector("script").textContent), template = figure.layout.template;
    drawn.set(box, template);
    figure.layout.template = inPageColours(template);
    figure.config = { responsive: true, displaylogo: false, ...figure.config };
    fit(figure, box.clientWidth);
    Plotly.newPlot(box, figure);
  }

  const near = (seen) => seen.forEach(({ target, isIntersecting }) => isIntersecting && draw(target));
  const watch = new IntersectionObserver(near, { rootMargin: "400px 0px" });
  boxes.forEach((box) => watch.observe(box));
  addEventListener("beforeprint", () => boxes.forEach(draw));
  const repaint = () => drawn.forEach((template, box) => Plotly.relayout(box, { template: inPageColours(template) }));
  new MutationObserver(repaint).observe(page, { attributeFilter: ["data-theme"] });
})();
