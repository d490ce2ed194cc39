// Opens the page without a network, and takes photos that other apps share. The version, and the
// files that it keeps, are filled in as this is served; a new version takes over once all has arrived.

import { keep } from "./shelf.js";

const VERSION = "VERSION";
const FILES = [];
const FRESH = 1000; // milliseconds that a kept page waits for a newer one

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("fetch", (event) => {
  const { method, mode, url } = event.request;
  const { scope } = self.registration;
  if (!url.startsWith(scope)) return;
  const path = new URL(url).pathname.slice(new URL(scope).pathname.length);
  const opened = mode === "navigate";
  if (opened && method === "POST" && path === "transform") event.respondWith(take(event.request));
  if (method !== "GET") return;
  if (opened && path === "") event.respondWith(page(event.request));
  else if (path.startsWith("page/")) event.respondWith(file(event.request));
});

async function install() {
  const cache = await caches.open(VERSION);
  // One by one: each may start an environment of the service.
  for (const name of FILES) {
    const answer = await fetch(name, { cache: "no-cache" });
    const ours = answer.ok && !answer.redirected && answer.headers.has("content-security-policy");
    if (!ours) throw new Error(`${name} is not what it was`);
    await cache.put(name, answer);
  }
  await self.skipWaiting();
}

async function activate() {
  for (const name of await caches.keys()) {
    if (name !== VERSION) await caches.delete(name);
  }
  await self.clients.claim();
}

// The network first, as an older page may not upload to where the service now stores photos.
async function page(request) {
  const cache = await caches.open(VERSION);
  const kept = await cache.match(self.registration.scope, { ignoreVary: true });
  const fresh = fetch(request);
  if (!kept) return fresh;
  const patience = new Promise((resolve) => {
    setTimeout(resolve, FRESH, kept);
  });
  return Promise.race([
    fresh.then((answer) => (answer.ok ? answer : kept)).catch(() => kept),
    patience,
  ]);
}

async function file(request) {
  const cache = await caches.open(VERSION);
  return (await cache.match(request, { ignoreVary: true })) ?? fetch(request);
}

// The photos of a form, left where the page finds what waits.
async function take(request) {
  const sent = request.clone();
  try {
    const photos = [...(await request.formData()).values()].filter(({ size }) => size > 0);
    for (const file of photos) {
      const id = Date.now() + Math.random();
      await keep({ id, file });
      new BroadcastChannel("artline").postMessage(id);
    }
  } catch {
    return fetch(sent); // nothing is kept here; the service draws one, without the page
  }
  return Response.redirect(self.registration.scope, 303);
}
