/** Of the page of a status: it is loaded anew once a minute, with the range that was chosen, unless somebody says no. */
export const SCRIPT = `
"use strict";
(() => {
  const ranges = [...document.querySelectorAll("input[name=range]")];
  const refresh = document.getElementById("refresh");
  const [range, still] = location.hash.slice(1).split("+");
  for (const one of ranges) if (one.value === range) one.checked = true;
  refresh.checked = still !== "still";
  refresh.parentElement.hidden = false;
  const keep = () => {
    const chosen = ranges.find((one) => one.checked);
    history.replaceState(null, "", "#" + (chosen ? chosen.value : "day") + (refresh.checked ? "" : "+still"));
  };
  for (const one of [...ranges, refresh]) one.addEventListener("change", keep);
  setInterval(() => {
    // Nobody loses the place that he reads.
    const reads = document.querySelector("details[open]") !== null || document.hidden;
    if (refresh.checked && !reads) location.reload();
  }, 60000);
})();
`;
