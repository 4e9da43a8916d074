"""The style sheet of the gallery's page: light and dark, 360 to 2560 pixels wide, no foreign fonts or pictures."""

from __future__ import annotations

STYLE = """
:root {
  color-scheme: light dark;
  --page: #f6f5f2; --card: #ffffff; --stage: #14161a; --line: #e3e0d9;
  --ink: #1d2024; --soft: #5d6269; --link: #1b5e8c;
  --good: #1f6b45; --bad: #a3341f; --open: #7a5a00;
  --shadow: 0 1px 2px rgb(25 22 15 / .05), 0 8px 24px rgb(25 22 15 / .06);
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #121417; --card: #1b1e22; --stage: #0a0b0d; --line: #2c3036;
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
.empty, footer.page { color: var(--soft); }
footer.page { margin-top: clamp(1.75rem, 3vw, 3rem); font-size: .85rem; }
@media (prefers-reduced-motion: no-preference) { a { transition: text-decoration-thickness .12s; } }
@media (forced-colors: active) { article { border: 1px solid; } .status::before { background: CanvasText; } }
@media print { article { break-inside: avoid; } .cards { grid-template-columns: 1fr 1fr; } }
"""
