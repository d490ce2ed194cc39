// The page: what its buttons do, and how photos come into it.

import { byApp, photograph } from "./camera.js";
import { snippets } from "./code.js";
import { archive, asFile, copy, download, fileName, forms } from "./save.js";
import { limits, token } from "./service.js";
import { Studio } from "./studio.js";
import { $, notify, offerStyles, render, renderProgress, stage } from "./view.js";
import { explain, say, translate } from "./words.js";

const BLANK = 400; // milliseconds that the page waits for what was kept before it shows

translate(document);

let first = true; // line art, since the page was opened

const studio = new Studio({
  changed: () => render(studio),
  progressed: () => renderProgress(studio),
  finished,
  unkept: () => {
    notify(say("not_kept"));
    render(studio);
  },
  stale,
  askForToken,
});

function finished(item) {
  const { turn, turns } = studio;
  const ready = turns > 1 ? say("drawn_of", { n: turn, m: turns }) : say("drawn");
  $("live").textContent = item.trouble ? explain(item.trouble) : ready;
  render(studio);
  offerStyles(studio); // where the service did not say before
  if (item.trouble || studio.current !== item) return;
  stage.compare(false);
  stage.reveal(0);
  if (first && turn === turns) notify(say("press"));
  first = false;
}

// A page from before a deployment: what is kept on the device goes on in the new one.
async function stale() {
  try {
    if (sessionStorage.getItem("reloaded")) return;
    sessionStorage.setItem("reloaded", "yes");
  } catch {
    return;
  }
  const { caches } = globalThis; // none on plain http
  for (const name of (await caches?.keys()) ?? []) await caches.delete(name);
  location.reload();
  await new Promise(() => {});
}

// --- Photos come in

function add(files) {
  const photos = [...files];
  if (photos.length > 0) studio.add(photos);
  else notify(say("no_photo_dropped"));
}

for (const input of [$("shot"), $("files")]) {
  input.addEventListener("change", () => {
    if (input.files.length > 0) studio.add(input.files);
    input.value = ""; // so that the same photo can be chosen again
  });
}
$("choose").addEventListener("click", () => $("files").click());
$("camera").addEventListener("click", async () => {
  if (byApp) return $("shot").click();
  const photo = await photograph($("viewfinder"));
  if (photo) studio.add([photo]);
});

addEventListener("dragover", (event) => {
  if (!event.dataTransfer.types.includes("Files")) return;
  event.preventDefault();
  document.body.classList.add("dragging");
});
addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("dragging"); // out of the window
});
addEventListener("drop", (event) => {
  if (!event.dataTransfer.types.includes("Files")) return; // text, into a field
  event.preventDefault();
  document.body.classList.remove("dragging");
  // A folder looks like a file that cannot be read.
  const items = [...event.dataTransfer.items].filter(({ kind }) => kind === "file");
  const files = items.filter((item) => !item.webkitGetAsEntry?.()?.isDirectory);
  if (!inDialog()) add(files.map((item) => item.getAsFile()).filter(Boolean));
});
addEventListener("paste", (event) => {
  if (!inDialog()) add(event.clipboardData.files);
});
const inDialog = () => document.querySelector("dialog[open]") !== null;

// --- Line art goes out

function save(blob, name) {
  download(blob, name);
  notify(say("saved", { name }));
}

$("save").addEventListener("click", () => {
  save(studio.current.art, fileName(studio.current, studio.items));
});

async function share(items) {
  const files = items.filter(({ art }) => art).map((item) => asFile(item, studio.items));
  await navigator.share({ files }).catch(() => {}); // closed without sharing
}
$("share").addEventListener("click", () => share([studio.current]));
$("share_all").addEventListener("click", () => share(studio.items));

$("compare").addEventListener("click", () => stage.compare(!stage.seam));

let saving = null; // the item that the dialog is about: another may be on the stage by now

$("more").addEventListener("click", async () => {
  const item = studio.current;
  saving = item;
  const dialog = $("saving");
  $("rendering").textContent = "";
  $("forms").replaceChildren();
  dialog.showModal();
  for (const { key, n, make } of await forms(item, studio)) {
    const button = document.createElement("button");
    Object.assign(button, { id: key, className: "entry", textContent: say(key, { n }) });
    button.addEventListener("click", () => saveAs(item, make));
    $("forms").append(button);
  }
});

let making = null; // the AbortController of a form of the line art that is on its way

async function saveAs(item, make) {
  making?.abort();
  making = new AbortController();
  const { signal } = making;
  const report = (phase, n) => {
    if (!signal.aborted) $("rendering").textContent = say(phase, { n });
  };
  $("rendering").textContent = say("rendering");
  try {
    const blob = await make({ signal, report });
    if (signal.aborted) return;
    $("saving").close();
    save(blob, fileName(item, studio.items, blob.type));
  } catch (error) {
    if (signal.aborted) return;
    const retry = error.status === 401 && (await askForToken());
    if (retry) await saveAs(item, make);
    else
      $("rendering").textContent =
        error.status === undefined ? say("not_rendered") : explain(error);
  }
}
$("saving").addEventListener("close", () => making?.abort());

$("copy").addEventListener("click", async () => {
  $("saving").close();
  await copy(saving.art).then(
    () => notify(say("copied")),
    () => notify(say("copy_failed")),
  );
});

$("print").addEventListener("click", async () => {
  $("saving").close();
  studio.look(saving);
  await $("art")
    .decode()
    .catch(() => {});
  print();
});

$("save_all").addEventListener("click", async () => {
  $("saving").close();
  save(await archive(studio.items), "line-art.zip");
});

for (const button of [$("remove"), $("dismiss")]) {
  button.addEventListener("click", () => notify(say("removed"), studio.remove(studio.current)));
}
$("remove_all").addEventListener("click", () => {
  $("saving").close();
  notify(say("removed"), studio.remove(...studio.items));
});

const probe = new File([], "a.jpg", { type: "image/jpeg" });
$("share").hidden = !navigator.canShare?.({ files: [probe] });
$("share_all").hidden = !navigator.canShare?.({ files: [probe, probe] });
$("copy").hidden = !navigator.clipboard?.write;

// --- The queue, the strip, the styles

$("cancel").addEventListener("click", () => studio.cancel(studio.current));
$("cancel-all").addEventListener("click", () => studio.cancelAll());
$("again").addEventListener("click", () => studio.tryAgain(studio.current));
$("again-all").addEventListener("click", () => studio.tryAgain(...studio.stopped));
$("another").addEventListener("click", () => $("files").click());
$("strip").addEventListener("click", (event) => {
  const entry = event.target.closest("li");
  if (entry) studio.look(studio.items.find(({ id }) => entry.id === `item-${id}`));
});
$("styles").addEventListener("click", ({ target }) => {
  if (target.matches("button")) studio.restyle(studio.current, target.value);
});

// --- Dialogs

for (const dialog of document.querySelectorAll("dialog")) {
  dialog.querySelector("[data-do=close]").addEventListener("click", () => dialog.close());
}

async function askForToken() {
  const dialog = $("asking");
  const alert = dialog.querySelector("[role=alert]");
  alert.textContent = token.get() ? say("token_wrong") : "";
  dialog.returnValue = "";
  $("token").value = "";
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  if (dialog.returnValue !== "use") return false;
  token.set(token.from($("token").value));
  return true;
}

$("asking")
  .querySelector("form")
  .addEventListener("submit", (event) => {
    if (token.from($("token").value)) return;
    event.preventDefault();
    $("asking").querySelector("[role=alert]").textContent = say("token_odd");
  });

$("forget").addEventListener("click", () => {
  token.set("");
  notify(say("token_forgotten"));
  render(studio);
});

$("code").addEventListener("click", async () => {
  $("coding").showModal();
  const { auth } = await limits();
  const style = studio.current?.style ?? studio.style;
  const texts = snippets(document.baseURI, { auth: token.get() ? "token" : auth, style });
  for (const [name, text] of Object.entries(texts)) $(name).textContent = text;
});
for (const button of document.querySelectorAll("[data-copies]")) {
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    const text = $(button.dataset.copies).textContent;
    await navigator.clipboard.writeText(text).then(
      () => notify(say("copied")),
      () => notify(say("copy_failed")),
    );
  });
}

// --- The network, and the start

function network() {
  document.body.classList.toggle("offline", !navigator.onLine);
  $("line").textContent = say(navigator.onLine ? "tagline" : "offline");
  if (navigator.onLine && !document.hidden) studio.resume();
}

const opened = studio.open();
await Promise.race([opened, new Promise((resolve) => setTimeout(resolve, BLANK))]);
for (const event of ["online", "offline"]) addEventListener(event, network);
document.addEventListener("visibilitychange", network);
network();
offerStyles(studio); // which wakes the service while its user looks for a photo
if (!studio.current) {
  await Promise.all([$("photo").decode(), $("art").decode()]).catch(() => {});
  if (!studio.current) stage.reveal(Number($("photo").dataset.seam)); // through the face
}
navigator.serviceWorker?.register("sw.js").catch(() => {}); // the page works without one
