// Draws the Plotly figures of a page, in the colours of the page. A browser keeps few drawings in 3D at once (16 on a desk,
// 8 on a phone) and drops the oldest: so a figure is drawn when it is on the screen, and one in 3D is taken down when it leaves.
(function () {
  const boxes = [...document.querySelectorAll(".plotly-figure")], page = document.documentElement;
  const shown = new Map(); // box -> its figure, into which Plotly writes how a reader has turned it, and the template as it came
  const clear = "rgba(0,0,0,0)";

  // A template holds what a figure does not say itself. "#2a3f5f" is the ink of Plotly's own templates.
  function inPageColours(template) {
    const colour = (name, otherwise) => getComputedStyle(page).getPropertyValue(name).trim() || otherwise;
    const ink = colour("--pst-color-text-base", "#323232"), lines = colour("--pst-color-border", "#c9c9c9");
    const { layout = {}, ...rest } = JSON.parse(JSON.stringify(template || {}).replaceAll("#2a3f5f", ink));
    const axis = { gridcolor: lines, linecolor: lines, zerolinecolor: lines }, in3d = { ...axis, backgroundcolor: clear, showbackground: false };
    const all = (names, of, more) => Object.fromEntries(names.map((name) => [name, { ...(of || {})[name], ...more }]));
    return { ...rest, layout: {
      ...layout, paper_bgcolor: clear, plot_bgcolor: clear, font: { ...layout.font, color: ink }, modebar: { bgcolor: clear, color: lines, activecolor: ink },
      ...all(["xaxis", "yaxis"], layout, axis), scene: { ...layout.scene, ...all(["xaxis", "yaxis", "zaxis"], layout.scene, in3d) },
    } };
  }

  function draw(box) {
    if (box.classList.contains("js-plotly-plot")) return;
    if (!shown.has(box)) {
      const figure = JSON.parse(box.querySelector("script").textContent);
      shown.set(box, { figure: { ...figure, config: { responsive: true, displaylogo: false, ...figure.config } }, template: figure.layout.template });
    }
    const { figure, template } = shown.get(box);
    figure.layout.template = inPageColours(template);
    Plotly.newPlot(box, figure);
  }

  const watch = new IntersectionObserver((seen) => {
    for (const { target, isIntersecting } of seen)
      if (!isIntersecting && target.querySelector("canvas")) { Plotly.purge(target); target.classList.remove("js-plotly-plot"); }
    for (const { target, isIntersecting } of seen) if (isIntersecting) draw(target);
  }, { rootMargin: "50px 0px" });
  boxes.forEach((box) => watch.observe(box));
  addEventListener("beforeprint", () => boxes.forEach(draw));
  new MutationObserver(() => {
    for (const [box, { template }] of shown) if (box.classList.contains("js-plotly-plot")) Plotly.relayout(box, { template: inPageColours(template) });
  }).observe(page, { attributeFilter: ["data-theme"] });
})();
