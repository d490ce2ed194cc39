// Pictures kept on the device: records with an `id`, in IndexedDB.

let database;

function open() {
  database ??= new Promise((resolve, reject) => {
    const request = indexedDB.open("artline", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("pictures", { keyPath: "id" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return database;
}

async function run(mode, action) {
  const transaction = (await open()).transaction("pictures", mode);
  const request = action(transaction.objectStore("pictures"));
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = () => reject(transaction.error);
  });
}

export const restore = () => run("readonly", (pictures) => pictures.getAll());
export const keep = (picture) => run("readwrite", (pictures) => pictures.put(picture));
export const discard = (id) => run("readwrite", (pictures) => pictures.delete(id));
