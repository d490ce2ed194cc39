// The photos and their line art, and the queue in which photos wait. Nothing here is about looks.

import { prepare, shrink, thumbnail } from "./photo.js";
import { draw, forget, limits, Refused } from "./service.js";
import { discard, keep, recall, restore, within } from "./shelf.js";
import { canPass } from "./words.js";

const ASLEEP = 400; // milliseconds without an answer after which the service is being woken
const RESTYLED = "restyled"; // why drawing ends where the photo is queued anew
const STORAGE_PATIENCE = 4000; // milliseconds
const BETWEEN = 1000; // milliseconds, more than a tab takes from one photo to its next

// One photo and its line art, as it is kept on the device: `id` is the time at which it was chosen;
// `photo` a Blob, `width` and `height` its sides and `thumb` a small one, where this browser can
// decode it; before that, `file`. `arts` holds { art, drawn } by style, "" for the model's own choice,
// and `style` is the one looked at. `begun` holds the addresses of all jobs it was sent to, and `job`
// that of the one it waits for; `trouble` is what kept it from being drawn, { status, request, until }.
class Item {
  constructor(record) {
    const { art, drawn, ...rest } = record; // as it was kept before there were styles
    Object.assign(this, { style: "", begun: [], arts: art ? { "": { art, drawn } } : {} }, rest);
  }

  get art() {
    return this.arts[this.style]?.art;
  }

  get drawn() {
    return this.arts[this.style]?.drawn;
  }

  get waits() {
    return !this.art && !this.trouble;
  }
}

export class Studio {
  items = []; // the newest first
  current = null; // what is looked at
  active = null; // what is being drawn: { item, controller, phase, n }
  turn = 0; // its number among the `turns` that were asked for
  turns = 0;
  keeps = true; // whether the device keeps what is here
  style = ""; // for photos that are chosen now
  #waiting = [];
  #preparing = Promise.resolve();
  #ready = new WeakMap(); // promises, of items that are being prepared
  #watching = false; // whether another tab's drawing is waited for
  #following = true; // whether what is looked at goes along with what is drawn
  #channel = globalThis.BroadcastChannel && new BroadcastChannel("artline"); // to other tabs

  // `on` has changed(), progressed(), finished(item), unkept(), stale(), and askForToken() which
  // answers whether there is one now.
  constructor(on) {
    this.on = on;
    this.#channel?.addEventListener("message", ({ data }) => this.#hear(data));
  }

  // What was kept, and on with what was waiting. Storage may answer late, or never.
  async open() {
    const opened = restore().then((records) => {
      for (const record of records) this.#adopt(record);
      this.current ??= this.items.find((item) => item.art) ?? this.items[0] ?? null;
      this.#following = this.current?.waits ?? true;
      this.resume();
      this.on.changed();
    });
    await within(STORAGE_PATIENCE, opened).catch(() => this.#unkept());
  }

  // Goes on with all that was interrupted: by a reload, a lock screen, or the network.
  resume() {
    for (const item of this.items) if (interrupted(item)) item.trouble = null;
    this.#queue(this.#idle.reverse());
  }

  add(files) {
    const added = [];
    for (const file of files) {
      const id = Math.max(Date.now() + Math.random(), (this.items[0]?.id ?? 0) + 0.01);
      added.push(new Item({ id, file, style: this.style }));
      this.items.unshift(added.at(-1));
      this.#keep(added.at(-1));
    }
    this.#following = true;
    this.current = this.active?.item ?? added[0];
    this.#queue(added);
    navigator.storage?.persist?.().catch(() => {});
  }

  look(item) {
    this.current = item;
    this.#following = item === this.active?.item;
    this.on.changed();
  }

  cancel(item) {
    if (item === this.active?.item) return this.active.controller.abort();
    this.#unqueue(item);
    this.#fail(item, new Refused("stopped"));
  }

  cancelAll() {
    for (const item of [...this.#waiting]) this.cancel(item);
    this.active?.controller.abort();
  }

  get waiting() {
    return this.#waiting.length + (this.active ? 1 : 0);
  }

  // Those that may be drawn if they are tried again.
  get stopped() {
    return this.items.filter(({ trouble }) => trouble && canPass(trouble.status));
  }

  tryAgain(...items) {
    this.#following = true;
    this.#queue([...items].reverse()); // the oldest first
  }

  // Draws the photo in another style, or shows it where it was drawn before.
  restyle(item, style) {
    this.style = style;
    if (!item || item.style === style) return this.on.changed();
    if (item === this.active?.item) this.active.controller.abort(RESTYLED);
    this.#unqueue(item);
    Object.assign(item, { style, trouble: null, job: null });
    this.#keep(item);
    this.#following = true;
    this.#queue(item.art ? [] : [item]);
  }

  // Line art in another form, by the service: { format, max_side, background }.
  async render(item, options, { signal, report }) {
    const { default_side } = await limits();
    const side = options.max_side ?? default_side;
    const photo = item.width ? await shrink(item.photo, side) : item.photo;
    const all = { ...options, ...(item.style && { style: item.style }) };
    const remember = (job) => {
      item.begun = union(item.begun, [job]);
      this.#keep(item);
    };
    return draw(photo, { options: all, signal, report, remember });
  }

  // Answers with a function that undoes it.
  remove(...items) {
    const places = items.map((item) => [this.items.indexOf(item), item]).sort(([a], [b]) => a - b);
    for (const item of items) {
      this.#forget(item);
      for (const job of item.begun) forget(job);
      Object.assign(item, { job: null, begun: [] });
      discard(item.id)
        .then(() => this.#tell(item.id))
        .catch(() => {}); // never kept
    }
    return () => {
      for (const [place, item] of places) {
        if (!item.art) item.trouble ??= { status: "stopped" };
        this.items.splice(place, 0, item);
        this.#keep(item);
      }
      this.look(items[0]);
    };
  }

  #forget(item) {
    if (this.active?.item === item) this.active.controller.abort();
    this.#unqueue(item);
    const place = this.items.indexOf(item);
    this.items.splice(place, 1);
    if (this.current === item)
      this.current = this.items[Math.min(place, this.items.length - 1)] ?? null;
    this.on.changed();
  }

  #queue(items) {
    if (!this.active) this.turn = this.turns = 0;
    for (const item of items) {
      item.trouble = null;
      if (!item.photo && !this.#ready.has(item)) this.#prepare(item);
    }
    this.turns += items.length;
    this.#waiting.push(...items);
    this.on.changed();
    if (!this.active) this.#work();
  }

  #unqueue(item) {
    const before = this.#waiting.length;
    this.#waiting = this.#waiting.filter((other) => other !== item);
    this.turns -= before - this.#waiting.length;
  }

  // One photo after the other, while others are drawn: all are soon seen, and kept small.
  #prepare(item) {
    const prepared = this.#preparing.then(async () => {
      const made = await prepare(item.file).catch(() => {
        throw new Refused("unreadable");
      });
      Object.assign(item, made);
      delete item.file;
      this.#keep(item);
      this.on.changed();
    });
    this.#preparing = prepared.catch(() => {});
    this.#ready.set(item, prepared);
  }

  // One at a time: the first has woken an environment of the service, and the next finds it awake.
  async #work() {
    while (this.#waiting.length > 0) {
      const item = this.#waiting.shift();
      const controller = new AbortController();
      this.active = { item, controller, phase: "preparing" };
      this.turn += 1;
      if (this.#following) this.current = item;
      this.on.changed();
      try {
        await orAbort(this.#take(item, controller.signal), controller.signal);
        this.on.finished(item);
      } catch (error) {
        await this.#recover(item, error).catch((fault) => this.#fail(item, fault));
      }
    }
    this.active = null;
    this.on.changed();
  }

  async #recover(item, error) {
    const again = () => {
      if (this.items.includes(item)) this.#waiting.unshift(item);
      this.turn -= 1;
    };
    const cause = await this.#sat(item, error);
    if (!cause) return again();
    if (cause === RESTYLED) {
      this.turn -= 1;
      this.turns -= 1;
      return;
    }
    if (cause.status === 401) {
      if (await this.on.askForToken()) return again();
      for (const other of this.#waiting.splice(0)) this.#fail(other, cause); // or each would ask
    }
    if (cause.status === "stale" && this.keeps) await this.on.stale(); // which loads the page anew
    this.#fail(item, cause);
  }

  // Waits while the network is lost or the screen is locked; returns the error if it had another cause.
  async #sat(item, error) {
    let cause = error;
    if (error.status === 0 && (document.hidden || !navigator.onLine)) {
      this.#report(item, navigator.onLine ? "preparing" : "offline");
      try {
        return await reachable(this.active.controller.signal);
      } catch (abort) {
        cause = abort;
      }
    }
    return cause.name === "AbortError" ? new Refused("stopped") : cause;
  }

  // Alone among the tabs, as they share what is kept, and another may have drawn it meanwhile.
  async #take(item, signal) {
    const { locks } = navigator; // none on plain http
    if (!locks) return this.#draw(item, signal);
    const alone = async () => {
      const record =
        this.keeps && (await within(STORAGE_PATIENCE, recall(item.id)).catch(() => null));
      if (record?.arts?.[item.style]) Object.assign(item, merged(item, record));
      else await this.#draw(item, signal);
    };
    const free = await locks.request("artline", { ifAvailable: true }, async (lock) => {
      if (lock) await orAbort(alone(), signal);
      return Boolean(lock);
    });
    if (free) return undefined;
    this.#report(item, "elsewhere");
    return locks.request("artline", { signal }, () => orAbort(alone(), signal));
  }

  async #draw(item, signal) {
    const report = (phase, n) => !signal.aborted && this.#report(item, phase, n);
    report("preparing");
    await this.#ready.get(item);
    const asleep = setTimeout(report, ASLEEP, "waking");
    const { default_side } = await limits();
    clearTimeout(asleep);
    report("preparing");
    const photo = item.width ? await shrink(item.photo, default_side) : item.photo;
    const { style } = item;
    const art = await draw(photo, {
      signal,
      report,
      job: item.job,
      options: style ? { style } : {},
      size: item.width && [item.width, item.height],
      remember: (job) => {
        item.begun = union(item.begun, [job]);
        if (!this.items.includes(item)) forget(job); // deleted in the meantime
        if (signal.aborted) return;
        item.job = job;
        this.#keep(item);
      },
    });
    if (signal.aborted) return;
    item.arts[style] = { art, drawn: Date.now() };
    item.job = null;
    item.thumb = await thumbnail(art);
    await within(STORAGE_PATIENCE, this.#keep(item)).catch(() => {});
  }

  #report(item, phase, n) {
    if (this.active?.item !== item) return;
    Object.assign(this.active, { phase, n });
    this.on.progressed();
  }

  #fail(item, error) {
    if (!this.items.includes(item)) return; // deleted in the meantime
    if (!(error instanceof Refused)) console.error(error);
    const { request, wait } = error;
    // What this browser could not decode is text to the service, or no image: it says 400 or 415.
    const status = error.status === 400 && !item.width ? 415 : (error.status ?? 500);
    item.job = null; // to ask anew for the same photo finds the same job, if it is still there
    item.trouble = { status, request, until: wait > 60 ? Date.now() + wait * 1000 : undefined };
    this.#keep(item);
    this.on.finished(item);
  }

  async #keep(item) {
    if (!this.items.includes(item)) return; // deleted in the meantime
    try {
      await within(5 * STORAGE_PATIENCE, keep({ ...item }));
      this.#tell(item.id);
    } catch {
      if (!item.file) this.#unkept();
    }
  }

  #unkept() {
    if (this.keeps) {
      this.keeps = false;
      this.on.unkept();
    }
  }

  #adopt(record) {
    const known = this.items.find(({ id }) => id === record.id);
    if (known) return this.#update(known, record);
    const place = this.items.findIndex(({ id }) => id < record.id);
    this.items.splice(place < 0 ? this.items.length : place, 0, new Item(record));
  }

  // Goes by what another page kept of an item that is here.
  #update(item, record) {
    const both = merged(item, record);
    const active = item === this.active?.item;
    if (active && record.trouble?.status === "stopped") {
      this.active.controller.abort(new Refused("stopped")); // there
    }
    // The network failed another page, perhaps one that is being left: this one still draws it.
    const ours = active || (this.#waiting.includes(item) && interrupted(record));
    if (record.photo && !ours) delete item.file;
    Object.assign(item, ours ? { arts: both.arts, begun: both.begun } : new Item(both));
    if (!item.waits) this.#unqueue(item);
  }

  get #idle() {
    const here = new Set([...this.#waiting, this.active?.item]);
    return this.items.filter((item) => item.waits && !here.has(item));
  }

  // Draws the photos of a tab that was closed before it drew them.
  async #watch() {
    const { locks } = navigator;
    if (!locks || this.#watching || this.#idle.length === 0) return;
    this.#watching = true;
    try {
      let drawing;
      do {
        await locks.request("artline", () => {});
        await new Promise((resolve) => setTimeout(resolve, BETWEEN));
        const { held, pending } = await locks.query();
        drawing = [...held, ...pending].some(({ name }) => name === "artline");
      } while (drawing);
    } finally {
      this.#watching = false;
    }
    if (!document.hidden) this.#queue(this.#idle.reverse()); // else it does so once it is seen
  }

  #tell(id) {
    this.#channel?.postMessage(id);
  }

  // Another tab has changed, added or deleted this one.
  async #hear(id) {
    const record = await recall(id).catch(() => null);
    if (record === null) return;
    const item = this.items.find((each) => each.id === id);
    if (record) {
      this.#adopt(record);
      this.#watch().catch(() => {}); // the page is being left
    } else if (item) this.#forget(item);
    this.current ??= this.items[0] ?? null;
    this.on.changed();
  }
}

function interrupted({ trouble }) {
  // Earlier pages kept "interrupted".
  return trouble?.status === 0 || trouble?.status === "interrupted";
}

// A record with the line art of both: two tabs may each have drawn a style of it.
function merged(item, record) {
  const begun = union(item.begun, record.begun ?? []);
  return { ...record, begun, arts: { ...item.arts, ...record.arts } };
}

function union(a, b) {
  return [...new Set([...a, ...b])];
}

// Resolves once the browser is online and the page is visible.
function reachable(signal) {
  return new Promise((resolve, reject) => {
    const settle = () => {
      if (document.hidden || !navigator.onLine) return;
      removeEventListener("online", settle);
      document.removeEventListener("visibilitychange", settle);
      resolve();
    };
    addEventListener("online", settle);
    document.addEventListener("visibilitychange", settle);
    signal.addEventListener("abort", () => reject(signal.reason));
  });
}

function orAbort(promise, signal) {
  const aborted = new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
  });
  return Promise.race([promise, aborted]);
}
