// The searchable list of links. Only the rows in view exist; everything else on the page works without this script.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("links-data")?.textContent ?? "null");
  const browser = document.getElementById("browser");
  if (!data || !browser) return;

  const find = (id) => document.getElementById(id);
  const list = find("list"), rows = find("rows"), found = find("found"), dialog = find("pair-dialog");
  const search = find("search"), band = find("band"), order = find("order");
  const total = data.probability.length;
  const valueOf = (field, side, i) => {
    const value = field[side]?.[i];
    return value === 0 ? field.left[i] : value ?? "";  // 0 stands for "as on the left"
  };
  const element = (tag, className, text) => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const chance = (p) => p === null ? "–" : p > 0.9999 && p < 1 ? ">0.9999" : p < 0.01 || p > 0.99 ? p.toFixed(4) : p.toFixed(2);
  const signed = (v) => v === null ? "–" : v === 0 ? "0" : (v < 0 ? "−" : "+") + Math.abs(v).toFixed(1);
  const summary = (side, i) => {
    const values = [];
    for (const field of data.fields) {
      const value = valueOf(field, side, i).trim();
      if (value) values.push(value);
      if (values.length === 6) break;
    }
    return values.join(" · ").slice(0, 240);
  };

  // --- search -------------------------------------------------------------------------------------------------------
  const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  let haystacks = null;  // made at the first search: it takes a moment with fifty thousand links
  const haystack = (i) => fold([data.leftIds[i], data.rightIds[i],
    ...data.fields.flatMap((field) => [valueOf(field, "left", i), valueOf(field, "right", i)])].join("\n"));
  let shown = [], active = 0;

  const select = () => {
    const words = fold(search.value).split(/\s+/).filter(Boolean);
    const [low, high] = band.value.split(" ").map(Number);
    if (words.length && !haystacks) haystacks = Array.from({ length: total }, (_, i) => haystack(i));
    shown = [];
    for (let i = 0; i < total; i++) {
      const p = data.probability[i] ?? 0;
      if (p >= low && p < high && words.every((word) => haystacks[i].includes(word))) shown.push(i);
    }
    const sign = { doubtful: 1, certain: -1 }[order.value];
    if (sign) shown.sort((a, b) => sign * (data.probability[a] - data.probability[b]) || a - b);
    found.textContent = `${shown.length.toLocaleString("en")} of ${total.toLocaleString("en")} shown`;
    active = 0;
    list.scrollTop = 0;
    draw();
  };

  // --- rows in view -------------------------------------------------------------------------------------------------
  const rowHeight = () => parseFloat(getComputedStyle(list).getPropertyValue("--row")) || 44;
  const draw = () => {
    const height = rowHeight();
    const first = Math.max(0, Math.floor(list.scrollTop / height) - 4);
    const last = Math.min(shown.length, Math.ceil((list.scrollTop + list.clientHeight) / height) + 4);
    rows.style.height = `${Math.max(shown.length * height, height)}px`;
    const visible = [];
    for (let at = first; at < last; at++) visible.push(row(at, height));
    rows.replaceChildren(...visible);
    if (!shown.length) rows.append(element("p", "empty", total ? "No link matches." : "There are no links."));
    if (inView(active)) list.setAttribute("aria-activedescendant", `row-${active}`);
    else list.removeAttribute("aria-activedescendant");
  };
  const inView = (at) => document.getElementById(`row-${at}`) !== null;
  const row = (at, height) => {
    const i = shown[at];
    const made = element("div", "row");
    made.id = `row-${at}`;
    made.setAttribute("role", "option");
    made.setAttribute("aria-posinset", at + 1);
    made.setAttribute("aria-setsize", shown.length);
    made.setAttribute("aria-selected", at === active);
    made.style.top = `${at * height}px`;
    made.append(element("span", "chance", chance(data.probability[i])));
    for (const side of ["left", "right"]) {
      const text = element("span", "record");
      text.dir = "auto";
      text.append(element("b", "", data[`${side}Ids`][i]), ` ${summary(side, i)}`);
      made.append(text);
    }
    made.addEventListener("click", () => { active = at; draw(); open(at); });
    return made;
  };
  const move = (to) => {
    active = Math.max(0, Math.min(shown.length - 1, to));
    const height = rowHeight(), top = active * height;
    if (top < list.scrollTop) list.scrollTop = top;
    if (top + height > list.scrollTop + list.clientHeight) list.scrollTop = top + height - list.clientHeight;
    draw();
  };

  // --- one pair -----------------------------------------------------------------------------------------------------
  // What both values begin and end with is shared; the middle is the difference.
  const differing = (mine, other) => {
    const cell = element("span", "text");
    cell.dir = "auto";
    if (!mine) return element("span", "missing", "—");
    const a = mine.toLowerCase(), b = other.toLowerCase();
    if (!other || a === b || a.length !== mine.length || b.length !== other.length) {
      cell.textContent = mine;
      return cell;
    }
    let start = 0, end = 0;
    while (start < a.length && a[start] === b[start]) start++;
    while (end < Math.min(a.length, b.length) - start && a.at(-1 - end) === b.at(-1 - end)) end++;
    if (/[\uDC00-\uDFFF]/.test(mine[start] ?? "")) start--;  // never cut a character in two
    if (/[\uDC00-\uDFFF]/.test(mine[mine.length - end] ?? "")) end--;
    cell.append(mine.slice(0, start));
    if (start < mine.length - end) cell.append(element("mark", "", mine.slice(start, mine.length - end)));
    cell.append(mine.slice(mine.length - end));
    return cell;
  };
  const open = (at) => {
    const i = shown[at];
    if (i === undefined) return;
    const heading = element("h3", "", `Probability ${chance(data.probability[i])}`);
    heading.id = "dialog-title";
    const table = element("table", "fields"), body = element("tbody");
    const weigh = (weight) => weight === undefined
      ? element("td", "weight uncompared", "not compared")
      : element("td", `weight ${weight > 0 ? "for" : weight < 0 ? "against" : ""}`, signed(weight));
    const line = (name, left, right, weight) => {
      const made = element("tr"), head = element("th", "", name);
      head.scope = "row";
      made.append(head);
      for (const [content, letter] of [[left, "A"], [right, "B"]]) {
        const cell = element("td", "value");
        cell.append(element("i", "side", letter), content);
        made.append(cell);
      }
      made.append(weigh(weight));
      body.append(made);
    };
    const aside = (name, about, weight) => {  // no values of a field: what is compared instead
      const made = element("tr"), head = element("th", "", name), cell = element("td", "value aside", about);
      head.scope = "row";
      cell.colSpan = 2;
      made.append(head, cell, weigh(weight));
      body.append(made);
    };
    const abouts = new Map(data.evidence.map((evidence) => [evidence.label, evidence.about]));
    const weights = new Map(data.evidence.map((evidence) => [evidence.label, evidence.values[i]]));
    const heads = element("tr");
    for (const [name, letter, id] of [["field"], [data.left, "A", data.leftIds[i]], [data.right, "B", data.rightIds[i]], ["log-odds"]]) {
      const head = element("th", name === "log-odds" && !letter ? "weight" : "");
      head.scope = "col";
      if (letter) head.append(element("i", "side", letter), ` ${name} `, element("b", "", id));
      else head.textContent = name;
      heads.append(head);
    }
    for (const field of data.fields) {
      const left = valueOf(field, "left", i), right = valueOf(field, "right", i);
      if (!left && !right && !weights.has(field.label)) continue;
      line(field.label, differing(left, right), differing(right, left), weights.get(field.label));
      weights.delete(field.label);
    }
    for (const [label, weight] of weights) {
      if (weight) aside(label, abouts.get(label), weight);
    }
    const top = element("thead");
    top.append(heads);
    table.append(top, body);
    const buttons = element("div", "buttons");
    for (const [name, to] of [["Previous", at - 1], ["Next", at + 1]]) {
      const button = element("button", "", name);
      button.type = "button";
      button.disabled = to < 0 || to >= shown.length;
      button.addEventListener("click", () => {
        move(to);
        open(to);
        const again = [...dialog.querySelectorAll("button")].find((b) => b.textContent === name && !b.disabled);
        (again ?? dialog.querySelector(".close")).focus();
      });
      buttons.append(button);
    }
    const close = element("button", "close", "Close");
    close.type = "button";
    close.addEventListener("click", () => dialog.close());
    buttons.append(close);
    dialog.replaceChildren(heading, table, buttons);
    if (!dialog.open) dialog.showModal();
    dialog.scrollTop = 0;
  };

  const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity };
  list.addEventListener("keydown", (event) => {
    if (event.key in steps) move(active + steps[event.key]);
    else if (event.key === "Enter" || event.key === " ") open(active);
    else return;
    event.preventDefault();
  });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => list.focus({ preventScroll: true }));
  list.addEventListener("scroll", () => requestAnimationFrame(draw), { passive: true });
  addEventListener("resize", draw);
  let typing;
  search.addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(select, 120); });
  search.form.addEventListener("submit", (event) => { event.preventDefault(); select(); });
  band.addEventListener("change", select);
  order.addEventListener("change", select);
  browser.hidden = false;
  // file:///….html#search=words opens the list with that search done.
  const wanted = new URLSearchParams(location.hash.slice(1)).get("search");
  if (wanted) search.value = wanted;
  select();
})();
