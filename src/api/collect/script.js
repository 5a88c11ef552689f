// Linktrail's tracker: pageviews (history API included), time on page, outbound clicks, form submits, custom events.
//
//   <script defer src="https://go.example.com/script.js" data-site="1"></script>
//
// Options: data-cookie keeps a visitor's id in a first-party cookie (without it nothing names a visitor); data-hash counts
// changes of the part after # as pages; data-api is the address of the server when the script is served from elsewhere;
// data-manual sends no pageview by itself (linktrail.pageview() does).
//
// Calls: linktrail.track(name, props), linktrail.identify(userId, traits). To call before it has loaded:
//
//   window.linktrail = window.linktrail || { q: [], track() { this.q.push(["track", ...arguments]) },
//     identify() { this.q.push(["identify", ...arguments]) } }
//
// What could not be sent waits in localStorage, at most 50 events for 7 days, and goes out with the next page's; each has
// a name, so that none is counted twice. Values of forms are never read. Nothing is ever thrown into the page.
//
// It is served without comments and indentation, so every comment has a line of its own.
(function (w, d) {
// Has a function keep its troubles to itself.
function calm(f) {
  return function () {
    try { return f.apply(this, arguments) } catch (e) {}
  };
}
calm(function () {
var s = d.currentScript || d.querySelector("script[data-site]"), old = w.linktrail || {};
if (!s || old.on) return;
var data = s.dataset, site = data.site, l = location, nav = navigator,
  api = (data.api || new URL(s.src).origin).replace(/\/$/, "") + "/api/track",
  key = "linktrail." + site, user, visitor, page, since, spent, down, from = d.referrer;

function name() {
  var n = "";
  crypto.getRandomValues(new Uint32Array(4)).forEach(function (x) { n += x.toString(36) });
  return n;
}
function cut(text, length) { return ("" + (text || "")).slice(0, length) }
function path() { return cut(l.pathname + ("hash" in data ? l.hash : ""), 2048) }

// What waits to be sent, and the names of what is under way. Storage may be forbidden or full.
var waits = [], flying = {};
function load() {
  try { waits = JSON.parse(localStorage[key]).slice() } catch (e) {}
  waits = waits.filter(function (e) { return Date.now() - e.at < 6048e5 });
}
function save() {
  try {
    if (waits.length) localStorage[key] = JSON.stringify(waits);
    else localStorage.removeItem(key);
  } catch (e) {}
}
function keep(events) {
  load();
  events.forEach(function (e) {
    if (!waits.some(function (o) { return o.event_id == e.event_id })) waits.push(e);
  });
  waits = waits.slice(-50);
  save();
}
function forget(events) {
  load();
  waits = waits.filter(function (o) { return !events.some(function (e) { return o.event_id == e.event_id }) });
  save();
}
function body(events) {
  return JSON.stringify(events.map(function (e) {
    var copy = Object.assign({}, e, { age_ms: Math.max(0, Date.now() - e.at) });
    delete copy.at;
    return copy;
  }));
}

// They are kept until the answer is there: the page may be left before. text/plain needs no preflight.
function send(events) {
  events = events.filter(function (e) { return !flying[e.event_id] });
  if (!events.length) return;
  keep(events);
  function fly(now) { events.forEach(function (e) { flying[e.event_id] = now }) }
  fly(1);
  var text = body(events);
  // Browsers let no more than 64 KB outlive a page.
  fetch(api, { method: "POST", body: text, keepalive: text.length < 2e4, credentials: "omit",
    headers: { "Content-Type": "text/plain" } }).then(function (r) {
    down = r.status > 499 || r.status == 429;
    fly();
    if (!down) forget(events);
  }).catch(function () { down = 1; fly() });
}
function make(type, more) {
  return Object.assign({
    site_id: site, type: type, hostname: l.hostname, pathname: path(), querystring: cut(l.search, 2048),
    page_title: cut(d.title, 512), referrer: cut(from, 2048), language: nav.language,
    screenWidth: screen.width, screenHeight: screen.height, user_id: user, visitor_id: visitor,
    event_id: name(), at: Date.now()
  }, more);
}
function report(type, more) { send([make(type, more)]) }
function props(p) { return p && typeof p == "object" ? JSON.stringify(p) : undefined }

// Time on page runs while the page is seen.
function tick() {
  var now = Date.now();
  if (since) spent += now - since;
  since = d.visibilityState == "hidden" ? 0 : now;
}
function leave() {
  if (!page) return [];
  tick();
  var event = Object.assign(make("page_leave"), page, { duration_ms: spent });
  page = 0;
  return [event];
}
// A beacon outlives the page but says nothing of how it went: when the server is away the event rather waits.
function end() {
  var events = leave();
  if (events[0] && (down || nav.onLine === false || !nav.sendBeacon(api, body(events)))) keep(events);
}
function view() {
  var events = leave(), event = make("pageview");
  spent = since = 0;
  tick();
  page = { pathname: event.pathname, querystring: event.querystring, page_title: event.page_title };
  load();
  send(waits.concat(events, event));
  from = l.href;
}
// Of history only another path is another page. Titles come a moment after.
function move() {
  if (page && page.pathname != path()) {
    var left = page;
    setTimeout(calm(function () { if (page == left) view() }), 0);
  }
}

var linktrail = {
  on: 1,
  track: calm(function (event, p) { report("custom_event", { event_name: cut(event, 256), properties: props(p) }) }),
  identify: calm(function (id, traits) {
    user = cut(id, 255);
    report("identify", { properties: props(traits) });
    if ("cookie" in data) localStorage[key + ".user"] = user;
  }),
  pageview: calm(view)
};

function start() {
  if ("cookie" in data) calm(function () {
    visitor = (d.cookie.match(/(?:^|; )_lt_vid=(\w+)/) || [])[1] || name();
    d.cookie = "_lt_vid=" + visitor + ";path=/;max-age=34560000;samesite=lax" + (l.protocol == "https:" ? ";secure" : "");
    user = localStorage[key + ".user"];
  })();
  ["pushState", "replaceState"].forEach(function (f) {
    var own = history[f];
    history[f] = function () {
      var result = own.apply(this, arguments);
      calm(move)();
      return result;
    };
  });
  function on(target, event, f) { target.addEventListener(event, calm(f), true) }
  on(w, "popstate", move);
  on(w, "hashchange", move);
  on(d, "visibilitychange", tick);
  on(w, "pagehide", end);
  on(w, "pageshow", function (e) { if (e.persisted) view() });
  on(w, "online", function () { load(); if (waits.length) send(waits) });
  function click(e) {
    var a = e.target.closest && e.target.closest("a[href]");
    if (a && /^http/.test(a.protocol) && a.hostname != l.hostname && e.button < 2)
      report("outbound", { properties: props({ url: cut(a.href, 1500), text: cut(a.innerText, 100) }) });
  }
  on(d, "click", click);
  on(d, "auxclick", click);
  on(d, "submit", function (e) {
    var f = e.target, get = function (a) { return cut(f.getAttribute(a), 200) };
    report("form_submit", { properties: props({ id: get("id"), name: get("name"), action: get("action").split("?")[0] }) });
  });
  if (!("manual" in data)) view();
  (old.q || []).forEach(function (c) { if (linktrail[c[0]]) linktrail[c[0]](c[1], c[2]) });
}
w.linktrail = linktrail;
w.ghost = w.ghost || linktrail;
if (d.prerendering) d.addEventListener("prerenderingchange", calm(start), { once: true });
else start();
})();
})(window, document);
