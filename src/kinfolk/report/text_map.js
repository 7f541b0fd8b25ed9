// The text of the dot under the pointer, or of the one that was tapped, below the map. Without this script each has it as a
// tooltip.
"use strict";
(() => {
  const plot = document.querySelector(".map svg"), line = document.querySelector(".pointed");
  if (!plot || !line) return;
  plot.addEventListener("pointerover", (event) => {
    const spot = event.target.closest(".spot");
    if (!spot) return;
    plot.querySelector(".spot.shown")?.classList.remove("shown");
    spot.classList.add("shown");
    line.textContent = spot.querySelector("title").textContent;
  });
})();
