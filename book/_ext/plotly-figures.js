// Draws each Plotly figure when it comes near the screen, in the page's colours, dark or light, and
// so that it fits. No toolbar, and nothing to drag: the wheel and a finger scroll the page.
(function () {
  const page = document.documentElement;
  const boxes = [...document.querySelectorAll(".plotly-figure")];
  const PRINTED = 620; // pixels that a sheet of paper has room for
  const drawn = new Map(); // box -> its figure as it came, as text
  const IN_THE_DARK = { "#0072B2": "#56B4E9", "#666666": "#A8A8A8" };

  // A template holds what a figure does not say itself. "#2a3f5f" is the ink of Plotly's own ones.
  function inPageColours(template) {
    const style = getComputedStyle(page);
    const colour = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
    const ink = colour("--pst-color-text-base", "#323232");
    const lines = colour("--pst-color-border", "#c9c9c9");
    const clear = "rgba(0,0,0,0)";
    const text = JSON.stringify(template || {}).replaceAll("#2a3f5f", ink);
    const { layout = {}, ...rest } = JSON.parse(text);
    const axis = { gridcolor: lines, linecolor: lines, zerolinecolor: lines };
    return {
      ...rest,
      layout: {
        ...layout,
        paper_bgcolor: clear,
        plot_bgcolor: clear,
        font: { ...layout.font, color: ink },
        xaxis: { ...layout.xaxis, ...axis },
        yaxis: { ...layout.yaxis, ...axis },
      },
    };
  }

  function inked(text) {
    const dark = page.dataset.theme === "dark" ? Object.entries(IN_THE_DARK) : [];
    const figure = JSON.parse(dark.reduce((all, [from, to]) => all.replaceAll(from, to), text));
    figure.layout.template = inPageColours(figure.layout.template);
    figure.layout.dragmode = false;
    const still = { displayModeBar: false, scrollZoom: false };
    figure.config = { responsive: true, ...figure.config, ...still };
    return figure;
  }

  // Where it is narrow, the legend stands above the curves.
  function fit({ layout }, width) {
    if (width / (layout.height || 450) / 1.7 >= 0.75) return;
    layout.legend = { orientation: "h", y: 1.02, yanchor: "bottom", ...layout.legend };
  }

  function draw(box) {
    if (!drawn.has(box)) drawn.set(box, box.querySelector("script").textContent);
    const figure = inked(drawn.get(box));
    fit(figure, box.clientWidth);
    Plotly.react(box, figure);
  }

  const missing = (box) => drawn.has(box) || draw(box);
  const near = (seen) => seen.forEach(({ target, isIntersecting }) => {
    if (isIntersecting) missing(target);
  });
  const watch = new IntersectionObserver(near, { rootMargin: "400px 0px" });
  boxes.forEach((box) => watch.observe(box));
  addEventListener("beforeprint", () => {
    boxes.forEach(missing);
    boxes.forEach((box) => Plotly.relayout(box, { width: Math.min(box.clientWidth, PRINTED) }));
  });
  addEventListener("afterprint", () => {
    boxes.forEach((box) => Plotly.relayout(box, { width: null, autosize: true }));
  });
  new MutationObserver(() => drawn.forEach((_, box) => draw(box)))
    .observe(page, { attributeFilter: ["data-theme"] });
})();
