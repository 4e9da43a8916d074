"""The part of the style sheet that single views need: cards, timelines, charts, forms, the clock."""

from __future__ import annotations

VIEWS = """
.cards { display: grid; gap: clamp(1rem, 1.4vw, 1.5rem); list-style: none;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 16.5rem), 1fr)); }
.cards > li { display: grid; min-width: 0; }
article { position: relative; display: grid; grid-template-rows: auto 1fr; min-width: 0; overflow: hidden;
  background: var(--card); border: 1px solid var(--line); border-radius: var(--radius); box-shadow: var(--shadow); }
article:hover, article:focus-within { border-color: var(--edge); }
.stage { display: grid; place-items: center; aspect-ratio: 16 / 9; background: var(--stage); overflow: hidden;
  min-height: 0; }
.stage img, .stage video { display: block; width: 100%; height: 100%; object-fit: cover; min-height: 0; }
.stage video { transform: scale(1.012); }
.nothing { display: -webkit-box; -webkit-line-clamp: 5; -webkit-box-orient: vertical; overflow: hidden; }
.player .nothing { display: block; }
.tall .stage video, .tall .stage img { object-fit: contain; }
.text { display: grid; gap: .35rem; padding: .8rem .95rem .85rem; grid-template-rows: 1fr; }
.text h2 { font-size: .9375rem; font-weight: 550; line-height: 1.4; display: -webkit-box; -webkit-line-clamp: 2;
  -webkit-box-orient: vertical; overflow: hidden; min-height: 2.8em; }
.text p { display: flex; justify-content: space-between; gap: 1rem; font-size: .8125rem; min-width: 0; }
.cover { color: inherit; text-decoration: none; }
.cover::after { content: ""; position: absolute; inset: 0; border-radius: var(--radius); }
.cover:focus-visible { outline: none; }
.cover:focus-visible::after { outline: 2px solid var(--accent); outline-offset: -2px; }
.stage progress, .player progress { background: #33373e; } .stage progress::-webkit-progress-bar,
.player progress::-webkit-progress-bar { background: #33373e; }
.stage progress::-webkit-progress-value, .player progress::-webkit-progress-value { background: #a9b5ff; }
.wait { display: grid; gap: .6rem; justify-items: center; width: min(60%, 14rem); color: #c3c7ce; font-size: .8125rem;
  font-variant-numeric: tabular-nums; }
.nothing { padding: 1rem; max-width: 44ch; color: #c3c7ce; font-size: .8125rem; text-align: center; }
.stage .button { position: relative; z-index: 1; }
.player { display: grid; place-items: center; gap: .75rem; min-height: 14rem; background: var(--stage);
  overflow: hidden;
  border-radius: var(--radius); }
.player video, .player img { display: block; width: 100%; height: auto; max-height: 72vh; object-fit: contain; }
.player:has(> .button) { min-height: 0; padding: 1.25rem; justify-items: start; background: var(--card);
  border: 1px solid var(--line); }
.player.tall video, .player.tall img { width: auto; max-width: 100%; }
.player.music { min-height: 0; place-items: stretch; gap: 0; background: var(--card); border: 1px solid var(--line);
  box-shadow: var(--shadow); }
.piece { display: grid; grid-template-columns: clamp(5rem, 24%, 9rem) minmax(0, 1fr); gap: 1.1rem; align-items: center;
  padding: 1rem 1.25rem; } .piece + .piece { border-top: 1px solid var(--line); }
.piece > :only-child { grid-column: 1 / -1; }
.player .piece img { aspect-ratio: 1; object-fit: cover; border-radius: 9px; }
.piece figcaption { display: grid; gap: .6rem; } .piece .num { color: var(--soft); } .piece audio { width: 100%; }
.whole { white-space: pre-wrap; max-height: 20rem; overflow: auto; }
.timeline { list-style: none; display: grid; gap: 0; }
.timeline li { position: relative; display: grid; gap: .15rem; padding: 0 0 1.1rem 1.6rem; color: var(--ink);
  grid-template-columns: minmax(0, 1fr); }
.timeline li::before { content: ""; position: absolute; left: .1rem; top: .42rem; width: .7rem; height: .7rem;
  border-radius: 50%; background: var(--card); border: 2px solid var(--edge); }
.timeline li.good::before { background: var(--good); border-color: var(--good); }
.timeline li.bad::before { background: var(--bad); border-color: var(--bad); }
.timeline li.open::before { border-color: var(--accent); }
.timeline li:not(:last-child)::after { content: ""; position: absolute; left: .4rem; top: 1.3rem; bottom: -.25rem;
  width: 2px; background: var(--line); }
.timeline li:last-child { padding-bottom: 0; }
.chart { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: .4rem .9rem; color: var(--soft);
  font-size: .8125rem;
  font-variant-numeric: tabular-nums; }
.chart svg { display: block; width: 100%; height: clamp(10rem, 22vw, 16rem); overflow: visible; }
.chart .scale { display: flex; flex-direction: column; justify-content: space-between; margin: -.75em 0;
  text-align: right; line-height: 1.5; }
.chart .times { grid-column: 2; height: 1.3rem; } .chart text { fill: currentColor; }
.chart .grid { fill: none; stroke: var(--edge); stroke-opacity: .5; stroke-width: 1;
  vector-effect: non-scaling-stroke; }
.chart .line { fill: none; stroke: var(--accent); stroke-width: 2; stroke-linejoin: round;
  vector-effect: non-scaling-stroke; }
.chart .area { fill: var(--tint); }
meter { width: 100%; min-width: 3rem; max-width: 22rem; height: .5rem; vertical-align: middle; }
meter::-webkit-meter-bar { height: .5rem; background: var(--line); border: 0; border-radius: 99px; }
meter::-webkit-meter-optimum-value { background: var(--accent); border-radius: 99px; }
meter::-moz-meter-bar { background: var(--accent); }
.fill { gap: 1.1rem; }
label { display: grid; gap: .3rem; align-content: start; }
label > span:first-child { font-weight: 550; font-size: .875rem; }
label small, .hints small { color: var(--soft); }
.hints { display: grid; } .entry { display: grid; gap: .3rem; align-content: start; }
.short { display: grid; gap: 1.1rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 11rem), 1fr)); }
details#more[open] { display: grid; gap: 1.1rem; } details#more::details-content { display: grid; gap: 1.1rem; }
.price strong { font-size: 1.75rem; font-weight: 620; letter-spacing: -.02em; font-variant-numeric: tabular-nums; }
@media (max-width: 44rem) { .chart text.other { display: none; } }
.pair { display: grid; align-items: start; gap: 1.1rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 13rem), 1fr)); }
form.fill { display: grid; }
.trio { display: grid; gap: 1.1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 7.5rem), 1fr)); }
.pair ul { padding-left: 1.1em; }
.ask > p, .ask > form { margin-top: .7rem; }
.ask > summary { color: var(--bad); }
button.grave { border-color: var(--bad); color: var(--bad); }
button.grave:hover { background: var(--bad); border-color: var(--bad); color: var(--card); }
.rows li { padding: .3rem 0; flex-wrap: nowrap; } .what { display: flex; flex-wrap: wrap; gap: 0 .75rem; }
 .rows li + li { border-top: 1px solid var(--line); }
.groups { display: grid; gap: 1.1rem 1.5rem; }
@media (min-width: 110rem) { .groups { grid-template-columns: repeat(4, minmax(0, 1fr)); } }
.choices { display: grid; gap: 0 1rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 15.5rem), 1fr));
  align-content: start; }
.choices legend { margin-bottom: .2rem; color: var(--soft); font-size: .8125rem; font-weight: 600; }
.choices label { display: flex; gap: .7rem; padding: .3rem .5rem; margin: 0 -.5rem; border-radius: 8px;
  cursor: pointer; align-items: start; line-height: 1.4; }
.choices label:hover { background: var(--sunk); } .choices label:has(:checked) { background: var(--tint); }
.choices label input { margin-top: .15rem; scroll-margin-bottom: 9rem; }
.choices label span { display: grid; font-weight: 400; }
.bar { position: sticky; bottom: 0; z-index: 1; display: flex; flex-wrap: wrap; gap: .6rem 2.5rem;
  margin: .25rem -1.25rem -1.15rem; padding: .8rem 1.25rem; background: var(--card); border-top: 1px solid var(--line);
  border-radius: 0 0 var(--radius) var(--radius); }
.bar .problem { flex-basis: 100%; }
.act { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; min-width: 0; white-space: nowrap; }
.act input { width: 3.8rem; } .act select { width: auto; min-width: 0; flex: 1 1 7rem; max-width: 14rem; }
@media (max-width: 30rem) { .act { gap: .35rem; } .act input { width: 3.2rem; } .act select { flex-basis: 4.5rem; }
  .near button { padding-inline: .42rem; font-size: .8125rem; } }
.near { flex-wrap: nowrap; } .near button { white-space: nowrap; }
@media (max-width: 30rem) { .bar { padding-inline: .9rem; } .act { gap: .4rem; } .act select { flex-basis: 4.5rem; }
  .act input { width: 3rem; padding-inline: .4rem; appearance: textfield; }
  .act button { padding-inline: .6rem; font-size: .8125rem; } .near button { padding-inline: .7rem; } }
.grow select { flex: 1 1 12rem; width: auto; min-width: 0; }
.clock { font-size: 2rem; font-weight: 600; letter-spacing: -.02em; line-height: 1.2;
  font-variant-numeric: tabular-nums; }
@media (prefers-reduced-motion: no-preference) {
  progress::-webkit-progress-value { transition: inline-size .9s linear; }
  article, button, nav.side li a { transition: border-color .12s, background-color .12s, color .12s; }
}
@media (forced-colors: active) { .badge::before, .timeline li::before { background: CanvasText; } }
@media print { nav.side, .filters, .pager, .acts { display: none; } body { display: block; } }
"""
