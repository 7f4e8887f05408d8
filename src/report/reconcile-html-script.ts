/** Of the page of a check: search, filters, sorting and pages of rows. Without it the page is a plain table. */
export const SCRIPT = `
"use strict";
(() => {
  const table = document.getElementById("list");
  if (table === null) return;
  const PAGE = 100;
  const at = (id) => document.getElementById(id);
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const rows = [...body.rows].map((row, index) => ({ row, index, text: row.textContent.toLowerCase() }));
  const filters = [...document.querySelectorAll("[data-filter]")];
  const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
  let order = rows;
  let sorted = null;
  let page = 0;

  const matching = () => {
    const words = at("search").value.toLowerCase().split(/\\s+/).filter((word) => word !== "");
    const wanted = filters.filter((one) => one.value !== "").map((one) => [one.dataset.filter, one.value.slice(1)]);
    return order.filter(({ row, text }) =>
      words.every((word) => text.includes(word)) && wanted.every(([name, value]) => row.dataset[name] === value));
  };
  const show = (all) => {
    const found = matching();
    const last = Math.max(0, Math.ceil(found.length / PAGE) - 1);
    page = Math.min(page, last);
    const visible = all ? found : found.slice(page * PAGE, (page + 1) * PAGE);
    // Only what is looked at is in the document: a browser takes seconds to sort or hide thousands of rows that are.
    body.replaceChildren(...visible.map(({ row }) => row));
    const total = rows.length.toLocaleString("en");
    const count = found.length.toLocaleString("en");
    const range = found.length > PAGE ? (page * PAGE + 1) + " to " + (page * PAGE + visible.length) + " of " : "";
    at("shown").textContent = found.length === 0
      ? "No difference matches, of " + total
      : range + (found.length === rows.length ? total + (rows.length === 1 ? " difference" : " differences") : count + " that match, of " + total + " differences");
    document.querySelector(".pages").hidden = last === 0;
    at("page").textContent = "Page " + (page + 1) + " of " + (last + 1);
    at("previous").disabled = page === 0;
    at("next").disabled = page === last;
  };
  const keyOf = (row, column) => {
    const cell = row.cells[column];
    const time = cell.querySelector("time");
    return time === null ? cell.textContent : time.dateTime;
  };
  const sortBy = (column) => {
    const down = sorted !== null && sorted.column === column && !sorted.down;
    sorted = { column, down };
    heads.forEach((head, index) => {
      if (index === column) head.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    const keyed = rows.map((one) => ({ one, key: keyOf(one.row, column) }));
    keyed.sort((a, b) => (down ? -1 : 1) * collator.compare(a.key, b.key) || a.one.index - b.one.index);
    order = keyed.map(({ one }) => one);
    page = 0;
    show();
  };
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.addEventListener("click", () => sortBy(column));
    head.replaceChildren(button);
  });
  const turn = (by) => {
    page += by;
    show();
    at("differences").focus();
    table.scrollIntoView({ block: "start" });
  };
  at("previous").addEventListener("click", () => turn(-1));
  at("next").addEventListener("click", () => turn(1));
  const form = document.querySelector(".controls");
  let pending = 0;
  const soon = () => {
    cancelAnimationFrame(pending);
    pending = requestAnimationFrame(() => { page = 0; show(); });
  };
  form.addEventListener("input", soon);
  form.addEventListener("reset", soon);
  form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("beforeprint", () => show(true));
  addEventListener("afterprint", () => show());
  form.hidden = false;
  show();
})();
`;
