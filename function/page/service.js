// The service as the page sees it: photos in, line art out, by whichever way is open.

import { whole } from "./photo.js";

const SECOND = 1000;
const PATIENCE = 25 * SECOND; // without any progress; the API gives up on the function after 30
const SLOW = 4 * SECOND;
const TRIES = 4;
const LONGEST_WAIT = 120; // seconds that a person is kept waiting on this page
const POLL = 2; // seconds, where the service names none
const LONGEST_POLL = 30;
const QUEUE_PATIENCE = 15 * 60 * SECOND; // after which a job has failed, or nobody knows of it
const ROUNDING = 1.5; // pixels, in line art's sides: half a one each time that they are made smaller

// Worth a retry, or a job: throttled, a bad gateway, no capacity, timed out, or a response that is not
// this service's.
const PASSING = new Set(["late", "garbled", 429, 502, 503, 504]);
const BUSY = new Set([429, 502, 503]);
const QUEUED = new Set([...PASSING, 413]); // statuses after which the photo goes to a job
const LAPSED = new Set(["lapsed", 403, 404, 410]); // the job or its upload expired: create a new one

const USUAL = {
  default_side: 1024,
  max_side: 1024,
  image_bytes: 4_718_592,
  upload_bytes: 50_000_000,
};

// `status` is the answer's; or 0 where none came, "late" where it was not waited for any longer,
// "garbled" where it was not what this service gives, "stale" where this page's own policy forbids the
// request. `request` is the id to quote, `wait` the seconds that the service asked for.
export class Refused extends Error {
  constructor(status, { request, wait } = {}) {
    super(`refused: ${status}`);
    Object.assign(this, { status, request, wait });
  }
}

let unsaved = ""; // the token, where the browser stores nothing

export const token = {
  get() {
    try {
      return localStorage.getItem("token") ?? unsaved;
    } catch {
      return unsaved;
    }
  },
  set(value) {
    unsaved = value;
    try {
      if (value) localStorage.setItem("token", value);
      else localStorage.removeItem("token");
    } catch {
      // it serves until the page is closed
    }
  },
  // The token in what somebody has pasted; empty where that cannot be one.
  from(pasted) {
    const bare = pasted
      .replace(/[\s\p{Cf}]/gu, "")
      .replace(/^Bearer/i, "")
      .replace(/^["'“”‘’]+|["'“”‘’]+$/g, "");
    return /^[\x21-\x7e]+$/.test(bare) ? bare : "";
  },
};

let known;

// What the service takes and offers. Asked once, and asking wakes it; where it does not say, the usual.
export async function limits() {
  known ??= request("GET", "health").then(json);
  let health;
  try {
    health = await known;
  } catch {
    known = undefined;
  }
  const says = (part, word) => JSON.stringify(part ?? "").includes(`"${word}"`);
  const named = Object.entries(health?.limits ?? {}).filter(
    ([, limit]) => Number.isFinite(limit) && limit > 0,
  );
  const styles = health?.model?.styles;
  return {
    ...USUAL,
    ...Object.fromEntries(named),
    jobs: health?.jobs !== false,
    styles: Array.isArray(styles) ? styles.map(String) : [],
    svg: says(health?.formats, "svg") || says(health?.options, "svg"),
    transparent: says(health?.options, "transparent"),
    auth: health?.auth,
  };
}

// Draws `photo`, a Blob, as line art, another. The order says how: `options` by their names in the
// API, `size` the photo's [width, height] where known. `report(phase, n)` hears how far it is; `job` is
// the address of one that was begun earlier; `remember(address)` is told of one that is begun now.
export async function draw(photo, order) {
  let art = order.job && (await unless(LAPSED, () => collect(order.job, order)));
  if (art) return art;
  const { image_bytes, upload_bytes, jobs } = await limits();
  const fits = photo.size <= image_bytes;
  const queued = jobs && photo.size <= upload_bytes;
  if (fits && queued) art = await unless(QUEUED, () => transform(photo, order));
  if (queued) art ||= await enqueue(photo, order);
  if (art) return art;
  if (!fits) throw new Refused(413);
  return persist(() => transform(photo, order), order);
}

// Deletes a job's photo and its line art from the service, which would keep them for days.
export function forget(address) {
  return request("DELETE", address).catch(() => {}); // gone already, or out of reach
}

// What `attempt` gives; null where it is refused with one of `statuses`.
async function unless(statuses, attempt) {
  try {
    return await attempt();
  } catch (error) {
    if (statuses.has(error.status)) return null;
    throw error;
  }
}

async function transform(photo, order) {
  const { signal, report, options } = order;
  const type = { svg: "image/svg+xml", png: "image/png" }[options.format] ?? "image/jpeg";
  let slow;
  try {
    const query = new URLSearchParams(options).toString();
    const { response } = await upload(query ? `transform?${query}` : "transform", photo, {
      signal,
      report,
      headers: { "content-type": photo.type || "application/octet-stream", accept: type },
      sent: () => {
        slow = setTimeout(report, SLOW, "slow");
      },
      answering: () => clearTimeout(slow),
    });
    return await lineArt(response, order);
  } finally {
    clearTimeout(slow);
  }
}

// A captive portal or a proxy may answer instead: only an image of the photo's own shape is line art.
async function lineArt(blob, { size }) {
  const art = await whole(blob).catch(() => {
    throw new Refused("garbled");
  });
  if (size && art.width) {
    const scale = Math.max(art.width, art.height) / Math.max(...size);
    const off = [art.width, art.height].map((side, n) => Math.abs(side - size[n] * scale));
    if (Math.max(...off) > ROUNDING * Math.max(1, scale)) throw new Refused("garbled");
  }
  return art.blob;
}

// The line art by way of the queue; null where the service has none.
async function enqueue(photo, order) {
  for (let tries = 1; ; tries++) {
    try {
      const job = await submit(photo, order);
      if (!job) return null;
      order.remember(job);
      return await collect(job, order);
    } catch (error) {
      if (!LAPSED.has(error.status)) throw error;
      if (tries === 2) throw error.status === "lapsed" ? new Refused("garbled") : error;
    }
  }
}

// A job's address, with the photo uploaded; null where the service has no jobs.
async function submit(photo, order) {
  const asked = {
    size: photo.size,
    type: photo.type || undefined,
    format: "jpeg",
    ...order.options,
  };
  if (crypto.subtle) {
    // not on plain http
    const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", await photo.arrayBuffer()));
    asked.sha256 = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }
  const body = JSON.stringify(asked);
  const headers = { "content-type": "application/json" };
  const ask = async () =>
    json(await request("POST", "jobs", { body, headers, signal: order.signal }));
  let job;
  try {
    job = await persist(ask, order);
  } catch (error) {
    if (error.status === 404 || error.status === 405) return null;
    throw error;
  }
  if (typeof job.job_url !== "string") throw new Refused("garbled");
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
  const begun = Date.now();
  for (let links = 0; ; ) {
    const answer = await persist(() => request("GET", address, { signal }), order);
    const job = await json(answer);
    if (job.status === "done") {
      // A link lapses; the job gives another.
      const art = await unless(links++ ? new Set() : LAPSED, () => result(job.result_url, order));
      if (art) return art;
    } else {
      if (job.status !== "queued") throw new Refused(outcome(job));
      await pause(untilNext(answer, begun), signal);
    }
  }
}

// Seconds until a job that is queued is asked about again: longer and longer.
function untilNext(answer, begun) {
  const waited = Date.now() - begun;
  if (waited > QUEUE_PATIENCE) throw new Refused("late"); // as others wait behind it
  return Math.min(LONGEST_POLL, Math.max(retryAfter(answer) ?? POLL, waited / SECOND / 10));
}

// Why there will be no line art of a job.
function outcome({ status, error }) {
  if (status === "waiting") return "lapsed"; // its photo has never arrived
  return status === "failed" ? (error?.status ?? 500) : "garbled";
}

function result(url, order) {
  return persist(async () => lineArt(await receive(url, order), order), order);
}

// Tries what may pass again, after the pause that the service asks for, or one longer each time.
async function persist(attempt, { signal, report }) {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      const wait = Math.ceil(error.wait ?? 2 ** tries);
      if (tries === TRIES || !PASSING.has(error.status) || wait > LONGEST_WAIT) throw error;
      for (let left = wait; left > 0; left--) {
        report(BUSY.has(error.status) ? "busy" : "retrying", left);
        await pause(1, signal);
      }
    }
  }
}

function upload(url, body, { signal, report, headers, sent, answering }) {
  return request("POST", url, {
    body,
    headers,
    signal,
    progress: (part) => report("sending", Math.floor(part * 100)),
    sent: () => {
      report("drawing");
      sent?.();
    },
    received: (part) => {
      answering?.();
      report("receiving", Math.floor(part * 100));
    },
  });
}

async function receive(url, { signal, report }) {
  const received = (part) => report("receiving", Math.floor(part * 100));
  return (await request("GET", url, { signal, received })).response;
}

const forbidden = new Set(); // origins that the policy has kept this page from

document.addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI }) => {
  if (effectiveDirective === "connect-src") forbidden.add(new URL(blockedURI).origin);
});

// fetch() cannot tell how much of a body has been sent; XMLHttpRequest can.
function request(method, url, { body, headers = {}, signal, progress, sent, received } = {}) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const { href, origin } = new URL(url, document.baseURI);
    const ours = origin === location.origin;
    const xhr = new XMLHttpRequest();
    xhr.open(method, href);
    xhr.responseType = "blob";
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
    const bearer = token.from(token.get());
    if (ours && bearer) xhr.setRequestHeader("authorization", `Bearer ${bearer}`);

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
    xhr.onprogress = (event) => {
      patience();
      if (xhr.status < 300 && event.loaded < event.total) received?.(event.loaded / event.total);
    };
    signal?.addEventListener("abort", () => xhr.abort());
    xhr.onload = () => (xhr.status < 300 ? resolve(xhr) : refusal(xhr).then(reject));
    // A task later, as the violation is told of in one of its own.
    xhr.onerror = () =>
      setTimeout(() => reject(new Refused(forbidden.has(origin) ? "stale" : 0)), 50);
    xhr.onabort = () => reject(signal?.reason);
    xhr.onloadend = () => clearTimeout(timer);
    patience();
    xhr.send(body);
  });
}

// The service names the request in its sentence, API Gateway in a header.
async function refusal(xhr) {
  const problem = await json(xhr).catch(() => ({}));
  const [, quoted] = /request ([\w-]+)/.exec(problem.detail) ?? [];
  const ours = new URL(xhr.responseURL || document.baseURI).origin === location.origin;
  const id = quoted ?? (ours ? xhr.getResponseHeader("apigw-requestid") : null);
  return new Refused(xhr.status, { request: id ?? undefined, wait: retryAfter(xhr) });
}

async function json(xhr) {
  try {
    const document = JSON.parse(await xhr.response.text());
    if (document && typeof document === "object") return document;
  } catch {
    // no JSON
  }
  throw new Refused("garbled");
}

// Seconds or a date; undefined where there is neither.
function retryAfter(xhr) {
  const value = xhr.getResponseHeader("retry-after");
  if (value === null) return undefined;
  const seconds = /^\s*\d+(\.\d+)?\s*$/.test(value)
    ? Number(value)
    : (Date.parse(value) - Date.now()) / SECOND;
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds);
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
