// Line art goes out: to a file in several forms, to other apps, to the clipboard.

import { png } from "./photo.js";
import { limits } from "./service.js";
import { zip } from "./zip.js";

const ENDINGS = {
  "image/jpeg": "jpg",
  "image/png": "png",
  "image/svg+xml": "svg",
  "image/webp": "webp",
};

const stamp = (time) => {
  const local = new Date(time - new Date(time).getTimezoneOffset() * 60_000); // the clock's own time
  return local.toISOString().slice(0, 19).replace(/\D/g, "");
};

// yyyyMMddHHmmss and the ending; where several were drawn in one second, with a number each.
export function fileName(item, items, type = item.art.type) {
  const name = stamp(item.drawn);
  const same = items
    .filter(({ drawn }) => drawn && stamp(drawn) === name)
    .sort((a, b) => a.id - b.id);
  const place = same.indexOf(item);
  return `${name}${place > 0 ? `-${place + 1}` : ""}.${ENDINGS[type] ?? "jpg"}`;
}

export function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(URL.revokeObjectURL, 60_000, link.href);
}

export const asFile = (item, items) =>
  new File([item.art], fileName(item, items), { type: item.art.type });

export async function archive(items) {
  const drawn = items.filter(({ art }) => art);
  const files = drawn.map((item) => ({
    name: fileName(item, items),
    blob: item.art,
    time: item.drawn,
  }));
  return zip(files);
}

// The forms that `item` can be saved in, beside its own: the `key` of their words, `n` for these, and
// make(order) for the file. PNG is made here; the service draws the rest anew.
export async function forms(item, studio) {
  const { default_side, max_side, svg, transparent } = await limits();
  const drawnAgain = (options) => (order) => studio.render(item, options, order);
  const side = Math.min(max_side, Math.max(item.width ?? 0, item.height ?? 0));
  const clear = { format: "png", background: "transparent" };
  return [
    { key: "as_png", make: () => png(item.art) },
    side > default_side && { key: "as_large", n: side, make: drawnAgain({ max_side: side }) },
    svg && { key: "as_svg", make: drawnAgain({ format: "svg" }) },
    transparent && { key: "as_clear", make: drawnAgain(clear) },
  ].filter(Boolean);
}

export async function copy(art) {
  await navigator.clipboard.write([new ClipboardItem({ "image/png": png(art) })]);
}
