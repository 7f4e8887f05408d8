/** Of the page of a check. Colours hold 4.5:1 on their ground in both schemes. */
export const STYLE = `
:root { color-scheme: light dark; --ground: #fff; --text: #1d2430; --dim: #566072; --line: #d5dae2; --panel: #f4f6f9; --link: #0b57c2;
  --bad: #b00020; --good: #1b6428; --edit: #7a4b00; --bad-ground: #fdecee; --good-ground: #e9f5eb; --edit-ground: #fdf3df }
@media (prefers-color-scheme: dark) { :root { --ground: #14181f; --text: #e5e9f0; --dim: #a5afc0; --line: #343c49; --panel: #1d232d;
  --link: #8ab8ff; --bad: #ff9aa5; --good: #8fd69d; --edit: #f0c674; --bad-ground: #3a1a20; --good-ground: #173021; --edit-ground: #352a12 } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 100rem; padding: 1.5rem; background: var(--ground); color: var(--text);
  font: 1rem/1.5 system-ui, "Segoe UI", sans-serif }
a { color: var(--link) }
h1 { font-size: 1.1rem; font-weight: 600; color: var(--dim); margin: 0 }
h2 { font-size: 1.25rem; margin: 2rem 0 .5rem }
.skip { position: absolute; left: -100rem } .skip:focus { left: 1rem; top: .5rem; background: var(--ground); padding: .5rem }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px }
.verdict { margin: .5rem 0 1rem; padding: .75rem 1rem; border-radius: .5rem; font-size: 1.35rem; font-weight: 600; line-height: 1.35 }
.well { background: var(--good-ground); color: var(--good) } .unwell { background: var(--bad-ground); color: var(--bad) }
.facts { display: flex; flex-wrap: wrap; gap: .5rem 2.5rem; margin: 0 }
.facts dt, label { color: var(--dim); font-size: .85rem } .facts dd { margin: 0 }
ul { margin: 0; padding-left: 1.25rem } li { margin: .25rem 0 }
code { padding: .1em .35em; border-radius: .25rem; background: var(--panel); font-size: .9em; overflow-wrap: anywhere }
.unseen li { color: var(--edit) }
.totals { display: flex; flex-wrap: wrap; gap: 1rem 3rem; align-items: flex-start; margin-top: 2rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
caption { text-align: left; color: var(--dim); padding: .25rem 0 }
.small caption { color: var(--text); font-size: 1.25rem; font-weight: 600 }
th, td { padding: .4rem .75rem .4rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top }
thead th { color: var(--dim); font-size: .85rem; font-weight: 600; white-space: nowrap }
tbody th { font-weight: 500 } .n { text-align: right; padding-left: .75rem }
small { display: block; color: var(--dim); font-size: .82rem; font-weight: 400; overflow-wrap: anywhere }
.kinds small { max-width: 30rem }
.controls { display: flex; flex-wrap: wrap; gap: .75rem 1rem; align-items: flex-end; margin: 1rem 0 } .controls[hidden] { display: none }
.controls p { margin: 0 } .controls .wide { flex: 1 1 16rem } label { display: block }
input, select, button { font: inherit; color: var(--text); background: var(--panel); border: 1px solid var(--dim); border-radius: .35rem; padding: .35rem .6rem }
input { width: 100% } select { max-width: min(16rem, 100%) } button { cursor: pointer } button:disabled { opacity: .45; cursor: default }
#list { width: 100%; table-layout: fixed; font-size: .92rem }
#list td, #list tbody th { overflow-wrap: anywhere }
#list th:nth-child(1) { width: 11% } #list th:nth-child(2) { width: 15% } #list th:nth-child(3) { width: 9% } #list th:nth-child(4) { width: 21% }
#list th:nth-child(7) { width: 10% } #list th:nth-child(8) { width: 10% }
#list thead th { position: sticky; top: 0; background: var(--ground); padding-top: .5rem }
thead button { border: 0; background: none; padding: 0; color: inherit; font-weight: 600 }
[aria-sort=ascending] button::after { content: " \\2191" } [aria-sort=descending] button::after { content: " \\2193" }
.badge { display: inline-block; padding: 0 .5em; border-radius: 1em; font-size: .78rem; white-space: nowrap; color: var(--dim); background: var(--panel) }
.break.new, .break.open { color: var(--bad); background: var(--bad-ground) } .edit.new, .edit.open { color: var(--edit); background: var(--edit-ground) }
.repaired { color: var(--good); background: var(--good-ground) }
#list dl { margin: 0 } #list dt { color: var(--dim); font-size: .82rem } #list dd { margin: 0 0 .25rem }
del { color: var(--bad); text-decoration: none; background: var(--bad-ground) } ins { color: var(--good); text-decoration: none; background: var(--good-ground) }
.nothing { color: var(--dim); font-style: italic }
.pages { display: flex; gap: 1rem; align-items: center; margin: 1rem 0 } .pages[hidden] { display: none }
footer { margin-top: 2rem; color: var(--dim); font-size: .85rem }
@media (max-width: 60rem) {
  body { padding: 1rem } .totals table { width: 100% }
  .small thead th { white-space: normal } .small th, .small td { padding-right: .35rem } .small tbody th { overflow-wrap: anywhere } .n { padding-left: .35rem }
  #list, #list tbody, #list tr, #list td, #list tbody th, #list caption { display: block; width: auto }
  #list thead tr { display: flex; flex-wrap: wrap; gap: .25rem 1rem } #list thead th, #list thead th:nth-child(n) { position: static; width: auto; border: 0; padding: 0 }
  #list tbody tr { border: 1px solid var(--line); border-radius: .5rem; padding: .5rem .75rem; margin: .75rem 0 }
  #list td { border: 0; padding: .2rem 0; display: grid; grid-template-columns: 7rem 1fr } #list td > * { grid-column: 2 }
  #list td::before { content: attr(data-label); color: var(--dim); font-size: .85rem; grid-column: 1 }
  #list tbody th:nth-child(1) { border: 0; padding: 0 0 .25rem; font-weight: 600; width: auto }
}
@media (max-width: 26rem) { .small { font-size: .88rem } .small thead th { font-size: .78rem } .small th, .small td { padding-right: .15rem } .small .n { padding-left: .1rem } }
@media (max-width: 22rem) { .small { font-size: .8rem } .small thead th { font-size: .7rem } }
@media print {
  body { max-width: none; padding: 0; font-size: 9pt } .controls, .pages, .skip { display: none !important }
  #list tr, .small { break-inside: avoid } thead { display: table-header-group } #list thead th { position: static }
  a { color: inherit }
}
`;
