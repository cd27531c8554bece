// What the theme leaves out, for readers who hear the page: what the sidebar is.
(function () {
  const sidebar = document.querySelector(".bd-sidebar-primary");
  sidebar?.setAttribute("role", "navigation");
  sidebar?.setAttribute("aria-label", "the book");
})();
