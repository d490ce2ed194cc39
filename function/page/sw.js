// Opens the page without a network. The version, and the files that it keeps, are filled in as this
// is served; a new version takes over as soon as all of it has arrived.

const VERSION = "VERSION";
const FILES = [];

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("fetch", (event) => {
  const { method, mode, url } = event.request;
  if (method !== "GET" || !url.startsWith(self.registration.scope)) return;
  const page = mode === "navigate" && new URL(url).pathname === new URL(self.registration.scope).pathname;
  event.respondWith(answer(page ? self.registration.scope : event.request));
});

async function install() {
  const cache = await caches.open(VERSION);
  for (const file of FILES) await cache.add(file); // one by one: each may wake a copy of the service
  await self.skipWaiting();
}

async function activate() {
  for (const name of await caches.keys()) {
    if (name !== VERSION) await caches.delete(name);
  }
  await self.clients.claim();
}

async function answer(request) {
  const cache = await caches.open(VERSION);
  return (await cache.match(request, { ignoreVary: true })) ?? fetch(request);
}
