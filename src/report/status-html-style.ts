/** Of the page of a status. Texts hold 4.5:1 on their ground in both schemes, what is drawn 3:1. */
export const STYLE = `
:root { color-scheme: light dark; --ground: #fff; --text: #1d2430; --dim: #566072; --line: #d5dae2; --panel: #f4f6f9; --link: #0b57c2;
  --good: #1b6428; --warn: #7a4b00; --bad: #b00020; --good-ground: #e9f5eb; --warn-ground: #fdf3df; --bad-ground: #fdecee;
  --ours: #2467c9; --ours-soft: #cfe0f8; --others: #9a5b00; --others-soft: #f6ddb0; --bad-soft: #f3b9c1; --gap: #eceff4 }
@media (prefers-color-scheme: dark) { :root { --ground: #14181f; --text: #e5e9f0; --dim: #a5afc0; --line: #343c49; --panel: #1d232d;
  --link: #8ab8ff; --good: #8fd69d; --warn: #f0c674; --bad: #ff9aa5; --good-ground: #173021; --warn-ground: #352a12; --bad-ground: #3a1a20;
  --ours: #79aaf5; --ours-soft: #24406b; --others: #e0a548; --others-soft: #5a431a; --bad-soft: #74323c; --gap: #232a35 } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 90rem; padding: 1.5rem; background: var(--ground); color: var(--text);
  font: 1rem/1.5 system-ui, "Segoe UI", sans-serif }
h1 { font-size: 1.1rem; font-weight: 600; color: var(--dim); margin: 0 }
h2 { font-size: 1.25rem; margin: 2rem 0 .5rem } h3 { font-size: 1rem; margin: 0 }
p { margin: 0 }
.skip { position: absolute; left: -100rem } .skip:focus { left: 1rem; top: .5rem; background: var(--ground); padding: .5rem; color: var(--link) }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px }
.verdict { margin: .5rem 0 1rem; padding: .75rem 1rem; border-radius: .5rem; font-size: 1.35rem; font-weight: 600; line-height: 1.35 }
.ok { background: var(--good-ground); color: var(--good) } .warning { background: var(--warn-ground); color: var(--warn) }
.critical { background: var(--bad-ground); color: var(--bad) }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .75rem; margin: 0 }
.cards div { background: var(--panel); border-radius: .5rem; padding: .6rem .9rem } .cards dt { color: var(--dim); font-size: .85rem }
.cards dd { margin: 0; font-size: 1.5rem; font-weight: 600; line-height: 1.3; font-variant-numeric: tabular-nums }
.cards small { display: block; color: var(--dim); font-size: .82rem; font-weight: 400 }
.cards .bad dd { color: var(--bad) } .cards .warn dd { color: var(--warn) }
.needs { margin: 0; padding: 0; list-style: none } .needs li { border-left: .25rem solid var(--warn); padding: .1rem 0 .1rem .75rem; margin: .6rem 0 }
.needs li.urgent { border-color: var(--bad) } .needs strong { overflow-wrap: anywhere }
.needs small { display: block; color: var(--dim); font-size: .88rem; overflow-wrap: anywhere }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.25rem; margin: 0 }
.facts dt { color: var(--dim) } .facts dd { margin: 0; overflow-wrap: anywhere }
.ranges { border: 0; padding: 0; margin: 2rem 0 .75rem; display: flex; flex-wrap: wrap; gap: .5rem 1.25rem; align-items: baseline }
.ranges legend { float: left; padding: 0; margin-right: 1rem; font-size: 1.25rem; font-weight: 700 } .ranges label { cursor: pointer; padding: .2rem 0 }
input { accent-color: var(--link); margin: 0 .35rem 0 0 }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 32rem), 1fr)); gap: 1.25rem }
body:has(#range-day:checked) :is(.week, .month), body:has(#range-week:checked) :is(.day, .month),
body:has(#range-month:checked) :is(.day, .week) { display: none }
figure { margin: 0; padding: .9rem 1rem 1rem; background: var(--panel); border-radius: .5rem; min-width: 0 }
figcaption p { color: var(--dim); font-size: .9rem }
.legend { display: flex; flex-wrap: wrap; gap: .1rem 1.1rem; margin: .15rem 0 0; padding: 0; list-style: none; font-size: .85rem; color: var(--dim) }
.legend svg { width: 1.4rem; height: .7rem; margin-right: .35rem; vertical-align: baseline }
.chart { display: block; overflow: visible; margin-top: 1.1rem } .nothing { color: var(--dim); padding: 2rem 0; text-align: center }
.grid { stroke: var(--line) } .tick { stroke: var(--dim) } .gap { fill: var(--gap) }
.chart text { font-size: .75rem; fill: var(--dim) } .chart .value { paint-order: stroke; stroke: var(--panel); stroke-width: 4px; stroke-linejoin: round }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; vector-effect: non-scaling-stroke }
.line.ours { stroke: var(--ours) } .line.others { stroke: var(--others) } .line.bad { stroke: var(--bad) } .line.limit { stroke: var(--dim) }
.line.dashed { stroke-dasharray: 5 4 } .line.dot { stroke-width: 6; stroke-dasharray: none }
.area.ours { fill: var(--ours-soft) } .area.others { fill: var(--others-soft) } .area.bad { fill: var(--bad-soft) }
.bar.ours { fill: var(--ours) } .bar.others { fill: var(--others) } .bar.bad { fill: var(--bad) }
details { margin-top: .6rem; font-size: .9rem } summary { cursor: pointer; color: var(--link) }
.unknown { color: var(--dim); font-size: .88rem; margin: 0 0 .75rem } .unknown i { display: inline-block; width: 1.4rem; height: .7rem; margin-right: .35rem; background: var(--gap); border: 1px solid var(--line) }
.scroll { max-height: 22rem; overflow: auto; margin-top: .5rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100% }
caption { text-align: left; color: var(--dim); padding: .25rem 0 }
th, td { padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top }
th:first-child { text-align: left; font-weight: 500 } thead th { color: var(--dim); font-size: .85rem; font-weight: 600 }
footer { margin-top: 2rem; color: var(--dim); font-size: .85rem } footer label[hidden] { display: none }
@media (max-width: 40rem) { body { padding: 1rem } .minor { display: none } .facts { grid-template-columns: 1fr; gap: 0 } .facts dd { margin-bottom: .4rem }
  .verdict { font-size: 1.15rem } figure { padding: .75rem } .cards { grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)) } .cards dd { font-size: 1.25rem } }
@media print { body { max-width: none; padding: 0; font-size: 9pt } .skip, .ranges input, footer label, .ranges label:not(:has(:checked)) { display: none } figure, .cards div, li { break-inside: avoid }
  .charts { grid-template-columns: 1fr 1fr } details:not([open]) { display: none } .unknown { color: var(--dim); font-size: .88rem; margin: 0 0 .75rem } .unknown i { display: inline-block; width: 1.4rem; height: .7rem; margin-right: .35rem; background: var(--gap); border: 1px solid var(--line) }
.scroll { max-height: none }
  * { print-color-adjust: exact } }
`;
