"use strict";
(() => {
  const rows = [...document.querySelectorAll("tr[data-case]")];
  const search = document.getElementById("search");
  if (!search) return;
  const buttons = [...document.querySelectorAll("button[data-filter]")];
  const shown = document.getElementById("shown");
  const caseOf = (row) => document.getElementById(row.dataset.case);
  const visible = () => rows.filter((row) => !row.hidden).map(caseOf);

  function apply() {
    const wanted = { outcome: new Set(), kind: new Set() };
    for (const button of buttons) {
      if (button.getAttribute("aria-pressed") === "true") wanted[button.dataset.filter].add(button.dataset.value);
    }
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of rows) {
      const fits = Object.entries(wanted).every(([name, values]) => !values.size || values.has(row.dataset[name]));
      row.hidden = !(fits && words.every((word) => row.dataset.text.includes(word)));
      caseOf(row).hidden = row.hidden;
    }
    shown.textContent = `${visible().length} of ${rows.length} shown`;
  }

  function step(by) {
    const cases = visible();
    if (!cases.length) return;
    const top = 24;
    const here = cases.findIndex((entry) => entry.getBoundingClientRect().bottom > top);
    const started = here >= 0 && cases[here].getBoundingClientRect().top <= top;
    let next = here < 0 ? cases.length - 1 : here;
    if (by > 0 && started) next = here + 1;
    if (by < 0 && here >= 0) next = here - 1;
    const target = cases[Math.max(0, Math.min(cases.length - 1, next))];
    target.scrollIntoView();
    target.focus({ preventScroll: true });
  }

  for (const button of buttons) {
    button.addEventListener("click", () => {
      button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
      apply();
    });
  }
  search.addEventListener("input", apply);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target === search) {
      if (event.key === "Escape") { search.value = ""; apply(); search.blur(); }
      return;
    }
    if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
    else if (event.key === "t") document.getElementById("sessions").scrollIntoView();
    else if (event.key === "/") { event.preventDefault(); search.focus(); }
  });
})();
