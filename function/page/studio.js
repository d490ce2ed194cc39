// The pictures, and the line in which they wait to be drawn. Nothing here is about how it looks.

import { shrink } from "./photo.js";
import { PASSING, draw, limits } from "./service.js";
import { discard, keep, restore } from "./shelf.js";

const ASLEEP = 400; // milliseconds without an answer after which the service is being woken
const AGAIN = new Set([...PASSING, "stopped", "interrupted", 0]);

// A picture is { id, photo, art, drawn, job, trouble }: `id` is the time at which it was
// chosen, `drawn` that at which it was drawn, `photo` and `art` are Blobs, `job` is an address, and
// `trouble` what kept it from being drawn, { status, detail }. A photo not yet shrunk is a `file`.
// All of it but the file is kept on the device.
export class Studio {
  pictures = []; // the newest first
  current = null; // what is looked at
  active = null; // what is being drawn: { picture, controller, phase, n }
  turn = 0; // its number among the `turns` that were asked for
  turns = 0;
  #waiting = [];
  #following = true; // whether what is looked at goes along with what is drawn

  // `on` has changed(), finished(picture, status), unkept(), and askForToken() which answers
  // whether there is one now.
  constructor(on) {
    this.on = on;
  }

  // What was kept; goes on with what was queued at the service.
  async open() {
    for (const picture of await restore().catch(() => [])) {
      if (!picture.art && !picture.job) picture.trouble ??= { status: "interrupted" };
      this.pictures.unshift(picture);
    }
    this.current = this.pictures.find((picture) => picture.art) ?? this.pictures[0] ?? null;
    this.#following = false;
    this.#queue(this.pictures.filter((picture) => picture.job).reverse());
  }

  add(files) {
    const added = [];
    for (const file of files) {
      const id = Math.max(Date.now(), (this.pictures[0]?.id ?? 0) + 1);
      added.push({ id, file });
      this.pictures.unshift(added.at(-1));
    }
    this.#following = true;
    this.current = this.active?.picture ?? added[0];
    this.#queue(added);
  }

  look(picture) {
    this.current = picture;
    this.#following = picture === this.active?.picture;
    this.on.changed();
  }

  // Stops all that waits, too: whoever has chosen two hundred photos by mistake is in a hurry.
  cancel() {
    for (const picture of this.#waiting.splice(0)) this.#fail(picture, "stopped");
    this.active.controller.abort();
  }

  // Tries the picture again, and with it all that the same sort of mishap has left undrawn.
  tryAgain(picture) {
    const passing = ({ trouble }) => trouble && AGAIN.has(trouble.status);
    const others = this.pictures.filter((other) => other !== picture && passing(other));
    this.#following = true;
    this.#queue(passing(picture) ? [picture, ...others.reverse()] : [picture]);
  }

  // Answers with a function that undoes it.
  remove(picture) {
    if (this.active?.picture === picture) this.active.controller.abort();
    this.#waiting = this.#waiting.filter((other) => other !== picture);
    const place = this.pictures.indexOf(picture);
    this.pictures.splice(place, 1);
    discard(picture.id).catch(() => {}); // what could not be kept cannot be discarded
    this.look(this.pictures[Math.min(place, this.pictures.length - 1)] ?? null);
    return () => {
      if (!picture.art) picture.trouble ??= { status: "stopped" };
      this.pictures.splice(place, 0, picture);
      this.#keep(picture);
      this.look(picture);
    };
  }

  #queue(pictures) {
    if (!this.active) this.turn = this.turns = 0;
    for (const picture of pictures) picture.trouble = null;
    this.turns += pictures.length;
    this.#waiting.push(...pictures);
    this.on.changed();
    if (!this.active) this.#work();
  }

  // One at a time: the first has woken a copy of the service, and the next one finds it awake.
  async #work() {
    while (this.#waiting.length > 0) {
      const picture = this.#waiting.shift();
      const controller = new AbortController();
      this.active = { picture, controller, phase: "preparing" };
      this.turn += 1;
      if (this.#following) this.current = picture;
      this.on.changed();
      try {
        await orAbort(this.#draw(picture, controller.signal), controller.signal);
        this.on.finished(picture);
      } catch (error) {
        if (error.status === 401 && (await this.on.askForToken())) {
          this.#waiting.unshift(picture);
          this.turn -= 1;
        } else {
          this.#fail(picture, error.name === "AbortError" ? "stopped" : error.status, error);
        }
      }
    }
    this.active = null;
    this.on.changed();
  }

  async #draw(picture, signal) {
    const report = (phase, n) => {
      if (signal.aborted || this.active?.picture !== picture) return;
      Object.assign(this.active, { phase, n });
      this.on.changed();
    };
    if (!picture.photo) {
      const asleep = setTimeout(report, ASLEEP, "waking");
      const { default_side } = await limits();
      clearTimeout(asleep);
      report("preparing");
      picture.photo = await shrink(picture.file, default_side);
      delete picture.file;
      this.#keep(picture);
    }
    const remember = (job) => {
      picture.job = job;
      this.#keep(picture);
    };
    const art = await draw(picture.photo, { signal, report, remember, job: picture.job });
    Object.assign(picture, { art, drawn: Date.now(), job: null });
    await this.#keep(picture);
  }

  #fail(picture, status, error) {
    if (status === undefined) console.error(error);
    picture.job = null; // to ask anew for the same photo finds the same job, if it is still there
    picture.trouble = { status: status ?? 500, detail: error?.detail };
    this.#keep(picture);
    this.on.finished(picture, picture.trouble.status);
  }

  async #keep(picture) {
    if (!this.pictures.includes(picture)) return; // deleted in the meantime
    const { file: _, ...record } = picture;
    if (!record.photo) return;
    await keep(record).catch(() => this.on.unkept());
  }
}

function orAbort(promise, signal) {
  const aborted = new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
  });
  return Promise.race([promise, aborted]);
}
