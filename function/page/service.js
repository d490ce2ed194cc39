// The service as the page sees it: photos in, line art out, by whichever way is open.

const SECOND = 1000;
const PATIENCE = 25 * SECOND; // the API gives up on the function after 30
const SLOW = 4 * SECOND;
const TRIES = 4;
const POLL = 2; // seconds, where the service names none

// What may fare better another time or another way: throttled, crashed, no capacity, out of time.
export const PASSING = new Set(["late", 429, 502, 503, 504]);

const DEFAULTS = {
  default_side: 1024,
  image_bytes: 4_718_592,
  upload_bytes: 50_000_000,
  jobs: true,
};

// `status` is the answer's, 0 where none came, "late" where it was not waited for any longer;
// `detail` is the service's own sentence; `wait` the seconds that it asked for.
export class Refused extends Error {
  constructor(status, detail = "", wait = undefined) {
    super(`${status} ${detail}`);
    Object.assign(this, { status, detail, wait });
  }
}

export const token = {
  get: () => localStorage.getItem("token") ?? "",
  set: (value) => (value ? localStorage.setItem("token", value) : localStorage.removeItem("token")),
};

let known;

// What the service takes. Asked once, and asking wakes it; where it does not say, the usual.
export async function limits() {
  try {
    known ??= request("GET", "health").then(json);
    const { jobs, limits } = await known;
    return { ...DEFAULTS, ...limits, jobs: jobs ?? DEFAULTS.jobs };
  } catch {
    known = undefined;
    return DEFAULTS;
  }
}

// Draws `photo`, a Blob, as line art, another. `report(phase, n)` hears how far it is. `job` is the
// address of one that was begun earlier; `remember(address)` is told of one that is begun now.
export async function draw(photo, { job, remember, ...order }) {
  if (job) return collect(job, order);
  const { image_bytes, upload_bytes, jobs } = await limits();
  const fits = photo.size <= image_bytes;
  if (jobs && photo.size <= upload_bytes) {
    if (fits) {
      try {
        return await transform(photo, order);
      } catch (error) {
        if (error.status !== 413 && !PASSING.has(error.status)) throw error;
      }
    }
    const begun = await submit(photo, order);
    if (begun) {
      remember(begun);
      return collect(begun, order);
    }
  }
  if (!fits) throw new Refused(413);
  return persist(() => transform(photo, order), order);
}

async function transform(photo, { signal, report }) {
  let slow;
  try {
    const { response } = await upload("transform", photo, {
      signal,
      report,
      headers: { "content-type": photo.type, accept: "image/jpeg" },
      sent: () => {
        slow = setTimeout(report, SLOW, "slow");
      },
    });
    return response;
  } finally {
    clearTimeout(slow);
  }
}

// A job's address, with the photo uploaded; null where the service has no jobs.
async function submit(photo, order) {
  const asked = { size: photo.size, type: photo.type || undefined, format: "jpeg" };
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", await photo.arrayBuffer()));
  asked.sha256 = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  let job;
  try {
    const body = JSON.stringify(asked);
    const headers = { "content-type": "application/json" };
    const ask = () => request("POST", "jobs", { body, headers, signal: order.signal });
    job = await json(await persist(ask, order));
  } catch (error) {
    if (error.status === 404 || error.status === 405) return null;
    throw error;
  }
  if (job.status === "waiting" && job.upload) {
    const form = new FormData();
    for (const [name, value] of Object.entries(job.upload.fields)) form.append(name, value);
    form.append("file", photo); // S3 reads no field that comes after it
    await persist(() => upload(job.upload.url, form, order), order);
  }
  return job.job_url.replace(/^\//, ""); // the page may live below a stage's name
}

async function collect(address, order) {
  const { signal, report } = order;
  report("queued");
  for (;;) {
    const answer = await persist(() => request("GET", address, { signal }), order);
    const job = await json(answer);
    if (job.status === "done") {
      const { response } = await persist(() => request("GET", job.result_url, { signal }), order);
      return response;
    }
    if (job.status === "failed") throw new Refused(job.error?.status ?? 500, job.error?.detail);
    if (job.status === "waiting") throw new Refused(404); // its photo has never arrived
    await pause(retryAfter(answer) ?? POLL, signal);
  }
}

// Tries what may pass again, after the pause that the service asks for, or one longer each time.
async function persist(attempt, { signal, report }) {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (tries === TRIES || !PASSING.has(error.status)) throw error;
      for (let left = Math.ceil(error.wait ?? 2 ** tries); left > 0; left--) {
        report("busy", left);
        await pause(1, signal);
      }
    }
  }
}

function upload(url, body, { signal, report, headers, sent }) {
  return request("POST", url, {
    body,
    headers,
    signal,
    progress: (part) => report("sending", Math.floor(part * 100)),
    sent: () => {
      report("drawing");
      sent?.();
    },
  });
}

// fetch() cannot tell how much of a body has been sent; XMLHttpRequest can.
function request(method, url, { body, headers = {}, signal, progress, sent } = {}) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const xhr = new XMLHttpRequest();
    xhr.open(method, url);
    xhr.responseType = "blob";
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
    const ours = new URL(url, document.baseURI).origin === location.origin;
    if (ours && token.get()) xhr.setRequestHeader("authorization", `Bearer ${token.get()}`);

    let timer;
    const patience = () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        reject(new Refused("late"));
        xhr.abort();
      }, PATIENCE);
    };
    if (progress) {
      xhr.upload.onprogress = (event) => {
        patience();
        if (event.loaded < event.total) progress(event.loaded / event.total);
      };
      xhr.upload.onload = sent;
    }
    signal?.addEventListener("abort", () => xhr.abort());
    xhr.onload = () => (xhr.status < 300 ? resolve(xhr) : refusal(xhr).then(reject));
    xhr.onerror = () => reject(new Refused(0));
    xhr.onabort = () => reject(signal?.reason);
    xhr.onloadend = () => clearTimeout(timer);
    patience();
    xhr.send(body);
  });
}

async function refusal(xhr) {
  const problem = await json(xhr).catch(() => ({}));
  return new Refused(xhr.status, problem.detail, retryAfter(xhr));
}

async function json(xhr) {
  return JSON.parse(await xhr.response.text());
}

function retryAfter(xhr) {
  const seconds = Number.parseFloat(xhr.getResponseHeader("retry-after"));
  return Number.isNaN(seconds) ? undefined : seconds;
}

function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const timer = setTimeout(resolve, seconds * SECOND);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
