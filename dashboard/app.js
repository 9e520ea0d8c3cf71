// Keeps a page up to date: when the server tells of a change, the page is fetched again, and the parts of it that have
// changed are replaced. What a person has unfolded stays so. Without this script every page is complete.
"use strict";
(() => {
  const body = document.body;
  const live = document.getElementById("live");
  const skew = Date.parse(body.dataset.now) - Date.now();

  // Lengths of time, as the server writes them.
  const rough = (ms) => {
    const s = Math.max(0, Math.floor(ms / 1000));
    if (s < 60) return `${s} s`;
    if (s < 5400) return `${Math.floor(s / 60)} min`;
    if (s < 129600) return `${Math.round(s / 3600)} h`;
    return `${Math.round(s / 86400)} days`;
  };
  const exact = (ms) => {
    const s = Math.max(0, Math.ceil(ms / 1000));
    if (s >= 5400) return rough(ms);
    return s >= 60 ? `${Math.floor(s / 60)} min ${s % 60} s` : `${s} s`;
  };
  const set = (element, text) => { if (element.textContent !== text) element.textContent = text; };
  const tick = () => {
    const now = Date.now() + skew;
    for (const time of document.querySelectorAll("time[data-ago]")) {
      const at = Date.parse(time.dateTime);
      set(time, at > now ? `in ${rough(at - now)}` : now - at < 1000 ? "now" : `${rough(now - at)} ago`);
    }
    for (const time of document.querySelectorAll("time[data-for]")) set(time, rough(now - Date.parse(time.dateTime)));
    for (const time of document.querySelectorAll("time[data-until]")) {
      const left = Date.parse(time.dateTime) - now;
      set(time, left > 0 ? `in ${exact(left)}` : "due");
    }
  };
  tick();
  setInterval(tick, 1000);

  if (!("isLive" in body.dataset) || !live) return;

  const key = (element) => element.id || null;
  // What the server sent last, since the page itself changes by ticking and unfolding.
  const sent = new Map();
  for (const part of document.querySelectorAll("[data-live]")) sent.set(part.id, part.innerHTML);

  const replace = (old, fresh) => {
    const open = new Set([...old.querySelectorAll("details[open]")].map(key));
    const known = new Set([...old.querySelectorAll("details")].map(key));
    for (const details of fresh.querySelectorAll("details")) {
      if (known.has(key(details))) details.open = open.has(key(details));
    }
    const active = old.contains(document.activeElement) ? document.activeElement : null;
    const scrolled = [...old.querySelectorAll(".scroll")].map((it) => it.scrollLeft);
    old.replaceChildren(...fresh.childNodes);
    [...old.querySelectorAll(".scroll")].forEach((it, at) => { it.scrollLeft = scrolled[at] || 0; });
    if (!active) return;
    const again = active.id ? document.getElementById(active.id)
      : [...old.querySelectorAll(active.tagName)].find((it) => it.textContent === active.textContent);
    if (again) again.focus({ preventScroll: true });
  };
  // Nobody loses what they are typing.
  const isTyped = (part) => part.contains(document.activeElement) && document.activeElement.matches("input, textarea, select");

  let running = false;
  let again = false;
  const refresh = async () => {
    if (running) { again = true; return; }
    running = true;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" }, cache: "no-store", redirect: "error" });
      if (!answer.ok) throw new Error(String(answer.status));
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const fresh of page.querySelectorAll("[data-live]")) {
        const old = document.getElementById(fresh.id);
        if (!old || sent.get(fresh.id) === fresh.innerHTML || isTyped(old)) continue;
        sent.set(fresh.id, fresh.innerHTML);
        replace(old, fresh);
      }
      document.title = page.title;
      tick();
      body.dataset.refreshed = String(Number(body.dataset.refreshed || 0) + 1);
    } catch {
      state("lost", "Not up to date: the server does not answer. Trying again.");
      setTimeout(refresh, 10000);
    } finally {
      running = false;
      if (again) { again = false; setTimeout(refresh, 500); }
    }
  };

  const state = (name, text) => { live.className = name; set(live, text); };
  const follow = () => {
    const events = new EventSource(body.dataset.events);
    let opened = false;
    events.addEventListener("open", () => {
      // Something may have changed since the page was made.
      refresh();
      opened = true;
      state("on", "Live: the page updates by itself.");
    });
    events.addEventListener("change", (event) => {
      const change = JSON.parse(event.data);
      const mine = body.dataset.case;
      if (!mine || !change.cases || change.cases.includes(mine)) refresh();
    });
    events.addEventListener("error", () => {
      state("lost", "Not live: connecting again.");
      // The browser tries again by itself, unless the server has refused.
      if (events.readyState === EventSource.CLOSED) {
        events.close();
        setTimeout(() => { refresh(); follow(); }, opened ? 2000 : 15000);
      }
    });
    addEventListener("pagehide", () => events.close(), { once: true });
  };
  follow();
  // A page that comes back from the browser's memory is as it was left.
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
})();
