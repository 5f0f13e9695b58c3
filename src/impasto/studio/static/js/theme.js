// Loaded before the page is drawn, so that a chosen theme does not flash the other one first.
"use strict";
(() => {
  try {
    const theme = localStorage.getItem("impasto.theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // Without storage the system's theme is the theme.
  }
})();
