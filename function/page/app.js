// The page: what its buttons do, and how photos come into it.

import { byApp, photograph } from "./camera.js";
import { png } from "./photo.js";
import { limits, token } from "./service.js";
import { Studio } from "./studio.js";
import { $, notify, render, reveal } from "./view.js";
import { explain, say, translate } from "./words.js";

translate(document);

const studio = new Studio({
  changed: () => render(studio),
  finished: (picture, status) => {
    $("live").textContent = status === undefined ? say("drawn") : explain(status);
    render(studio);
    if (status === undefined && studio.current === picture) reveal();
  },
  unkept: () => notify(say("not_kept")),
  askForToken,
});

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
  event.preventDefault();
  document.body.classList.remove("dragging");
  add(event.dataTransfer.files);
});
addEventListener("paste", (event) => {
  if (document.querySelector("dialog[open]")) return;
  add(event.clipboardData.files);
});

// --- Drawings go out

// yyyyMMddHHmmss.jpg, in the clock's own time
function fileName({ drawn }) {
  const local = new Date(drawn - new Date(drawn).getTimezoneOffset() * 60_000);
  return `${local.toISOString().slice(0, 19).replace(/\D/g, "")}.jpg`;
}

$("save").addEventListener("click", () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(studio.current.art);
  link.download = fileName(studio.current);
  link.click();
  setTimeout(URL.revokeObjectURL, 60_000, link.href);
  notify(say("saved", { name: link.download }));
});

$("share").addEventListener("click", async () => {
  const { art } = studio.current;
  const file = new File([art], fileName(studio.current), { type: art.type });
  await navigator.share({ files: [file] }).catch(() => {}); // closed without sharing
});

$("copy").addEventListener("click", async () => {
  try {
    const picture = new ClipboardItem({ "image/png": png(studio.current.art) });
    await navigator.clipboard.write([picture]);
    notify(say("copied"));
  } catch {
    notify(say("copy_failed"));
  }
});

for (const button of [$("remove"), $("dismiss")]) {
  button.addEventListener("click", () => {
    notify(say("removed"), studio.remove(studio.current));
    ($("strip").querySelector("[aria-current=true]") ?? $("choose")).focus({ preventScroll: true });
  });
}

const probe = new File([], "a.jpg", { type: "image/jpeg" });
$("share").hidden = !navigator.canShare?.({ files: [probe] });
$("copy").hidden = !navigator.clipboard?.write;

// --- The rest

$("cancel").addEventListener("click", () => studio.cancel());
$("again").addEventListener("click", () => studio.tryAgain(studio.current));
$("strip").addEventListener("click", (event) => {
  const item = event.target.closest("li");
  if (item) studio.look(studio.pictures.find(({ id }) => item.id === `picture-${id}`));
});

for (const dialog of document.querySelectorAll("dialog")) {
  dialog.querySelector("[data-do=close]").addEventListener("click", () => dialog.close());
}

async function askForToken() {
  const dialog = $("asking");
  dialog.querySelector("[role=alert]").textContent = token.get() ? say("token_wrong") : "";
  dialog.returnValue = "";
  $("token").value = "";
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  if (dialog.returnValue !== "use") return false;
  token.set($("token").value.trim());
  return true;
}

$("forget").addEventListener("click", () => {
  token.set("");
  notify(say("token_forgotten"));
  render(studio);
});

function network() {
  document.body.classList.toggle("offline", !navigator.onLine);
  $("line").textContent = say(navigator.onLine ? "tagline" : "offline");
}
addEventListener("online", network);
addEventListener("offline", network);
network();

await studio.open();
if (!studio.current) {
  await Promise.all([$("photo").decode(), $("art").decode()]).catch(() => {});
  if (!studio.current) reveal();
}
limits(); // which wakes the service while its user looks for a photo
navigator.serviceWorker?.register("sw.js");
