// One image, as large as the screen and larger: by tap, pinch, wheel or keyboard.

const LARGEST = 8;
const TAP = 2.5; // times as large
const STEP = 40; // pixels by an arrow key

export class Zoom {
  #pointers = new Map();
  #moved = 0;
  #scale = 1;
  #x = 0;
  #y = 0;

  constructor(dialog, image) {
    Object.assign(this, { dialog, image });
    const room = image.parentElement;
    room.addEventListener("pointerdown", (event) => {
      room.setPointerCapture(event.pointerId);
      this.#moved = this.#pointers.size ? Infinity : 0;
      this.#pointers.set(event.pointerId, event);
    });
    room.addEventListener("pointermove", (event) => this.#move(event));
    room.addEventListener("pointerup", (event) => {
      this.#pointers.delete(event.pointerId);
      if (this.#moved < 8)
        this.#to(this.#scale > 1 ? 1 : this.#tapped(), event.clientX, event.clientY);
    });
    room.addEventListener("pointercancel", (event) => this.#pointers.delete(event.pointerId));
    room.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.#to(this.#scale * Math.exp(-event.deltaY / 400), event.clientX, event.clientY);
    });
    dialog.addEventListener("keydown", (event) => this.#key(event));
  }

  open(source, alt) {
    Object.assign(this.image, { src: source, alt });
    this.#pointers.clear();
    this.dialog.showModal();
    this.#to(1);
  }

  // A panorama grows until it fills the screen's height.
  #tapped() {
    const { clientWidth, clientHeight, naturalWidth, naturalHeight } = this.image;
    const [w, h] = [naturalWidth / clientWidth, naturalHeight / clientHeight];
    return Math.min(LARGEST, Math.max(TAP, w / h, h / w));
  }

  #move(event) {
    const before = this.#pointers.get(event.pointerId);
    if (!before) return;
    const apart = () => {
      const [a, b] = this.#pointers.values();
      return Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
    };
    const two = this.#pointers.size === 2;
    const distance = two && apart();
    this.#pointers.set(event.pointerId, event);
    const [dx, dy] = [event.clientX - before.clientX, event.clientY - before.clientY];
    this.#moved += Math.hypot(dx, dy);
    const share = 1 / this.#pointers.size;
    this.#x += dx * share;
    this.#y += dy * share;
    if (!two) return this.#draw();
    const [a, b] = this.#pointers.values();
    const middle = [(a.clientX + b.clientX) / 2, (a.clientY + b.clientY) / 2];
    return this.#to((this.#scale * apart()) / Math.max(1, distance), ...middle);
  }

  #key({ key }) {
    const moves = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    if (key === "+" || key === "=") this.#to(this.#scale * 1.5);
    if (key === "-") this.#to(this.#scale / 1.5);
    if (!(key in moves)) return;
    this.#x += moves[key][0] * STEP;
    this.#y += moves[key][1] * STEP;
    this.#draw();
  }

  // To this scale, with the point (x, y) of the screen where it is.
  #to(scale, x = innerWidth / 2, y = innerHeight / 2) {
    const next = Math.min(LARGEST, Math.max(1, scale));
    const [fromX, fromY] = [x - innerWidth / 2, y - innerHeight / 2];
    this.#x = fromX - ((fromX - this.#x) * next) / this.#scale;
    this.#y = fromY - ((fromY - this.#y) * next) / this.#scale;
    this.#scale = next;
    this.#draw();
  }

  #draw() {
    const { clientWidth, clientHeight } = this.image;
    const within = (at, side) => {
      const most = (side * (this.#scale - 1)) / 2;
      return Math.min(most, Math.max(-most, at));
    };
    this.#x = within(this.#x, clientWidth);
    this.#y = within(this.#y, clientHeight);
    this.image.style.setProperty(
      "--zoom",
      `translate(${this.#x}px, ${this.#y}px) scale(${this.#scale})`,
    );
  }
}
