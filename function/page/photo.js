// Image files: photos made small enough to keep and to send, and answers told from anything else.

const QUALITY = 0.88;
const KEPT_SIDE = 2048; // pixels, of a photo that is kept: enough for the largest line art
const THUMB_SIDE = 192;

// What is kept of a chosen file: { photo, thumb, width, height }, upright, on white. A file that
// this browser cannot decode stays as it is, { photo }: the service may read it, or says why not.
// Rejects where the file itself cannot be read.
export async function prepare(file) {
  const photo = new Blob([await file.arrayBuffer()], { type: file.type });
  let bitmap;
  try {
    bitmap = await decode(photo);
  } catch {
    return { photo };
  }
  const canvas = resize(bitmap, KEPT_SIDE);
  bitmap.close();
  const { width, height } = canvas;
  const thumb = await encode(resize(canvas, THUMB_SIDE), "image/jpeg", QUALITY);
  return { photo: await encode(canvas, "image/jpeg", QUALITY), thumb, width, height };
}

// `photo` with its longer side at most `side` pixels.
export async function shrink(photo, side) {
  const bitmap = await decode(photo);
  try {
    if (Math.max(bitmap.width, bitmap.height) <= side) return photo;
    return await encode(resize(bitmap, side), "image/jpeg", QUALITY);
  } finally {
    bitmap.close();
  }
}

export const thumbnail = (blob) => redraw(blob, THUMB_SIDE, "image/jpeg");
export const png = (blob) => redraw(blob, Infinity, "image/png");

async function redraw(blob, side, type) {
  const bitmap = await decode(blob);
  try {
    return await encode(resize(bitmap, side), type, QUALITY);
  } finally {
    bitmap.close();
  }
}

// The image in `blob`, { blob, width, height }, with its true type. Rejects whatever is no image, is
// cut short, or does not decode.
export async function whole(blob) {
  const type = await typeOf(blob);
  if (!type) throw new TypeError("no whole image");
  const image = new Blob([blob], { type });
  if (type === "image/svg+xml") return { blob: image };
  const { width, height } = await decode(image);
  return { blob: image, width, height };
}

// By its first bytes and its last: decoders are content with a part of a file.
async function typeOf(blob) {
  const [head, tail] = await Promise.all([blob.slice(0, 12), blob.slice(-8)].map(latin));
  if (head.startsWith("\xff\xd8\xff")) return tail.endsWith("\xff\xd9") && "image/jpeg";
  if (head.startsWith("\x89PNG")) return tail.startsWith("IEND") && "image/png";
  if (head.startsWith("RIFF") && head.endsWith("WEBP")) {
    const length = new DataView(await blob.slice(4, 8).arrayBuffer()).getUint32(0, true);
    return length + 8 === blob.size && "image/webp";
  }
  return /^\s*(<[?!][^>]*>\s*)*<svg\s.*<\/svg>\s*$/s.test(await blob.text()) && "image/svg+xml";
}

async function latin(blob) {
  return String.fromCharCode(...new Uint8Array(await blob.arrayBuffer()));
}

function decode(blob) {
  return createImageBitmap(blob, { imageOrientation: "from-image" });
}

// Halves until it is near, as a browser's own reduction skips pixels past a factor of two.
function resize(source, side) {
  const scale = Math.min(1, side / Math.max(source.width, source.height));
  const [width, height] = [source.width, source.height].map((n) =>
    Math.max(1, Math.round(n * scale)),
  );
  let from = source;
  let [w, h] = [source.width, source.height];
  do {
    w = Math.max(width, Math.ceil(w / 2));
    h = Math.max(height, Math.ceil(h / 2));
    const canvas = Object.assign(document.createElement("canvas"), { width: w, height: h });
    const context = canvas.getContext("2d", { alpha: false });
    context.fillStyle = "white";
    context.fillRect(0, 0, w, h);
    context.imageSmoothingQuality = "high";
    context.drawImage(from, 0, 0, w, h);
    from = canvas;
  } while (w > width || h > height);
  return from;
}

function encode(canvas, type, quality) {
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no memory"))), type, quality);
  });
}
