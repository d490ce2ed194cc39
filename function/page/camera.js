// A photo from the camera: a phone's own camera app, or on a desktop a window with the picture in it.

import { say } from "./words.js";

export const byApp = matchMedia("(pointer: coarse)").matches || !navigator.mediaDevices;

// Opens the window; answers with the photo as a Blob, or null where it was closed without one.
export async function photograph(dialog) {
  const video = dialog.querySelector("video");
  const shutter = dialog.querySelector("[data-do=shutter]");
  const trouble = dialog.querySelector("[role=alert]");
  trouble.textContent = "";
  shutter.disabled = true;
  dialog.returnValue = "";
  dialog.showModal();
  let over; // how the dialog was closed
  const closed = new Promise((resolve) => {
    const close = () => {
      over = dialog.returnValue;
      resolve(over);
    };
    dialog.addEventListener("close", close, { once: true });
  });
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({
      video: { width: { ideal: 1920 }, height: { ideal: 1080 } },
    });
    if (over === undefined) {
      video.srcObject = stream;
      await video.play();
      shutter.disabled = false;
      shutter.focus();
    }
  } catch {
    if (over === undefined) trouble.textContent = say("camera_refused");
  }
  const photo = (await closed) === "shutter" ? await still(video) : null;
  for (const track of stream?.getTracks() ?? []) track.stop();
  if (video.srcObject === stream) video.srcObject = null; // else it was opened again
  return photo;
}

function still(video) {
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d").drawImage(video, 0, 0);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.95));
}
