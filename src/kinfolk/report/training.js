// The picture under the pointer, or the one that was tapped, drawn large above the others. Without this script each has
// its name as a tooltip.
"use strict";
(() => {
  const plot = document.querySelector(".map svg");
  if (!plot) return;
  const make = (tag, className) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    made.setAttribute("class", className);
    return made;
  };
  const lens = make("g", "lens"), picture = make("image", ""), frame = make("rect", "frame"), name = make("text", "lens-name");
  lens.append(picture, frame, name);
  const size = 132, { width, height } = plot.viewBox.baseVal;
  const place = (element, values) => Object.entries(values).forEach(([key, value]) => element.setAttribute(key, value));

  const show = (item) => {
    const small = item.querySelector("image"), side = Number(small.getAttribute("width"));
    const x = Number(small.getAttribute("x")) + side / 2, y = Number(small.getAttribute("y")) + side / 2;
    const gap = side / 2 + 6;
    const left = x + gap + size < width ? x + gap : x - gap - size;  // beside the picture, never on it
    const top = Math.max(0, Math.min(height - size - 24, y - size / 2));
    place(picture, { x: left, y: top, width: size, height: size, href: small.getAttribute("href") });
    place(frame, { x: left, y: top, width: size, height: size, class: item.querySelector("rect")?.getAttribute("class") ?? "frame" });
    const text = item.querySelector("title").textContent;
    name.textContent = text.length > 34 ? `${text.slice(0, 16)}…${text.slice(-17)}` : text;
    const middle = Math.max(110, Math.min(width - 110, left + size / 2));
    place(name, { x: middle, y: top + size + 17, "text-anchor": "middle" });
    plot.append(lens);
  };
  plot.addEventListener("pointerover", (event) => {
    const item = event.target.closest(".item");
    if (item) show(item);
    else lens.remove();
  });
  plot.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") lens.remove(); });
})();
