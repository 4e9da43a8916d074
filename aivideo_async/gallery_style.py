"""The style sheet of the gallery's page: light and dark, 360 to 2560 pixels wide, no foreign fonts or pictures."""

from __future__ import annotations

STYLE = """
:root {
  color-scheme: light dark;
  --page: #f6f5f2; --card: #ffffff; --stage: #14161a; --line: #e3e0d9; --edge: #8b8880;
  --ink: #1d2024; --soft: #5d6269; --link: #1b5e8c;
  --good: #1f6b45; --bad: #a3341f; --open: #7a5a00;
  --shadow: 0 1px 2px rgb(25 22 15 / .05), 0 8px 24px rgb(25 22 15 / .06);
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #121417; --card: #1b1e22; --stage: #0a0b0d; --line: #2c3036; --edge: #757b84;
    --ink: #e9e7e2; --soft: #a2a8b0; --link: #8cc4ec;
    --good: #82cfa4; --bad: #f09a86; --open: #e0c06a;
    --shadow: none;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 150rem; padding: clamp(1.25rem, 3.2vw, 4rem) clamp(1rem, 3.2vw, 4rem);
  background: var(--page); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
  overflow-wrap: anywhere;
}
h1, h2, p, dl, dd, ul { margin: 0; padding: 0; }
header.page {
  display: flex; flex-wrap: wrap; align-items: end; justify-content: space-between; gap: 1.25rem 3rem;
  margin-bottom: clamp(1.5rem, 3vw, 2.75rem);
}
h1 { font-size: clamp(1.6rem, 1.2rem + 1.6vw, 2.5rem); font-weight: 650; line-height: 1.15; letter-spacing: -.02em; }
.lead { margin-top: .6rem; max-width: 62ch; color: var(--soft); }
header .facts { display: flex; flex-wrap: wrap; gap: .75rem 2.25rem; }
header .facts div { display: block; }
header .facts dd { font-size: 1.2rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.cards {
  display: grid; gap: clamp(1rem, 1.6vw, 1.75rem); list-style: none;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 23rem), 1fr));
}
.cards > li { display: grid; min-width: 0; }
article {
  display: grid; grid-template-rows: auto 1fr; min-width: 0; overflow: hidden;
  background: var(--card); border: 1px solid var(--line); border-radius: 14px; box-shadow: var(--shadow);
}
.tall article { grid-template: 1fr / minmax(0, 47fr) minmax(0, 53fr); }
.stage { display: grid; place-items: center; min-height: 100%; background: var(--stage); }
.wide .stage { aspect-ratio: 16 / 9; }
.stage > a { display: grid; place-items: center; width: 100%; height: 100%; }
.stage img, .stage video { display: block; width: 100%; height: auto; max-height: 90vh; object-fit: contain; }
.wide .stage img, .wide .stage video { height: 100%; }
.stage audio { width: calc(100% - 2rem); margin: .75rem; }
.nothing { max-width: 34ch; padding: 1.5rem; color: #b9bdc4; font-size: .9rem; text-align: center; }
.text { display: flex; flex-direction: column; gap: .8rem; min-width: 0; padding: 1rem 1.1rem 1.05rem; }
.over { display: flex; flex-wrap: wrap; justify-content: space-between; gap: .1rem .9rem; font-size: .82rem; }
.model { color: var(--soft); font-weight: 550; }
.status { font-weight: 600; white-space: nowrap; }
.status::before {
  content: ""; display: inline-block; width: .5em; height: .5em; margin-right: .45em; border-radius: 50%;
  background: currentColor; vertical-align: .08em;
}
.good { color: var(--good); } .bad { color: var(--bad); } .open { color: var(--open); }
h2 { font-size: 1.02rem; font-weight: 500; line-height: 1.42; text-wrap: pretty; }
details { font-size: .9rem; color: var(--soft); }
details p { margin-top: .4rem; max-height: 16rem; overflow: auto; white-space: pre-line; }
summary { width: fit-content; cursor: pointer; border-radius: 4px; }
.facts { font-size: .85rem; }
.facts dt { color: var(--soft); font-size: .82rem; }
.text .facts { display: grid; gap: .1rem .75rem; }
.text .facts div { display: grid; grid-template-columns: minmax(7.25rem, 2fr) 5fr; gap: .75rem; align-items: baseline; }
.tall .facts div { display: flex; flex-wrap: wrap; gap: 0 .6rem; }
article footer { display: grid; gap: .15rem; margin-top: auto; padding-top: .3rem; font-size: .82rem; }
.small { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1rem; color: var(--soft); }
.id { font: .72rem/1.6 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
a { color: var(--link); text-underline-offset: .18em; text-decoration-thickness: 1px; border-radius: 4px; }
a:hover { text-decoration-thickness: 2px; }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.stage :focus-visible { outline-color: #8cc4ec; outline-offset: -4px; }
.tools {
  position: sticky; top: 0; z-index: 2; display: flex; flex-wrap: wrap; align-items: end; gap: .75rem 1rem;
  margin: 0 -0.75rem clamp(1rem, 1.6vw, 1.75rem); padding: .75rem; background: var(--page);
}
[hidden] { display: none !important; }
.tools p { display: grid; gap: .25rem; }
.tools .wide-field { flex: 1 1 16rem; max-width: 34rem; }
.tools label { color: var(--soft); font-size: .82rem; }
.tools .count { margin-left: auto; padding-bottom: .55rem; color: var(--soft); font-variant-numeric: tabular-nums; }
input[type=search], select, button {
  min-height: 2.75rem; min-width: 0; padding: 0 .85rem; font: inherit; font-size: .95rem; color: var(--ink);
  background: var(--card); border: 1px solid var(--edge); border-radius: 10px;
}
input[type=search] { width: 100%; }
input::placeholder { color: var(--soft); opacity: 1; }
button { cursor: pointer; font-weight: 550; }
button:hover:enabled { border-color: var(--ink); }
button.main { color: var(--card); background: var(--ink); border-color: var(--ink); }
button:disabled { cursor: default; color: var(--soft); background: transparent; border-color: var(--line); }
.choose {
  display: flex; align-items: center; gap: .55rem; width: fit-content; min-height: 2rem; margin-top: .35rem;
  cursor: pointer; color: var(--soft);
}
.choose:hover { color: var(--ink); }
input[type=checkbox] { width: 1.1rem; height: 1.1rem; margin: 0; accent-color: var(--link); }
.is-chosen { border-color: var(--link); box-shadow: 0 0 0 1px var(--link); }
.none { padding: 3rem 0; color: var(--soft); text-align: center; }
.chosen {
  position: sticky; bottom: 1rem; z-index: 2; display: flex; align-items: center; gap: .75rem; width: fit-content;
  max-width: 100%; margin: 1.5rem auto 0; padding: .6rem .6rem .6rem 1.2rem; background: var(--card);
  border: 1px solid var(--edge); border-radius: 16px; box-shadow: 0 10px 32px rgb(0 0 0 / .22);
}
dialog {
  width: min(100vw - 1.5rem, 150rem); max-width: none; height: fit-content; max-height: calc(100dvh - 1.5rem);
  padding: clamp(.9rem, 1.6vw, 1.75rem); overflow: auto; color: var(--ink); background: var(--page);
  border: 1px solid var(--line); border-radius: 18px;
}
dialog::backdrop { background: rgb(8 9 11 / .72); }
.head { display: flex; align-items: center; justify-content: space-between; gap: 1rem; margin-bottom: 1rem; }
.head h2 { font-size: 1.25rem; font-weight: 650; }
.sides { display: grid; grid-template-columns: 1fr 1fr; gap: clamp(.6rem, 1.4vw, 1.5rem); align-items: start; }
.sides section { display: grid; grid-row: span 3; grid-template-rows: subgrid; gap: .8rem; min-width: 0; }
.sides .stage { overflow: hidden; min-height: 0; border-radius: 12px; }
.sides .stage img, .sides .stage video { height: auto; max-height: 62dvh; }
.sides h3 { margin: 0; font-size: 1rem; font-weight: 500; line-height: 1.4; }
.sides .facts { display: grid; gap: .1rem; }
.sides .facts div { display: flex; flex-wrap: wrap; gap: 0 .75rem; padding: .15rem .5rem; border-radius: 6px; }
.sides .facts dt { flex: 0 1 9rem; }
.sides .facts dd { flex: 1 1 8rem; }
.sides .differs { background: var(--card); box-shadow: inset 3px 0 0 var(--link); }
.sides .differs dd { font-weight: 600; }
.together {
  position: sticky; bottom: calc(-1 * clamp(.9rem, 1.6vw, 1.75rem)); display: flex; flex-wrap: wrap; gap: .6rem;
  align-items: center; margin-top: 1rem; padding: .75rem 0; background: var(--page);
}
.together input { flex: 1 1 12rem; min-width: 0; height: 2.75rem; margin: 0 .4rem; accent-color: var(--link); }
#play { min-width: 5.5rem; }
#clock { min-width: 8.5rem; text-align: right; color: var(--soft); font-variant-numeric: tabular-nums; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (max-width: 40rem) {
  .tools { position: static; }
  .tools p { flex: 1 1 8rem; }
  .tools .wide-field { flex-basis: 100%; }
  .tools .count { flex-basis: 100%; margin: 0; padding: 0; }
  select { width: 100%; }
  .together input { flex-basis: 100%; order: 1; margin: 0; }
  #clock { flex: 1; }
}
.empty, footer.page { color: var(--soft); }
footer.page { margin-top: clamp(1.75rem, 3vw, 3rem); font-size: .85rem; }
@media (prefers-reduced-motion: no-preference) { a { transition: text-decoration-thickness .12s; } }
@media (forced-colors: active) { article { border: 1px solid; } .status::before { background: CanvasText; } }
@media print { article { break-inside: avoid; } .cards { grid-template-columns: 1fr 1fr; } }
"""
