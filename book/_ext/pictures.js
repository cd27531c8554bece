// Any picture opens larger: on a click, or on Enter; the arrow keys then lead to its neighbours. Of
// each group the first picture can be reached with the Tab key.
(function () {
  const PICTURE = ".mcss-picture, .mcss-grid img";
  const GROUP = ".mcss-pictures, .mcss-grid";
  const caption = (picture) => picture.parentElement.querySelector("figcaption")?.textContent || "";
  let group = [];
  let place = 0;

  const dialog = document.createElement("dialog");
  dialog.className = "mcss-large";
  dialog.setAttribute("aria-label", "a picture, larger");
  const close = document.createElement("button");
  close.textContent = "Close";
  close.autofocus = true;
  const figure = document.createElement("figure");
  dialog.append(figure, close);
  document.body.append(dialog);

  function show(k) {
    place = (k + group.length) % group.length;
    const picture = group[place].cloneNode();
    for (const name of ["tabindex", "role", "class", "loading"]) picture.removeAttribute(name);
    if (picture.tagName !== "IMG") {
      picture.setAttribute("role", "img");
      picture.className = "mcss-whole";
    }
    const words = document.createElement("figcaption");
    words.textContent = caption(group[place]);
    figure.replaceChildren(picture, words);
  }

  function open(picture) {
    group = [...picture.closest(GROUP).querySelectorAll(PICTURE)];
    show(group.indexOf(picture));
    dialog.showModal();
  }

  const STEPS = { ArrowLeft: -1, ArrowRight: 1 };
  dialog.addEventListener("keydown", ({ key }) => key in STEPS && show(place + STEPS[key]));
  dialog.addEventListener("click", () => dialog.close());
  document.addEventListener("click", (event) => {
    const picture = event.target.closest?.(PICTURE);
    if (picture) open(picture);
  });
  document.addEventListener("keydown", (event) => {
    if (!event.target.matches?.(PICTURE) || !["Enter", " "].includes(event.key)) return;
    event.preventDefault();
    open(event.target);
  });

  function mark(root) {
    for (const each of root.querySelectorAll(GROUP)) {
      each.querySelectorAll(PICTURE).forEach((picture, k) => {
        picture.setAttribute("role", "button");
        picture.setAttribute("tabindex", k ? -1 : 0);
      });
    }
  }
  mark(document);
  // elements draw their pictures anew
  for (const root of document.querySelectorAll(".mcss-element")) {
    new MutationObserver(() => mark(root)).observe(root, { childList: true, subtree: true });
  }
})();
