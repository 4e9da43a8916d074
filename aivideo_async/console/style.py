"""The console's style sheet: light and dark, 360 to 2560 pixels wide, one accent, no foreign fonts or pictures."""

from __future__ import annotations

from aivideo_async.console.view_style import VIEWS

COLOURS = """
:root {
  color-scheme: light dark;
  --page: #f7f6f3; --card: #ffffff; --sunk: #f1efea; --stage: #15171b; --line: #e4e1d9; --edge: #c9c5ba;
  --ink: #1b1d21; --soft: #5f636a; --accent: #3a4bbd; --tint: #ecedf9; --fill: #3a4bbd; --on-fill: #ffffff;
  --good: #1d6a43; --bad: #a8321c; --open: #7a5800;
  --shadow: 0 1px 2px rgb(27 24 16 / .05), 0 6px 20px rgb(27 24 16 / .05);
  --radius: 12px; --mono: ui-monospace, "SF Mono", "Cascadia Code", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #111316; --card: #191c20; --sunk: #14161a; --stage: #0a0b0d; --line: #292d33; --edge: #454b54;
    --ink: #e9e8e4; --soft: #a1a6ae; --accent: #a9b5ff; --tint: #22263c; --fill: #5363d6; --on-fill: #ffffff;
    --good: #7fcfa2; --bad: #f19a86; --open: #dfbe67; --shadow: none;
  }
}
"""

FRAME = """
*, ::before, ::after { box-sizing: border-box; }
html { scrollbar-gutter: stable; -webkit-text-size-adjust: 100%; }
body {
  margin: 0; min-height: 100vh; background: var(--page); color: var(--ink); overflow-wrap: anywhere;
  font: .9375rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif;
}
h1, h2, p, dl, dd, ul, ol, figure, fieldset, pre { margin: 0; padding: 0; }
fieldset { min-width: 0; border: 0; }
h1 { font-size: clamp(1.5rem, 1.3rem + .8vw, 2rem); font-weight: 650; line-height: 1.2; letter-spacing: -.018em; }
h1.prompt { font-size: clamp(1.3rem, 1.15rem + .6vw, 1.625rem); }
h2 { font-size: 1rem; font-weight: 620; line-height: 1.4; }
strong { font-weight: 600; }
small, .small { font-size: .8125rem; }
code, pre { font-family: var(--mono); font-size: .8125rem; }
a { color: var(--accent); text-decoration-thickness: 1px; text-underline-offset: .2em; border-radius: 4px; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
main:focus { outline: none; }
.soft { color: var(--soft); }
.num { font-variant-numeric: tabular-nums; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip { position: absolute; left: .75rem; top: -4rem; z-index: 3; padding: .5rem .9rem; background: var(--card); }
.skip:focus { top: .75rem; }
.page { min-width: 0; display: flex; flex-direction: column;
  padding: clamp(1.25rem, 2.6vw, 3rem) clamp(1rem, 3vw, 3.5rem); }
main { display: grid; gap: 1.5rem; align-content: start; width: 100%; max-width: 140rem; flex: 1;
  grid-template-columns: minmax(0, 1fr); }
.foot { margin-top: 2.5rem; color: var(--soft); font-size: .8125rem; }
nav.side { display: flex; align-items: center; gap: .5rem 1rem; padding: .6rem 1rem 0; background: var(--sunk);
  border-bottom: 1px solid var(--line); flex-wrap: wrap; }
.brand { display: flex; align-items: center; gap: .6rem; color: var(--ink); font-weight: 650; text-decoration: none;
  letter-spacing: -.01em; }
.mark { width: 1.5rem; height: 1.5rem; } .plate { fill: var(--fill); } .arrow { fill: var(--on-fill); }
nav.side ul { display: flex; gap: .15rem; list-style: none; overflow-x: auto; order: 3; width: 100%;
  scrollbar-width: none;
  margin: 0 -1rem; padding: 0 .65rem .45rem; }
@media (max-width: 59.99rem) { nav.side ul { padding-right: 3rem;
  mask-image: linear-gradient(to right, #000 calc(100% - 3rem), transparent); } }
nav.side li a { display: flex; align-items: center; gap: .6rem; padding: .42rem .65rem; border-radius: 8px;
  color: var(--soft); text-decoration: none; white-space: nowrap; font-weight: 500; }
nav.side li a:hover { color: var(--ink); background: var(--tint); }
nav.side li a[aria-current] { color: var(--accent); background: var(--tint); font-weight: 600; }
nav.side li svg { flex: none; width: 1.1rem; height: 1.1rem; fill: none; stroke: currentColor; stroke-width: 1.6;
  stroke-linecap: round; stroke-linejoin: round; }
.pulse { margin-left: auto; color: var(--soft); font-size: .75rem; display: flex; align-items: center; gap: .4rem; }
.pulse[data-state]::before { content: ""; width: .45rem; height: .45rem; border-radius: 50%;
  background: var(--good); }
.pulse[data-state=away]::before { background: var(--open); }
@media (min-width: 60rem) {
  body { display: grid; grid-template-columns: 14.5rem minmax(0, 1fr); }
  nav.side { position: sticky; top: 0; height: 100vh; flex-direction: column; align-items: stretch; flex-wrap: nowrap;
    padding: 1.6rem 1rem 1.25rem; border-bottom: 0; border-right: 1px solid var(--line); gap: 1.6rem; }
  nav.side .brand { padding: 0 .65rem; font-size: 1.0625rem; }
  nav.side ul { flex-direction: column; order: 0; margin: 0; padding: 0; overflow: visible; }
  .pulse { margin: auto 0 0 .65rem; }
}
.head { display: flex; flex-wrap: wrap; align-items: end; justify-content: space-between; gap: .75rem 2rem; }
.lead { margin-top: .3rem; color: var(--soft); max-width: 80ch; text-wrap: pretty; }
.crumbs { margin-bottom: .5rem; color: var(--soft); font-size: .8125rem; }
.under { margin-top: .6rem; display: flex; gap: 1rem; align-items: baseline; }
.prompt { max-width: 50ch; font-weight: 600; text-wrap: pretty; }
.row { display: flex; flex-wrap: wrap; align-items: baseline; justify-content: space-between; gap: .25rem 1rem; }
.stack { display: grid; gap: .1rem; justify-items: start; }
.card { display: grid; gap: .9rem; padding: 1.15rem 1.25rem; background: var(--card); border: 1px solid var(--line);
  border-radius: var(--radius); box-shadow: var(--shadow); min-width: 0; grid-template-columns: minmax(0, 1fr);
  align-content: start; }
.split, .column { display: grid; gap: 1.25rem; align-content: start; align-items: start; min-width: 0;
  grid-template-columns: minmax(0, 1fr); }
@media (min-width: 75rem) { .split { grid-template-columns: minmax(0, 3fr) minmax(22rem, 2fr); gap: 1.5rem; }
  .split.try { grid-template-columns: repeat(2, minmax(0, 1fr)); } .split.late { grid-template-columns: none; } }
@media (min-width: 110rem) { .split.late { grid-template-columns: minmax(0, 3fr) minmax(26rem, 2fr); } }
.side.column, .split > .fill { align-self: start; }
@media (max-width: 74.99rem) { .split.task > .column { display: contents; } .split.task .last { order: 1; } }
"""

PIECES = """
.badge { display: inline-flex; align-items: baseline; gap: .45em; font-size: .8125rem; font-weight: 600;
  white-space: nowrap; }
.badge::before { content: ""; align-self: center; width: .5em; height: .5em; border-radius: 50%;
  background: currentColor; }
.good { color: var(--good); } .bad { color: var(--bad); } .open { color: var(--open); }
.card.good { color: inherit; border-color: var(--good); }
.tag { margin-left: .5em; padding: .05em .5em; border: 1px solid var(--edge); border-radius: 99px; color: var(--soft);
  font-size: .75rem; font-weight: 500; white-space: nowrap; }
progress { appearance: none; width: 100%; height: .375rem; border: 0; border-radius: 99px; overflow: hidden;
  background: var(--line); vertical-align: middle; }
progress::-webkit-progress-bar { background: var(--line); border-radius: 99px; }
progress::-webkit-progress-value { background: var(--accent); border-radius: 99px; }
progress::-moz-progress-bar { background: var(--accent); border-radius: 99px; }
td progress { width: 7rem; }
button, .button, input, select, textarea { font: inherit; color: inherit; border-radius: 8px; }
button, .button { display: inline-flex; align-items: center; padding: .42rem .85rem; border: 1px solid var(--edge);
  background: var(--card); font-weight: 550; font-size: .875rem; cursor: pointer; text-decoration: none;
  color: var(--ink);
  line-height: 1.4; }
button:hover, .button:hover { border-color: var(--accent); }
button.main, .button.main { background: var(--fill); border-color: var(--fill); color: var(--on-fill); }
button.main:hover, .button.main:hover { filter: brightness(1.08); }
button.quiet { background: none; border-color: var(--line); color: var(--soft); }
button.quiet:hover { color: var(--ink); border-color: var(--edge); }
button.small, .copy { padding: .15rem .6rem; font-size: .8125rem; white-space: nowrap; }
input, select, textarea { width: 100%; padding: .45rem .65rem; border: 1px solid var(--edge);
  background: var(--card); }
textarea { resize: vertical; line-height: 1.5; }
input::placeholder, textarea::placeholder { color: var(--soft); opacity: 1; }
input[type=checkbox] { width: 1.05rem; height: 1.05rem; accent-color: var(--fill); flex: none; }
[aria-invalid=true] { border-color: var(--bad); }
.problem { color: var(--bad); font-size: .875rem; }
.acts, form.acts { display: flex; flex-wrap: wrap; gap: .5rem; }
.switch { display: inline-flex; padding: 3px; border: 1px solid var(--line); border-radius: 10px;
  background: var(--sunk); }
.switch a { padding: .25rem .8rem; border-radius: 7px; color: var(--soft); text-decoration: none; font-size: .875rem;
  font-weight: 550; }
.switch a[aria-current] { background: var(--card); color: var(--ink); box-shadow: 0 0 0 1px var(--line); }
.filters { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; }
.filters input[type=search] { flex: 1 1 16rem; width: auto; }
.filters select { width: auto; flex: 0 1 auto; max-width: 100%; min-width: 8.5rem; }
.js .filters button, .js [formmethod=get], html:not(.js) [data-copy] { display: none; }
.pager { display: flex; gap: 1.25rem; align-items: baseline; justify-content: center; color: var(--soft);
  font-size: .875rem; font-variant-numeric: tabular-nums; }
.pager span[aria-disabled] { opacity: .55; }
.facts { display: grid; gap: .4rem; }
.facts div { display: grid; grid-template-columns: minmax(6.5rem, 1fr) 2.2fr; gap: 1rem; align-items: baseline; }
dt { color: var(--soft); font-size: .8125rem; }
.figures { display: flex; flex-wrap: wrap; gap: 1rem clamp(1.25rem, 4vw, 3rem); }
.figures dd { font-size: clamp(1.25rem, 1rem + 1.6vw, 1.75rem); font-weight: 620; letter-spacing: -.02em;
  line-height: 1.25; font-variant-numeric: tabular-nums; }
.plain { list-style: none; display: grid; gap: .3rem; }
details > summary { cursor: pointer; width: fit-content; border-radius: 4px; color: var(--soft); font-size: .875rem;
  font-weight: 550; }
details > summary:hover { color: var(--ink); }
.code { position: relative; } details > pre, .code { margin-top: .5rem; }
pre { padding: .85rem 1rem; background: var(--sunk); border: 1px solid var(--line); border-radius: 9px;
  overflow: auto;
  max-height: 26rem; line-height: 1.6; white-space: pre-wrap; }
.code .copy { position: absolute; top: -2.15rem; right: 0; }
.empty { display: grid; gap: .8rem; justify-items: start; padding: clamp(1.5rem, 5vw, 3.5rem);
  border: 1px dashed var(--edge);
  border-radius: var(--radius); color: var(--soft); }
.empty h1, .empty h2 { color: var(--ink); font-size: 1.125rem; }
.empty p { max-width: 60ch; } .empty pre { max-width: 100%; }
.scroll { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: var(--radius);
  box-shadow: var(--shadow); }
.card .scroll { border: 0; box-shadow: none; border-radius: 0; margin: 0 -1.25rem -.6rem; }
table { width: 100%; border-collapse: collapse; }
th { padding: .6rem 1rem; text-align: left; color: var(--soft); font-size: .75rem; font-weight: 600;
  white-space: nowrap;
  border-bottom: 1px solid var(--line); }
td { padding: .55rem 1rem; vertical-align: middle; border-bottom: 1px solid var(--line); }
tbody tr:last-child td { border-bottom: 0; }
tbody tr:hover td { background: var(--sunk); }
th.num, td.num { text-align: right; white-space: nowrap; } .num > .stack { justify-items: end; }
td time, td .badge, td code { white-space: nowrap; }
td[data-name=""] { text-align: right; } td[data-name=""] form { display: inline-flex; }
td .acts { flex-wrap: nowrap; justify-content: end; } td .button { padding: .15rem .6rem; font-size: .8125rem; }
td[data-name=Model], td[data-name=Event], td[data-name=Key] { white-space: nowrap; }
td > a { text-decoration: none; font-weight: 500; } td > a:hover { text-decoration: underline; }
td a:has(bdi) { color: var(--ink); }
td .why { min-width: 12rem; max-width: 60ch; white-space: normal; overflow-wrap: break-word; }
@media (max-width: 44rem) {
  thead { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; }
  table, tbody { display: block; }
  tbody tr { display: flex; flex-wrap: wrap; gap: .1rem .9rem; align-items: baseline; padding: .6rem 1rem;
    border-bottom: 1px solid var(--line); } tbody tr:last-child { border: 0; }
  tbody tr:hover td { background: none; }
  td, td.num { display: flex; gap: .4rem; align-items: baseline; min-width: 0; max-width: 100%; padding: 0; border: 0;
    font-size: .8125rem; text-align: left; white-space: normal; }
  td:first-child { font-size: .9375rem; }
  td::before { content: attr(data-name); color: var(--soft); }
  td:first-child::before, td[data-name=When]::before, td[data-name=Event]::before, td[data-name=Request]::before,
  td[data-name=Status]::before, td[data-name=State]::before, td[data-name=Model]::before, td[data-name=Share]::before,
  td[data-name=Created]::before, td[data-name=Tasks]::before, td[data-name=""]::before { display: none; }
  td[data-name=When], td[data-name=Created] { color: var(--soft); }
  td[data-name=Request], td[data-name=Event] { flex: 1 1 60%; font-size: .9375rem; }
  td[data-name=Model], td[data-name=Event], td[data-name=Key] { white-space: normal; }
  td[data-name=Event]:has(.why) { flex-basis: 100%; }
  td[data-name=Limits] { flex-basis: 100%; } td[data-name=""] { margin-left: auto; }
  td[data-name=""]:empty { display: none; }
  td[data-name=Share] { width: 8rem; } td code { white-space: normal; } td .acts { justify-content: start; }
  .num > .stack { justify-items: start; } .filters select { flex: 1 1 8.5rem; }
}
"""

STYLE = COLOURS + FRAME + PIECES + VIEWS
