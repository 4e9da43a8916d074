"""The page's own script: it keeps what is shown up to date, loads a clip when it is in sight, copies, and finds.

Everything works without it, by reloading. It changes nothing by itself and speaks to nobody but the console.
"""

from __future__ import annotations

SCRIPT = r"""'use strict';
const body = document.body;
const main = document.getElementById('main');
document.documentElement.classList.add('js');

// What is shown becomes what the server shows now. Nodes stay where they can: focus, open folds and clips live on.
function morph(old, now) {
  if (old.nodeType !== now.nodeType || old.nodeName !== now.nodeName || (old.id || '') !== (now.id || '')) {
    old.replaceWith(document.importNode(now, true));
    return;
  }
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== now.data) old.data = now.data;
    return;
  }
  if (old.isEqualNode(now)) return;
  if (old.nodeName === 'VIDEO' || old.nodeName === 'AUDIO') {
    if (old.getAttribute('src') !== now.getAttribute('src')) old.replaceWith(document.importNode(now, true));
    return;
  }
  for (const {name, value} of [...now.attributes]) {
    if (old.getAttribute(name) !== value && !(name === 'open' && old.nodeName === 'DETAILS')) {
      old.setAttribute(name, value);
    }
  }
  for (const {name} of [...old.attributes]) {
    if (!now.hasAttribute(name) && !(name === 'open' && old.nodeName === 'DETAILS')) old.removeAttribute(name);
  }
  morphChildren(old, now);
}

function morphChildren(old, now) {
  const kept = new Set([...now.children].map((child) => child.id).filter(Boolean));
  let at = old.firstChild;
  for (const child of [...now.childNodes]) {
    while (at && at.id && at.id !== child.id && !kept.has(at.id)) {
      const gone = at;
      at = at.nextSibling;
      gone.remove();
    }
    const same = child.id ? [...old.children].find((node) => node.id === child.id) : null;
    if (child.id && !same) {
      old.insertBefore(document.importNode(child, true), at);
    } else if (same && same !== at) {
      old.insertBefore(same, at);
      morph(same, child);
    } else if (at) {
      const next = at.nextSibling;
      morph(at, child);
      at = next;
    } else {
      old.appendChild(document.importNode(child, true));
    }
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
}

async function fetched(url) {
  const response = await fetch(url, {headers: {Accept: 'text/html'}, cache: 'no-store'});
  if (!(response.headers.get('content-type') || '').startsWith('text/html')) throw new Error(`${response.status}`);
  return new DOMParser().parseFromString(await response.text(), 'text/html');
}

let busy = false;
let again = false;
async function refresh() {
  again = true;
  if (busy) return;
  busy = true;
  try {
    while (again) {
      again = false;
      const url = location.href;
      const page = await fetched(url);
      if (url !== location.href) {
        again = true;
        continue;
      }
      morph(main, page.getElementById('main'));
      document.title = page.title;
      inSight();
    }
  } catch {
    pulse('away');
  } finally {
    busy = false;
  }
}

const current = document.querySelector('nav.side [aria-current]');
if (current) current.parentElement.parentElement.scrollLeft = current.offsetLeft - innerWidth / 3;

// News, while somebody looks.
const words = {live: 'Live', away: 'Reconnecting\u2026', still: ''};
const told = document.createElement('p');
told.className = 'pulse';
document.querySelector('nav.side').append(told);
function pulse(state) {
  if (told.dataset.state === state) return;
  told.dataset.state = state;
  told.textContent = words[state];
}

let stream = null;
let last = body.dataset.revision;
function listen() {
  if (!body.dataset.live || document.hidden || stream) return;
  stream = new EventSource(`${body.dataset.live}?since=${encodeURIComponent(last)}`);
  stream.addEventListener('open', () => pulse('live'));
  stream.addEventListener('change', (event) => {
    last = event.lastEventId;
    refresh();
  });
  stream.addEventListener('error', () => {
    pulse('away');
    if (stream && stream.readyState === EventSource.CLOSED) {
      stream = null;
      setTimeout(listen, 5000);
    }
  });
}
function rest() {
  if (stream) stream.close();
  stream = null;
}
document.addEventListener('visibilitychange', () => (document.hidden ? rest() : listen()));
addEventListener('pagehide', rest);
addEventListener('pageshow', listen);

// Clips show their first frame when they come in sight, three at a time, and play while somebody points at them.
const calm = matchMedia('(prefers-reduced-motion: reduce)');
const waiting = [];
let loading = 0;
function load() {
  while (loading < 3 && waiting.length) {
    const video = waiting.shift();
    if (!video.isConnected) continue;
    loading += 1;
    const done = () => {
      video.removeEventListener('loadeddata', done);
      video.removeEventListener('error', done);
      loading -= 1;
      load();
    };
    video.addEventListener('loadeddata', done);
    video.addEventListener('error', done);
    video.preload = 'metadata';
    video.load();
  }
}
const sight = new IntersectionObserver((entries) => {
  for (const {isIntersecting, target} of entries) {
    if (!isIntersecting) continue;
    sight.unobserve(target);
    waiting.push(target);
  }
  load();
}, {rootMargin: '200px'});
const seen = new WeakSet();
function inSight() {
  for (const video of main.querySelectorAll('.stage video')) {
    if (seen.has(video)) continue;
    seen.add(video);
    sight.observe(video);
  }
}
main.addEventListener('pointerover', (event) => {
  const card = event.target.closest('.cards article');
  const video = card && card.querySelector('video');
  if (!video || calm.matches || card.contains(event.relatedTarget)) return;
  video.loop = true;
  video.play().catch(() => {});
});
main.addEventListener('pointerout', (event) => {
  const card = event.target.closest('.cards article');
  const video = card && card.querySelector('video');
  if (!video || card.contains(event.relatedTarget)) return;
  video.pause();
  video.currentTime = 0;
});

// Copying. A page that is not secure has no clipboard; a selection is copied then.
async function copy(node) {
  try {
    await navigator.clipboard.writeText(node.textContent);
  } catch {
    const fold = node.closest('details');
    if (fold) fold.open = true;
    getSelection().selectAllChildren(node);
    document.execCommand('copy');
  }
}
const labels = new WeakMap();
document.addEventListener('click', async (event) => {
  const button = event.target.closest('[data-copy]');
  if (!button) return;
  await copy(document.getElementById(button.dataset.copy));
  if (!labels.has(button)) labels.set(button, button.textContent);
  button.textContent = 'Copied';
  setTimeout(() => (button.textContent = labels.get(button)), 1600);
});

// Filters and the price follow what is chosen.
function addressOf(form) {
  const url = new URL(form.dataset.quote === undefined ? form.action : location.pathname, location.href);
  for (const [name, value] of new FormData(form)) {
    if (name !== 'form_token' && (value || form.dataset.quote !== undefined)) url.searchParams.append(name, value);
  }
  return url;
}
let timer = 0;
function soon(action) {
  clearTimeout(timer);
  timer = setTimeout(action, 250);
}
function filter(form) {
  history.replaceState(null, '', addressOf(form));
  refresh();
}
async function quote(form) {
  const page = await fetched(addressOf(form)).catch(() => null);
  const fresh = page && page.getElementById('quote');
  if (fresh) morph(document.getElementById('quote'), fresh);
}
document.addEventListener('input', (event) => {
  const form = event.target.form;
  if (!form) return;
  if (event.target.dataset.switch !== undefined) {
    const url = new URL(location.pathname, location.href);
    url.searchParams.set('model', event.target.value);
    const prompt = form.elements.prompt;
    if (prompt && prompt.value !== prompt.defaultValue) url.searchParams.set('prompt', prompt.value);
    location.assign(url);
  } else if (form.dataset.quote !== undefined) {
    soon(() => quote(form));
  } else if (form.dataset.auto !== undefined) {
    soon(() => filter(form));
  }
});
document.addEventListener('submit', (event) => {
  if (event.target.dataset.auto === undefined) return;
  event.preventDefault();
  filter(event.target);
});

// The clock ticks, and Enter in one of two acts is that one's button.
const ahead = new WeakMap();
function tick() {
  for (const clock of main.querySelectorAll('[data-tick]')) {
    const told = ahead.get(clock);
    if (!told || told.at !== clock.dataset.tick) {
      ahead.set(clock, {at: clock.dataset.tick, lead: Number(clock.dataset.tick) - Date.now()});
    }
    clock.textContent = new Date(Date.now() + ahead.get(clock).lead).toISOString().slice(11, 19);
  }
}
setInterval(tick, 1000);
document.addEventListener('keydown', (event) => {
  const act = event.key === 'Enter' && event.target.matches('input') && event.target.closest('[data-act]');
  if (!act) return;
  event.preventDefault();
  act.querySelector('button').click();
});

// Keys: / finds, j and k go through a list.
document.addEventListener('keydown', (event) => {
  const typing = event.target.closest('input, textarea, select, [contenteditable]');
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === '/') {
    const find = document.querySelector('[data-find]');
    if (find) {
      event.preventDefault();
      find.focus();
    }
  } else if (event.key === 'j' || event.key === 'k') {
    const links = [...main.querySelectorAll('a.cover, tbody td:first-child a, tbody a')];
    const at = links.indexOf(document.activeElement);
    const next = links[at + (event.key === 'j' ? 1 : -1)] || links[at < 0 ? 0 : at];
    if (next) next.focus();
  }
});

inSight();
listen();
"""
