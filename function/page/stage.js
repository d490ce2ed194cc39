// The photo and its line art, one over the other. A press shows the photo, a tap enlarges, and on
// demand there is a seam between the two, moved by finger, mouse or keyboard.
//
// The range input carries the seam's place, the keyboard and what a screen reader hears. Pointers are
// read from the whole picture: some browsers let a finger drag a range by its thumb alone.

import { say } from "./words.js";

const REVEAL = 1100; // milliseconds
const PRESS = 220; // milliseconds, from which a tap is a press
const STILL = 8; // pixels that a finger moves without meaning to

export class Stage {
  seam = false;
  #frame;
  #press = null; // { x, y, timer, peeked }

  // `on` has enlarge() and seamed(on).
  constructor(picture, range, on) {
    Object.assign(this, { picture, range, on });
    range.addEventListener("input", () => this.set(range.valueAsNumber));
    picture.addEventListener("pointerdown", (event) => this.#down(event));
    picture.addEventListener("pointermove", (event) => this.#move(event));
    picture.addEventListener("pointerup", () => this.#up(true));
    picture.addEventListener("pointercancel", () => this.#up(false));
    picture.addEventListener("contextmenu", (event) => {
      if (this.#press) event.preventDefault(); // a long press is for the photo
    });
    picture.addEventListener("click", (event) => {
      if (event.detail === 0 && event.target !== range) on.enlarge(); // by the keyboard
    });
  }

  // `percent` of the picture, from the left, is photo.
  set(percent) {
    cancelAnimationFrame(this.#frame);
    this.#place(percent);
  }

  // With a seam in the middle, or without one and the whole line art.
  compare(seam) {
    this.seam = seam;
    this.picture.classList.toggle("seamed", seam);
    this.set(seam ? 50 : 0);
    this.on.seamed(seam);
  }

  // The line art comes out from under the photo, down to `rest` percent of it.
  reveal(rest) {
    cancelAnimationFrame(this.#frame);
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return this.#place(rest);
    this.picture.classList.add("revealing");
    const start = performance.now();
    const step = (now) => {
      const part = Math.min(1, Math.max(0, (now - start) / REVEAL));
      this.#place(rest + (100 - rest) * (1 - part) ** 3);
      if (part < 1) this.#frame = requestAnimationFrame(step);
      else this.picture.classList.remove("revealing");
    };
    return step(start);
  }

  #down(event) {
    if (event.button !== 0 || !event.isPrimary) return this.#up(false);
    this.picture.setPointerCapture(event.pointerId); // it may be let go anywhere
    if (this.seam) {
      event.preventDefault(); // no text selection, no image drag
      this.range.focus({ preventScroll: true, focusVisible: false });
      return this.#follow(event);
    }
    const timer = setTimeout(() => this.#peek(true), PRESS);
    this.#press = { x: event.clientX, y: event.clientY, timer, peeked: false };
  }

  #move(event) {
    if (this.seam) {
      if (this.picture.hasPointerCapture(event.pointerId)) this.#follow(event);
    } else if (this.#press && !this.#press.peeked) {
      const { x, y } = this.#press;
      if (Math.hypot(event.clientX - x, event.clientY - y) > STILL) this.#up(false);
    }
  }

  #up(meant) {
    const press = this.#press;
    if (!press) return;
    clearTimeout(press.timer);
    this.#press = null;
    if (press.peeked) this.#peek(false);
    else if (meant) this.on.enlarge();
  }

  #peek(photo) {
    if (this.#press) this.#press.peeked = photo;
    this.picture.classList.toggle("peeking", photo);
  }

  #follow(event) {
    const { left, width } = this.picture.getBoundingClientRect();
    this.set(Math.min(100, Math.max(0, ((event.clientX - left) / width) * 100)));
  }

  #place(percent) {
    this.range.value = percent;
    this.range.setAttribute("aria-valuetext", say("share_of_photo", { n: Math.round(percent) }));
    this.picture.style.setProperty("--at", `${percent}%`);
  }
}
