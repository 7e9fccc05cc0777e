// Before the first paint, so that nobody who likes it light is blinded or sees it flash: dark unless told otherwise.
(() => {
  let wish = "dark";
  try {
    wish = localStorage.getItem("matinee.theme") || "dark";
  } catch {
    // Storage may be refused; dark it is.
  }
  const light = wish === "light" || (wish === "system" && matchMedia("(prefers-color-scheme: light)").matches);
  document.documentElement.dataset.theme = light ? "light" : "dark";
})();
