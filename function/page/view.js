// What is seen of a studio: the picture on the stage, the slip that says how far it is, the strip.

import { Compare } from "./compare.js";
import { token } from "./service.js";
import { date, explain, say } from "./words.js";

export const $ = (id) => document.getElementById(id);

const compare = new Compare($("picture"), $("range"));
const sample = { photo: $("photo").src, art: $("art").src };
const addresses = new WeakMap(); // of Blobs
let shown = null;
let heard = null;

export const reveal = () => compare.reveal();

export function render(studio) {
  const { current } = studio;
  const trouble = current?.trouble;
  document.body.dataset.state = !current
    ? "empty"
    : current.art ? "drawn" : trouble ? "failed" : "working";
  renderStage(current);
  renderSlip(studio);
  for (const id of ["save", "share", "copy"]) $(id).disabled = !current?.art;
  renderStrip(studio);
  $("none").hidden = studio.pictures.length > 0;
  $("forget").hidden = !token.get();
}

function renderStage(picture) {
  const photo = picture ? address(picture.photo) : sample.photo;
  const art = picture ? address(picture.art) : sample.art;
  for (const [image, source] of [[$("photo"), photo], [$("art"), art]]) {
    image.hidden = !source;
    if (source && image.src !== source) image.src = source;
  }
  $("photo").alt = "";
  $("art").alt = picture?.art ? title(picture) : "";
  if (shown !== picture) compare.set(50);
  shown = picture;
}

function renderSlip({ current, active, turn, turns }) {
  $("slip").hidden = !current || Boolean(current.art);
  const trouble = current?.trouble;
  const mine = current && active?.picture === current && !trouble;
  $("turn").textContent = mine && turns > 1 ? say("turn", { n: turn, m: turns }) : "";
  $("detail").textContent = trouble?.detail ?? "";
  $("doing").textContent = trouble
    ? explain(trouble.status)
    : say(mine ? active.phase : "next_in_line", { n: active?.n });
  $("sent").hidden = !mine || active.phase !== "sending";
  $("sent").value = active?.n ?? 0;
  // Whoever listens hears each phase once, and no numbers running by.
  const phase = mine && active.phase !== "sending" ? active.phase : heard;
  if (phase !== heard) $("live").textContent = $("doing").textContent;
  heard = active ? phase : null;
}

function renderStrip({ pictures, current }) {
  const strip = $("strip");
  const old = new Map([...strip.children].map((item) => [item.id, item]));
  pictures.forEach((picture, place) => {
    const item = old.get(`picture-${picture.id}`) ?? thumbnail(picture);
    old.delete(item.id);
    if (strip.children[place] !== item) strip.insertBefore(item, strip.children[place] ?? null);
    const button = item.firstChild;
    const source = address(picture.art ?? picture.photo);
    if (source && button.firstChild.src !== source) button.firstChild.src = source;
    button.className = picture.art ? "" : picture.trouble ? "undrawn failed" : "undrawn";
    button.setAttribute("aria-label", title(picture));
    button.setAttribute("aria-current", picture === current);
  });
  for (const item of old.values()) item.remove();
}

function thumbnail(picture) {
  const item = document.createElement("li");
  item.id = `picture-${picture.id}`;
  const button = item.appendChild(document.createElement("button"));
  const image = button.appendChild(new Image(64, 64));
  image.alt = "";
  image.decoding = "async";
  image.draggable = false; // else it could be dropped on the page it is from
  return item;
}

function title(picture) {
  const key = picture.art ? "drawing_of" : "not_drawn_of";
  return say(key, { date: date(picture.drawn ?? picture.id) });
}

function address(blob) {
  if (!blob) return "";
  if (!addresses.has(blob)) addresses.set(blob, URL.createObjectURL(blob));
  return addresses.get(blob);
}

// The frame takes the picture's shape as soon as that is known. What is no picture has none.
$("photo").addEventListener("load", ({ target }) => {
  $("sheet").style.setProperty("--ratio", target.naturalWidth / target.naturalHeight);
});
$("photo").addEventListener("error", ({ target }) => {
  target.hidden = true;
});

let hiding;

// A word at the foot of the page for a few seconds, with a way back where there is one.
export function notify(text, undo) {
  clearTimeout(hiding);
  const notice = $("notice");
  notice.firstChild.textContent = text;
  notice.classList.add("shown");
  const hide = () => notice.classList.remove("shown");
  $("undo").hidden = !undo;
  $("undo").onclick = () => {
    hide();
    undo();
  };
  hiding = setTimeout(hide, undo ? 8000 : 4000);
}
