// The line between photo and drawing, moved by finger, mouse or keyboard.
//
// The range input carries the value, the keyboard and what a screen reader hears. Pointers are read
// from the whole picture: some browsers let a finger drag a range by its thumb alone.

import { say } from "./words.js";

const REVEAL = 1100; // milliseconds

export class Compare {
  #frame;

  constructor(sheet, range) {
    this.sheet = sheet;
    this.range = range;
    range.addEventListener("input", () => this.set(range.valueAsNumber));
    sheet.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      event.preventDefault(); // no text selection, no image drag
      sheet.setPointerCapture(event.pointerId);
      range.focus({ preventScroll: true, focusVisible: false });
      this.#follow(event);
    });
    sheet.addEventListener("pointermove", (event) => {
      if (sheet.hasPointerCapture(event.pointerId)) this.#follow(event);
    });
  }

  // `percent` of the picture, from the left, is photo.
  set(percent) {
    cancelAnimationFrame(this.#frame);
    this.#place(percent);
  }

  // The drawing comes out from under the photo.
  reveal() {
    cancelAnimationFrame(this.#frame);
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return this.#place(50);
    const start = performance.now();
    const step = (now) => {
      const part = Math.min(1, Math.max(0, (now - start) / REVEAL));
      this.#place(50 + 50 * (1 - part) ** 3);
      if (part < 1) this.#frame = requestAnimationFrame(step);
    };
    step(start);
  }

  #follow(event) {
    const { left, width } = this.sheet.getBoundingClientRect();
    this.set(Math.min(100, Math.max(0, ((event.clientX - left) / width) * 100)));
  }

  #place(percent) {
    this.range.value = percent;
    this.range.setAttribute("aria-valuetext", say("share_of_photo", { n: Math.round(percent) }));
    this.sheet.style.setProperty("--at", `${percent}%`);
  }
}
