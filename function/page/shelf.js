// Photos and line art kept on the device: records with an `id`, in IndexedDB. The page and its
// service worker share it.

let database;
let writes = Promise.resolve();

function open() {
  database ??= new Promise((resolve, reject) => {
    const request = indexedDB.open("artline", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("pictures", { keyPath: "id" });
    request.onerror = () => reject(request.error);
    request.onsuccess = () => {
      request.result.onversionchange = () => request.result.close();
      request.result.onclose = () => (database = undefined);
      resolve(request.result);
    };
  });
  database.catch(() => (database = undefined));
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

// One write after the other, so that a record's last state is what stays.
function write(action) {
  const written = writes.then(action);
  writes = written.catch(() => {});
  return written;
}

const put = (record) => run("readwrite", (records) => records.put(record));

export async function restore() {
  return (await run("readonly", (records) => records.getAll())).map(unpack);
}

export async function recall(id) {
  return unpack(await run("readonly", (records) => records.get(id)));
}

// Some browsers store no Blob in a private window, but any number of bytes.
export const keep = (record) => write(() => put(record).catch(async () => put(await pack(record))));

export const discard = (id) => write(() => run("readwrite", (records) => records.delete(id)));

async function pack(value) {
  if (value instanceof Blob) return { bytes: await value.arrayBuffer(), type: value.type };
  if (Object.prototype.toString.call(value) !== "[object Object]") return value;
  const entries = Object.entries(value).map(async ([name, part]) => [name, await pack(part)]);
  return Object.fromEntries(await Promise.all(entries));
}

function unpack(value) {
  if (Object.prototype.toString.call(value) !== "[object Object]") return value;
  if (value.bytes instanceof ArrayBuffer) return new Blob([value.bytes], { type: value.type });
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, unpack(part)]));
}

// What `promise` says, if it says it in time: some browsers' storage never answers.
export function within(milliseconds, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(reject, milliseconds, new DOMException("no answer", "TimeoutError"));
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
