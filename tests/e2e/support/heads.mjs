// Which heads a real browser sends: a server that remembers them, and a page that makes the browser send one of each class.

import { createHash } from 'node:crypto';
import { createServer } from 'node:http';

/** What the classifier in src/web/kind.rs reads. A browser that changes one of these may change kinds. */
export const signs = [
  'upgrade',
  'connection',
  'content-type',
  'origin',
  'access-control-request-method',
  'sec-purpose',
  'purpose',
  'x-purpose',
  'x-moz',
  'service-worker',
  'accept',
  'sec-fetch-mode',
  'sec-fetch-dest',
  'sec-fetch-site',
  'x-requested-with',
];

const types = {
  css: 'text/css',
  js: 'text/javascript',
  json: 'application/manifest+json',
  sse: 'text/event-stream',
  html: 'text/html',
};

/** A server on loopback that keeps every head whose target begins with `/rec/`, and answers what the browser can go on with. */
async function recorder() {
  const seen = new Map();
  const waiting = new Map();
  const keep = (request) => {
    const [target] = request.url.split('?');
    const key = `${request.method} ${target}`;
    seen.set(key, { method: request.method, target: request.url, fields: pairs(request.rawHeaders) });
    waiting.get(key)?.();
  };
  const server = createServer((request, response) => {
    const url = new URL(request.url, 'http://own');
    if (url.pathname.startsWith('/rec/')) keep(request);
    const headers = {
      'cache-control': 'no-store',
      'access-control-allow-origin': request.headers.origin ?? '*',
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': 'GET, PUT, POST',
      'access-control-allow-headers': 'content-type, x-requested-with',
      'service-worker-allowed': '/',
      'supports-loading-mode': 'credentialed-prerender',
    };
    const type = types[url.pathname.split('.').pop()];
    if (type) headers['content-type'] = type;
    if (url.pathname === '/to') {
      response.writeHead(302, { ...headers, location: url.searchParams.get('rec') }).end();
    } else if (url.pathname.endsWith('.sse')) {
      response.writeHead(200, headers).write('data: 1\n\n');
    } else {
      if (url.pathname === '/blank.html') headers['set-cookie'] = 'seen=1; Path=/; SameSite=Lax';
      response.writeHead(200, headers).end(url.searchParams.get('body') ?? '');
    }
  });
  server.on('upgrade', (request, socket) => {
    keep(request);
    const accept = createHash('sha1')
      .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest('base64');
    socket.end(
      `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`,
    );
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return {
    port: server.address().port,
    /** The head of that request, as soon as it came. */
    head: (method, target) =>
      new Promise((done, failed) => {
        const key = `${method} ${target}`;
        const timer = setTimeout(() => failed(new Error(`the browser never sent ${key}`)), 15_000);
        const found = () => {
          clearTimeout(timer);
          done(seen.get(key));
        };
        if (seen.has(key)) found();
        else waiting.set(key, found);
      }),
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

function pairs(raw) {
  const out = [];
  for (let at = 0; at < raw.length; at += 2) out.push([raw[at], raw[at + 1]]);
  return out;
}

const page = (body) => `/page.html?body=${encodeURIComponent(`<!doctype html><title>page</title>${body}`)}`;

/** Puts an element into the page: `make` gets the document and the address. */
const element = (tag, attributes) => (tab, to) =>
  tab.evaluate(
    ([name, values, address]) => {
      const made = document.createElement(name);
      for (const [key, value] of Object.entries(values)) made.setAttribute(key, value.replace('TO', address));
      document.head.append(made);
      if (!made.isConnected || name === 'iframe' || name === 'object' || name === 'embed') document.body.append(made);
    },
    [tag, attributes, to],
  );

const script = (text) => (tab, to) => tab.evaluate(`(() => { const to = ${JSON.stringify(to)}; ${text} })()`);

/** From a page with this body: clicks what has the id `go`. */
const click = (body) => async (tab, to, at) => {
  await tab.goto(at.own + page(body.replaceAll('TO', to)));
  await tab.click('#go');
};

/**
 * Every class: its name, the kind that we hold it to be, the file name that is asked for, and how the browser is made
 * to ask. `at.own` and `at.other` are two sites; `from` says where the page is that asks, `to` where the request goes.
 */
const classes = [
  ['navigation, typed', 'navigation', 'a.html', (tab, to, at) => tab.goto(at.own + to)],
  ['navigation, link', 'navigation', 'a.html', click('<a id=go href="TO">go</a>')],
  ['navigation, link to a new tab', 'navigation', 'a.html', click('<a id=go target=_blank href="TO">go</a>')],
  ['navigation, link without referrer', 'navigation', 'a.html', click('<a id=go rel=noreferrer href="TO">go</a>')],
  ['navigation, link of another site', 'navigation', 'a.html', async (tab, to, at) => {
    await tab.goto(at.other + page(`<a id=go href="${at.own}${to}">go</a>`));
    await tab.click('#go');
  }],
  ['navigation, by script', 'navigation', 'a.html', script('location.assign(to)')],
  ['navigation, by meta refresh', 'navigation', 'a.html', (tab, to, at) =>
    tab.goto(at.own + page(`<meta http-equiv=refresh content="0;url=${to}">`))],
  ['navigation, redirected', 'navigation', 'a.html', (tab, to, at) => tab.goto(`${at.own}/to?rec=${to}`)],
  ['navigation, redirected from another site', 'navigation', 'a.html', (tab, to, at) =>
    tab.goto(`${at.other}/to?rec=${encodeURIComponent(at.own + to)}`)],
  ['navigation, form by GET', 'navigation', 'a.html', click('<form action="TO"><input name=q><button id=go>go</button></form>')],
  ['navigation, reload', 'navigation', 'a.html', async (tab, to, at) => {
    await tab.goto(at.own + to);
    await tab.reload();
  }, 'again'],
  ['navigation, back', 'navigation', 'a.html', async (tab, to, at) => {
    await tab.goto(at.own + to);
    await tab.goto(`${at.own}/blank.html`);
    await tab.goBack();
  }, 'again'],
  // Says navigate, and still no page: a redirect would save the sign-in page as the file.
  ['download by a link with the attribute', 'fetch', 'a.zip', click('<a id=go download href="TO">go</a>')],
  ['form by POST', 'form', 'a.html', click('<form method=post action="TO"><input name=q><button id=go>go</button></form>')],
  ['form by POST of another site', 'form', 'a.html', async (tab, to, at) => {
    await tab.goto(at.other + page(`<form method=post action="${at.own}${to}"><button id=go>go</button></form>`));
    await tab.click('#go');
  }],
  ['form with a file', 'form', 'a.html', click(
    '<form method=post enctype="multipart/form-data" action="TO"><input type=file name=f><button id=go>go</button></form>')],
  ['form by POST into a frame', 'frame', 'a.html', click(
    '<iframe name=f></iframe><form method=post target=f action="TO"><button id=go>go</button></form>')],
  ['iframe', 'frame', 'a.html', element('iframe', { src: 'TO' })],
  ['iframe in another site', 'frame', 'a.html', (tab, to, at) =>
    tab.goto(at.other + page(`<iframe src="${at.own}${to}"></iframe>`))],
  ['frameset', 'frame', 'a.html', (tab, to, at) => tab.goto(at.own + page(`<frameset><frame src="${to}"></frameset>`))],
  ['object', 'frame', 'a.html', element('object', { data: 'TO', type: 'text/html' })],
  ['embed', 'frame', 'a.html', element('embed', { src: 'TO', type: 'text/html' })],
  ['fetch', 'fetch', 'a.txt', script('return fetch(to).then(() => null)')],
  ['fetch without credentials', 'fetch', 'a.txt', script('return fetch(to, { credentials: "omit" }).then(() => null)')],
  ['fetch that wants HTML', 'fetch', 'a.html', script('return fetch(to, { headers: { accept: "text/html" } }).then(() => null)')],
  ['fetch without CORS', 'fetch', 'a.txt', script('return fetch(to, { mode: "no-cors" }).then(() => null)')],
  ['fetch that was redirected', 'fetch', 'a.txt', script('return fetch("/to?rec=" + to).then(() => null)')],
  ['fetch by POST with JSON', 'fetch', 'a.txt', script(
    'return fetch(to, { method: "POST", headers: { "content-type": "application/json" }, body: "{}" }).then(() => null)')],
  ['fetch of another site', 'fetch', 'a.txt', (tab, to, at) =>
    foreign(tab, at, `fetch(${JSON.stringify(at.own + to)})`)],
  ['fetch of another site with credentials', 'fetch', 'a.txt', (tab, to, at) =>
    foreign(tab, at, `fetch(${JSON.stringify(at.own + to)}, { credentials: "include" })`)],
  ['fetch of another site without CORS', 'fetch', 'a.txt', (tab, to, at) =>
    foreign(tab, at, `fetch(${JSON.stringify(at.own + to)}, { mode: "no-cors", credentials: "include" })`)],
  ['preflight', 'preflight', 'a.txt', (tab, to, at) =>
    foreign(tab, at, `fetch(${JSON.stringify(at.own + to)}, { method: "PUT", credentials: "include" })`)],
  ['XMLHttpRequest', 'fetch', 'a.txt', script('const x = new XMLHttpRequest(); x.open("GET", to); x.send()')],
  ['XMLHttpRequest as libraries send it', 'fetch', 'a.txt', script(
    'const x = new XMLHttpRequest(); x.open("GET", to); x.setRequestHeader("X-Requested-With", "XMLHttpRequest"); x.setRequestHeader("Accept", "text/html, */*; q=0.01"); x.send()')],
  ['beacon', 'fetch', 'a.txt', script('navigator.sendBeacon(to, "x")')],
  ['ping of a link', 'fetch', 'a.txt', click('<a id=go ping="TO" href="#x">go</a>')],
  ['image', 'resource', 'a.png', element('img', { src: 'TO' })],
  ['image of another site', 'resource', 'a.png', (tab, to, at) =>
    tab.goto(at.other + page(`<img src="${at.own}${to}">`))],
  ['image of a style', 'resource', 'a.png', (tab, to, at) =>
    tab.goto(at.own + page(`<body style="background: url(${to})">x`))],
  ['script', 'resource', 'a.js', element('script', { src: 'TO' })],
  ['module script', 'resource', 'a.js', element('script', { src: 'TO', type: 'module' })],
  ['style', 'resource', 'a.css', element('link', { rel: 'stylesheet', href: 'TO' })],
  ['font', 'resource', 'a.woff2', (tab, to, at) =>
    tab.goto(at.own + page(`<style>@font-face { font-family: f; src: url(${to}) } p { font-family: f }</style><p>x`))],
  ['preloaded script', 'resource', 'a.js', element('link', { rel: 'preload', as: 'script', href: 'TO' })],
  ['video', 'resource', 'a.webm', element('video', { src: 'TO', preload: 'auto' })],
  ['audio', 'resource', 'a.webm', element('audio', { src: 'TO', preload: 'auto' })],
  ['worker', 'resource', 'a.js', script('new Worker(to)')],
  ['shared worker', 'resource', 'a.js', script('new SharedWorker(to)')],
  ['favicon', 'resource', 'a.ico', (tab, to, at) => tab.goto(at.own + page(`<link rel=icon href="${to}">x`)), 'optional'],
  ['prefetch by a link element', 'prefetch', 'a.html', element('link', { rel: 'prefetch', href: 'TO' })],
  ['prefetch by speculation rules', 'prefetch', 'a.html', script(
    'const s = document.createElement("script"); s.type = "speculationrules"; s.textContent = JSON.stringify({ prefetch: [{ urls: [to], eagerness: "immediate" }] }); document.head.append(s)')],
  ['prerender by speculation rules', 'prefetch', 'a.html', script(
    'const s = document.createElement("script"); s.type = "speculationrules"; s.textContent = JSON.stringify({ prerender: [{ urls: [to], eagerness: "immediate" }] }); document.head.append(s)')],
  ['manifest', 'manifest', 'a.json', (tab, to, at) => manifest(tab, at, `<link rel=manifest href="${to}">`)],
  ['manifest with credentials', 'manifest', 'a.json', (tab, to, at) =>
    manifest(tab, at, `<link rel=manifest crossorigin=use-credentials href="${to}">`)],
  ['service worker', 'service-worker', 'a.js', script('navigator.serviceWorker.register(to, { scope: to }).catch(() => {})')],
  ['module service worker', 'service-worker', 'a.js', script(
    'navigator.serviceWorker.register(to, { scope: to, type: "module" }).catch(() => {})')],
  ['EventSource', 'event-stream', 'a.sse', script('window.kept = new EventSource(to)')],
  ['EventSource of another site with credentials', 'event-stream', 'a.sse', (tab, to, at) =>
    foreign(tab, at, `(window.kept = new EventSource(${JSON.stringify(at.own + to)}, { withCredentials: true }), null)`)],
  ['WebSocket', 'websocket', 'a', script('new WebSocket(to.replace(/^/, location.origin.replace("http", "ws")))')],
  ['WebSocket of another site', 'websocket', 'a', (tab, to, at) =>
    foreign(tab, at, `(new WebSocket(${JSON.stringify(at.own.replace('http', 'ws') + to)}), null)`)],
];

/** Over plain http to another host than loopback, where browsers send no Fetch Metadata. */
const plain = [
  ['navigation, typed', 'navigation', 'a.html', (tab, to, at) => tab.goto(at.own + to)],
  ['form by POST', 'form', 'a.html', click('<form method=post action="TO"><input name=q><button id=go>go</button></form>')],
  // Not told from a page load: said in docs/challenge.md.
  ['iframe', 'navigation', 'a.html', element('iframe', { src: 'TO' })],
  ['fetch', 'unmarked', 'a.txt', script('return fetch(to).then(() => null)')],
  ['fetch by POST', 'call', 'a.txt', script('return fetch(to, { method: "POST", body: "x" }).then(() => null)')],
  ['image', 'unmarked', 'a.png', element('img', { src: 'TO' })],
  ['script', 'unmarked', 'a.js', element('script', { src: 'TO' })],
  ['EventSource', 'event-stream', 'a.sse', script('window.kept = new EventSource(to)')],
  ['prefetch by a link element', 'prefetch', 'a.html', element('link', { rel: 'prefetch', href: 'TO' })],
];

async function foreign(tab, at, code) {
  await tab.goto(`${at.other}/blank.html`);
  await tab.evaluate(`Promise.resolve(${code}).then(() => null, () => null)`);
}

/** Headless browsers install nothing: they fetch a manifest when the debugger asks for it. */
async function manifest(tab, at, body) {
  await tab.goto(at.own + page(body));
  const debug = await tab.context().newCDPSession(tab);
  await debug.send('Page.getAppManifest');
}

const methodOf = (kind, name) =>
  kind === 'preflight' ? 'OPTIONS' : /POST|beacon|ping|with a file/.test(name) ? 'POST' : 'GET';

/**
 * Makes `browser` send one request of each class; resolves to `{ name, kind, method, target, fields }` of each.
 * Every name below vestibule.test leads to loopback (support/browser.mjs).
 */
export async function recordHeads(browser, which = 'secure') {
  const own = await recorder();
  const other = await recorder();
  const host = which === 'secure' ? '127.0.0.1' : 'plain.vestibule.test';
  const at = { own: `http://${host}:${own.port}`, other: `http://localhost:${other.port}` };
  const list = which === 'secure' ? classes : plain;
  const heads = new Array(list.length).fill(null);
  const record = async ([name, kind, file, act, how], index) => {
    const context = await browser.newContext({ locale: 'en-US', acceptDownloads: false });
    const tab = await context.newPage();
    const target = `/rec/${index}/${file}`;
    await tab.goto(`${at.own}/blank.html`);
    const method = methodOf(kind, name);
    if (how === 'again') await act(tab, target, at);
    // A page load that is answered by a download, or by another page at once, ends with an error that does not matter.
    else act(tab, target, at).catch(() => {});
    const came = own.head(method, target);
    const head = how === 'optional' ? await came.catch(() => null) : await came;
    if (head) heads[index] = { name, kind, ...head, fields: cleaned(head.fields, own.port, other.port) };
    await context.close();
  };
  try {
    const rest = [...list.entries()];
    const workers = [1, 2, 3, 4].map(async () => {
      for (let next = rest.shift(); next; next = rest.shift()) await record(next[1], next[0]);
    });
    await Promise.all(workers);
  } finally {
    own.stop();
    other.stop();
  }
  return heads.filter(Boolean);
}

/** Without what differs from run to run and from version to version. */
function cleaned(fields, ...ports) {
  return fields
    .filter(([name]) => !/^(host|content-length)$/i.test(name))
    .map(([name, value]) => {
      let text = value;
      for (const port of ports) text = text.replaceAll(`:${port}`, '');
      if (/^sec-websocket-key$/i.test(name)) text = 'dGhlIHNhbXBsZSBub25jZQ==';
      if (/^user-agent$/i.test(name)) text = text.replace(/\d+(\.\d+)+/g, '0');
      if (/^sec-ch-ua/i.test(name)) text = text.replace(/v="[\d.]+"/g, 'v="0"').replace(/"[^"]*Not[^"]*"/, '"Not A Brand"');
      if (/^content-type$/i.test(name)) text = text.replace(/boundary=.*/, 'boundary=x');
      if (/^(referer|ping-from|ping-to)$/i.test(name)) text = text.replace(/[?#].*/, '');
      return [name, text];
    });
}
