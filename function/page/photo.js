// A photo made small enough to send: upright, on white, at most `side` pixels long.

const QUALITY = 0.88;

export async function shrink(file, side) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    return file; // not a picture to this browser; the service may know better, or says why not
  }
  try {
    const scale = Math.min(1, side / Math.max(bitmap.width, bitmap.height));
    const width = Math.max(1, Math.round(bitmap.width * scale));
    const height = Math.max(1, Math.round(bitmap.height * scale));
    return await encode(resize(bitmap, width, height), "image/jpeg", QUALITY);
  } finally {
    bitmap.close();
  }
}

export async function png(blob) {
  const bitmap = await createImageBitmap(blob);
  return encode(resize(bitmap, bitmap.width, bitmap.height), "image/png");
}

// Halves until it is near, as a browser's own reduction skips pixels past a factor of two.
function resize(source, width, height) {
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
