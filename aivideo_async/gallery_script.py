"""The gallery's script, and what of the page is its own: it finds, sorts and compares.

Without it the page is whole, only still.

It makes elements and sets text, and never reads text as HTML; it asks for nothing and keeps nothing.
"""

from __future__ import annotations

END = """<p class="none" role="status" hidden>Nothing fits. Take a word away, or choose another status.</p>
<div class="chosen" role="region" aria-label="Chosen" hidden><span role="status"></span>
<button type="button" id="clear">Clear</button>
<button type="button" id="compare" class="main" disabled>Compare</button></div>
<dialog id="side" aria-labelledby="side-title">
<div class="head"><h2 id="side-title">Side by side</h2><button type="button" id="close">Close</button></div>
<div class="sides"></div>
<div class="together"><button type="button" id="play" class="main">Play</button>
<button type="button" data-step="-0.1" aria-label="Back a tenth of a second">&minus;0.1</button>
<button type="button" data-step="0.1" aria-label="On a tenth of a second">+0.1</button>
<input type="range" id="seek" min="0" max="1" step="0.01" value="0" aria-label="Moment">
<output id="clock"></output></div>
</dialog>"""
"""What the script shows: what was chosen, and the two side by side."""

SCRIPT = """
"use strict";
(() => {
  const find = (query, root = document) => root.querySelector(query);
  const all = (query, root = document) => [...root.querySelectorAll(query)];
  const make = (tag, more = {}, ...inside) => {
    const made = Object.assign(document.createElement(tag), more);
    made.append(...inside);
    return made;
  };
  const list = find(".cards"), tools = find(".tools");
  if (!list || !tools) return;
  const cards = all(":scope > li", list).map((li, n) => ({
    li, n, article: find("article", li), choice: find(".choose input", li), text: li.textContent.toLowerCase(),
  }));
  const words = find("#find"), status = find("#status"), order = find("#order"), count = find(".count");
  const bar = find(".chosen"), names = find(".chosen span"), compare = find("#compare"), none = find(".none");

  const orders = {
    made: (a, b) => a.n - b.n,
    cost: (a, b) => b.li.dataset.cost - a.li.dataset.cost || a.n - b.n,
    cheap: (a, b) => a.li.dataset.cost - b.li.dataset.cost || a.n - b.n,
    model: (a, b) => a.li.dataset.model.localeCompare(b.li.dataset.model) || a.n - b.n,
    status: (a, b) => a.article.dataset.status.localeCompare(b.article.dataset.status) || a.n - b.n,
  };
  const show = () => {
    const wanted = words.value.toLowerCase().split(/\\s+/).filter(Boolean);
    let shown = 0;
    for (const card of cards) {
      const fits = (!status.value || card.article.dataset.status === status.value)
        && wanted.every((word) => card.text.includes(word));
      if (!fits) all("video, audio", card.li).forEach((player) => player.pause());
      card.li.hidden = !fits;
      shown += fits;
    }
    none.hidden = shown > 0;
    count.textContent = shown === cards.length ? `${shown} in all` : `${shown} of ${cards.length}`;
  };
  const sort = () => list.append(...[...cards].sort(orders[order.value]).map((card) => card.li));
  words.addEventListener("input", show);
  status.addEventListener("change", show);
  order.addEventListener("change", sort);

  let chosen = [];
  const choose = (card) => {
    chosen = card.choice.checked ? [...chosen, card] : chosen.filter((one) => one !== card);
    if (chosen.length > 2) chosen.shift().choice.checked = false;
    for (const one of cards) one.article.classList.toggle("is-chosen", chosen.includes(one));
    bar.hidden = chosen.length === 0;
    compare.disabled = chosen.length < 2;
    names.textContent = chosen.length < 2 ? "Choose one more to compare" : "Two chosen";
  };
  for (const card of cards) card.choice?.addEventListener("change", () => choose(card));
  find("#clear").addEventListener("click", () => {
    const first = chosen[0];
    for (const card of chosen) card.choice.checked = false;
    chosen = [];
    choose(first);
    first.choice.focus();
  });

  const dialog = find("#side"), sides = find(".sides", dialog), play = find("#play"), seek = find("#seek");
  const clock = find("#clock"), moving = find(".together", dialog);
  let videos = [];
  const clip = (seconds) => `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(1).padStart(4, "0")}`;
  const longest = () => Math.max(0, ...videos.map((video) => video.duration || 0));
  const leader = () => videos.reduce((a, b) => ((b.duration || 0) > (a.duration || 0) ? b : a));
  const playing = () => videos.some((video) => !video.paused && !video.ended);
  const goTo = (at) => videos.forEach((video) => { video.currentTime = Math.min(at, video.duration || at); });
  const tell = () => {
    if (!videos.length) return;
    const at = leader().currentTime, end = longest();
    seek.max = end || 1;
    seek.value = at;
    clock.textContent = `${clip(at)} / ${clip(end)}`;
    seek.setAttribute("aria-valuetext", `${at.toFixed(1)} of ${end.toFixed(1)} seconds`);
    play.textContent = playing() ? "Pause" : "Play";
  };
  const inStep = () => {
    if (!videos.length) return;  // a pause that is told after the dialog was closed
    const first = leader();
    for (const video of videos) {
      const at = Math.min(first.currentTime, video.duration || 0);
      if (video !== first && Math.abs(video.currentTime - at) > 0.12) video.currentTime = at;
    }
    tell();
  };
  const pause = () => videos.forEach((video) => video.pause());
  const start = () => {
    if (leader().ended) goTo(0);
    videos.forEach((video) => { if (video.currentTime < (video.duration || 1)) video.play().catch(() => {}); });
  };
  play.addEventListener("click", () => (playing() ? pause() : start()));
  seek.addEventListener("input", () => { pause(); goTo(Number(seek.value)); });
  for (const step of all("[data-step]", dialog)) {
    step.addEventListener("click", () => {
      pause();
      goTo(Math.max(0, leader().currentTime + Number(step.dataset.step)));
    });
  }
  const rows = (card) => all(".facts > div", card.article).map((row) => [find("dt", row).textContent, find("dd", row)]);
  const side = (card, other) => {
    const stage = make("div", { className: "stage" });
    const media = find("video, img", card.article).cloneNode();
    media.removeAttribute("loading");
    if (media.tagName === "VIDEO") {
      Object.assign(media, { controls: false, muted: true, preload: "auto" });
      for (const news of ["timeupdate", "seeked", "play", "pause", "ended", "loadedmetadata"]) {
        media.addEventListener(news, inStep);
      }
      videos.push(media);
    }
    stage.append(media);
    const theirs = new Map(rows(other).map(([name, value]) => [name, value.textContent]));
    const facts = make("dl", { className: "facts" });
    const told = [["model", card.li.dataset.model, other.li.dataset.model],
      ...rows(card).map(([name, value]) => [name, value.textContent, theirs.get(name)])];
    if (card.li.dataset.cost !== "-1") told.push(["credits", card.li.dataset.cost, other.li.dataset.cost]);
    for (const [name, mine, its] of told) {
      const row = make("div", {}, make("dt", { textContent: name }), make("dd", { textContent: mine, dir: "auto" }));
      if (mine !== its) {
        row.className = "differs";
        row.lastChild.append(make("span", { className: "unseen", textContent: " (differs)" }));
      }
      facts.append(row);
    }
    const title = make("h3", { textContent: find("h2", card.article).textContent, dir: "auto" });
    return make("section", {}, stage, title, facts);
  };
  compare.addEventListener("click", () => {
    all("video, audio", list).forEach((player) => player.pause());
    const [a, b] = chosen;
    videos = [];
    sides.replaceChildren(side(a, b), side(b, a));
    moving.hidden = videos.length === 0;
    dialog.showModal();
    tell();
  });
  find("#close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => {
    pause();
    videos = [];
    sides.replaceChildren();
    compare.focus();
  });

  tools.hidden = false;
  for (const label of all(".choose")) label.hidden = false;
  show();
})();
"""
