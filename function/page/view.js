// What is seen of a studio: the photo and its line art, how far it is, and the strip of all.

import { limits, token } from "./service.js";
import { Stage } from "./stage.js";
import { canPass, date, explain, say, styleName } from "./words.js";
import { Zoom } from "./zoom.js";

export const $ = (id) => document.getElementById(id);

const zoom = new Zoom($("large"), $("large").querySelector("img"));
export const stage = new Stage($("picture"), $("range"), {
  enlarge: () => $("art").hidden || zoom.open($("art").src, $("art").alt),
  seamed: (on) => $("compare").setAttribute("aria-pressed", on),
});

const sample = { photo: $("photo").src, art: $("art").src };
const sources = new WeakMap(); // the Blob that an image shows
const broken = new WeakSet(); // Blobs that do not decode
let shown; // the item on the stage, and in which style; null for the sample
let heard = "";
let styles = [];

export function render(studio) {
  const focused = document.activeElement;
  const { current } = studio;
  document.body.dataset.state = state(current);
  renderStage(current);
  renderProgress(studio);
  renderStyles(studio);
  renderStrip(studio);
  const ready = studio.items.filter(({ art }) => art).length;
  const counts = { save_all: ready, share_all: ready, remove_all: studio.items.length };
  for (const key of ["save_all", "share_all", "remove_all"]) {
    $(key).textContent = say(key, { n: counts[key] });
    $(key).disabled = counts[key] === 0;
  }
  $("none").textContent = say(studio.keeps ? "none_kept" : "not_kept");
  $("none").hidden = studio.keeps && studio.items.length > 0;
  $("forget").hidden = !token.get();
  // Focus stays near a button that has gone.
  if (
    focused !== document.body &&
    focused.getClientRects().length === 0 &&
    !document.querySelector("dialog[open]")
  ) {
    focusNear();
  }
}

function focusNear() {
  const near = [...$("below").querySelectorAll("button"), $("choose")];
  near.find((button) => button.getClientRects().length > 0).focus({ preventScroll: true });
}

function state(item) {
  if (!item) return "empty";
  if (item.art) return "drawn";
  return item.trouble ? "failed" : "working";
}

function renderStage(item) {
  show($("photo"), item ? (item.width ? item.photo : (item.file ?? item.photo)) : sample.photo);
  show($("art"), item ? item.art : sample.art);
  $("art").alt = item?.art ? title(item) : "";
  $("large").setAttribute("aria-label", $("art").alt);
  if (item?.width) shape(item.width, item.height);
  const now = item && `${item.id} ${item.style}`;
  if (shown !== now) stage.compare(!item || (stage.seam && Boolean(shown)));
  shown = now;
}

// Shows a Blob, or an address, or nothing.
function show(image, source) {
  image.hidden = !source || broken.has(source);
  if (sources.get(image) === source) return;
  if (image.src.startsWith("blob:")) URL.revokeObjectURL(image.src);
  sources.set(image, source);
  if (source) image.src = source instanceof Blob ? URL.createObjectURL(source) : source;
  else image.removeAttribute("src");
}

function shape(width, height) {
  $("sheet").style.setProperty("--ratio", width / height);
  $("sheet").classList.toggle("panorama", width > 2 * height);
}

export function renderProgress(studio) {
  const { current, active, turn, turns } = studio;
  const trouble = current?.trouble;
  const mine = current && active?.item === current && !trouble;
  const { phase, n } = mine ? active : {};
  const words = phase === "offline" ? "offline_wait" : (phase ?? "next_in_line");
  const batch = active && turns > 1;
  $("slip").hidden = !current || Boolean(current.art);
  $("turn").textContent = batch ? say("turn", { n: turn, m: turns }) : "";
  $("batch").hidden = !batch;
  Object.assign($("batch"), { max: Math.max(1, turns), value: Math.max(0, turn - 1) });
  document.title = batch ? say("turn_title", { n: turn, m: turns }) : "ArtLine";
  $("doing").textContent = trouble ? explain(trouble) : say(words, { n });
  $("detail").textContent = trouble?.request ? say("request", { id: trouble.request }) : "";
  $("sent").hidden = !["sending", "receiving"].includes(phase);
  $("sent").value = n ?? 0;
  renderButtons(studio, trouble);
  announce(phase, words, n);
}

function renderButtons({ current, waiting, stopped }, trouble) {
  const again = trouble && canPass(trouble.status);
  $("cancel").hidden = Boolean(trouble);
  $("cancel-all").hidden = waiting < 2;
  $("cancel-all").textContent = say("cancel_all", { n: waiting });
  $("again").hidden = !again;
  $("again-all").hidden = !again || stopped.length < 2 || !stopped.includes(current);
  $("again-all").textContent = say("again_all", { n: stopped.length });
  $("another").hidden = !trouble || again;
  $("dismiss").hidden = !trouble;
}

// A screen reader announces each phase once, without running numbers.
function announce(phase, words, n) {
  if (phase === heard) return;
  heard = phase;
  const quiet = { sending: "sending_now", receiving: "receiving_now" };
  if (phase) $("live").textContent = say(quiet[phase] ?? words, { n });
}

// A choice where the model has more than one style; the first is its own, and needs no name.
function renderStyles({ current, style }) {
  const chosen = current?.style ?? style;
  $("styles").hidden = styles.length < 2;
  for (const button of $("styles").children) {
    button.setAttribute("aria-pressed", button.value === chosen);
  }
}

export async function offerStyles(studio) {
  if (styles.length > 0) return;
  ({ styles } = await limits());
  $("styles").replaceChildren(
    ...styles.map((name, place) => {
      const button = Object.assign(document.createElement("button"), {
        value: place === 0 ? "" : name,
        className: "chip",
        textContent: styleName(name),
      });
      return button;
    }),
  );
  renderStyles(studio);
}

function renderStrip({ items, current, active }) {
  const strip = $("strip");
  const old = new Map([...strip.children].map((entry) => [entry.id, entry]));
  items.forEach((item, place) => {
    const entry = old.get(`item-${item.id}`) ?? thumbnailOf(item);
    old.delete(entry.id);
    if (strip.children[place] !== entry) strip.insertBefore(entry, strip.children[place] ?? null);
    const button = entry.firstChild;
    show(button.firstChild, item.thumb);
    button.className = item.art ? "" : item.trouble ? "undrawn failed" : "undrawn";
    button.classList.toggle("drawing", item === active?.item);
    set(button, "aria-label", title(item, active));
    if (set(button, "aria-current", item === current) && item === current) bring(entry);
  });
  for (const entry of old.values()) {
    show(entry.firstChild.firstChild, null);
    entry.remove();
  }
}

function set(element, name, value) {
  if (element.getAttribute(name) === String(value)) return false;
  element.setAttribute(name, value);
  return true;
}

// Into view within its own box: the page stays where it is.
function bring(entry) {
  for (const box of [$("strip"), $("shelf")]) {
    const [a, b] = [entry.getBoundingClientRect(), box.getBoundingClientRect()];
    const across =
      a.left < b.left || a.right > b.right ? a.left - b.left - (b.width - a.width) / 2 : 0;
    const down =
      a.top < b.top || a.bottom > b.bottom ? a.top - b.top - (b.height - a.height) / 2 : 0;
    box.scrollBy(across, down);
  }
}

function thumbnailOf(item) {
  const entry = document.createElement("li");
  entry.id = `item-${item.id}`;
  const button = entry.appendChild(document.createElement("button"));
  const image = button.appendChild(new Image());
  image.alt = "";
  image.decoding = "async";
  image.draggable = false; // else it could be dropped on the page it is from
  return entry;
}

function title(item, active) {
  const waits = item === active?.item ? "drawing_of" : "waiting_of";
  const key = item.art ? "art_of" : item.trouble ? "failed_of" : waits;
  return say(key, { date: date(item.drawn ?? item.id) });
}

// The frame takes the photo's shape as soon as that is known. What does not decode has none.
$("photo").addEventListener("load", ({ target }) => {
  shape(target.naturalWidth, target.naturalHeight);
});
$("art").addEventListener("load", ({ target }) => {
  if ($("photo").hidden) shape(target.naturalWidth, target.naturalHeight);
});
$("photo").addEventListener("error", ({ target }) => {
  if (sources.get(target) instanceof Blob) broken.add(sources.get(target));
  target.hidden = true;
});

let hiding;
let back = null; // what Undo does
let later = ""; // the message to show after Undo is gone

// Shows a message at the foot of the page for a few seconds, with Undo if there is one: of everything
// done while it is visible. A message without Undo waits until then.
export function notify(text, undo) {
  const earlier = back;
  if (earlier && !undo) {
    later = text;
    return;
  }
  back =
    undo &&
    (() => {
      undo();
      earlier?.();
    });
  $("notice").firstChild.textContent = text;
  $("notice").classList.add("shown");
  $("undo").hidden = !undo;
  clearTimeout(hiding);
  hiding = setTimeout(expire, undo ? 8000 : 4000);
}

$("undo").addEventListener("click", () => {
  const undo = back;
  hide();
  undo?.(); // not twice
});

// Undo stays visible while the pointer is on it or it has the focus.
function expire() {
  if (back && $("notice").matches(":hover, :focus-within")) hiding = setTimeout(expire, 1000);
  else hide();
}

function hide() {
  clearTimeout(hiding);
  $("notice").classList.remove("shown");
  if ($("notice").contains(document.activeElement)) focusNear();
  back = null;
  if (later) notify(later);
  later = "";
}
