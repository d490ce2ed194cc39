// Every string that a person reads, in the languages that the page speaks.

const en = {
  tagline: "Photo in, line art out.",
  sample: "Drag the line: the photo on one side, its line art on the other.",
  stage: "Photo and line art",
  take: "Take a photo",
  choose: "Choose photos",
  drop: "Drop photos here",
  hint: "or drop photos here, or paste",
  compare: "Compare",
  seam: "Photo or line art",
  share_of_photo: "{n} % photo",
  press: "Press and hold the line art to see the photo.",
  enlarge: "Enlarge",
  close: "Close",
  save: "Save",
  share: "Share",
  more: "More",
  remove: "Delete",
  undo: "Undo",

  styles: "Style",
  style_ink: "Ink",
  style_line: "Outline",

  save_as: "Save as",
  as_png: "PNG",
  as_large: "Large, {n} pixels",
  as_svg: "SVG, for any size",
  as_clear: "PNG without background",
  rendering: "Getting it ready…",
  not_rendered: "That did not work. Try again.",
  copy: "Copy",
  print: "Print",
  all_of_it: "All line art",
  save_all: "Save all {n} (ZIP)",
  share_all: "Share all {n}",
  remove_all: "Delete all {n}",
  from_code: "Use it from code",
  code_about: "Send a photo to this address, and its line art comes back.",
  code_copy: "Copy the code",

  kept: "Your line art",
  none_kept: "Photos and line art are kept on this device. Photos go to the service to be drawn.",
  art_of: "Line art, {date}",
  waiting_of: "Photo waiting, {date}",
  drawing_of: "Photo being drawn, {date}",
  failed_of: "Photo not drawn, {date}",

  preparing: "Getting the photo ready…",
  elsewhere: "Another tab is drawing. This photo is next.",
  waking: "Starting the service…",
  sending: "Sending {n} %",
  sending_now: "Sending…",
  drawing: "Drawing…",
  slow: "Still drawing. The first photo after a pause takes longer.",
  receiving: "Receiving {n} %",
  receiving_now: "Receiving…",
  queued: "In the queue. You can leave: it continues when you return.",
  busy: "The service is busy. Trying again in {n} s…",
  retrying: "That did not work. Trying again in {n} s…",
  offline_wait: "You are offline. It continues when the network is back.",
  turn: "{n} of {m}",
  turn_title: "{n}/{m} · ArtLine",
  next_in_line: "Waiting for its turn.",
  cancel: "Cancel",
  cancel_all: "Cancel all {n}",
  drawn: "The line art is ready.",
  drawn_of: "{n} of {m} ready.",

  again: "Try again",
  again_all: "Try all {n} again",
  another: "Choose another",
  saved: "Saved as {name}",
  copied: "Copied.",
  copy_failed: "The browser did not allow copying. Save it instead.",
  removed: "Deleted.",

  offline: "You are offline. Your line art is here; drawing needs the network.",
  not_kept: "This browser cannot store your line art. Save it before you close the page.",
  no_photo_dropped: "No photo was found in what you added.",

  stopped: "Cancelled.",
  unreachable: "ArtLine cannot be reached. Check the connection and try again.",
  late: "It took too long. Try again in a minute.",
  garbled: "The answer was not line art. Your network may want you to sign in first.",
  stale: "ArtLine was updated. Reload this page, then try again.",
  unreadable: "This file cannot be read. It may have been moved, or is still in the cloud.",
  no_image: "This file is not a photo that ArtLine can read. Use a JPEG, PNG, WebP or HEIC.",
  damaged: "This photo is damaged or incomplete.",
  too_large: "This photo is too large.",
  refused: "The service did not accept this request.",
  unauthorized: "A token is needed to draw here.",
  forbidden: "The service does not allow this. Ask the person who runs it.",
  gone: "The service is not at this address any more. Ask the person who runs it.",
  crowded: "The service is busy. Try again in a minute.",
  until: "The service is busy until {date}. Try again after that.",
  broken: "Something went wrong in the service. Try again.",
  request: "Request {id}",

  token_title: "This ArtLine needs a token",
  token_about: "Ask the person who runs it. The token stays on this device.",
  token_wrong: "That token was not accepted.",
  token_odd: "That is not a token: it contains characters that a token cannot have. Copy it again.",
  token: "Token",
  token_use: "Use this token",
  token_forget: "Forget the token",
  token_forgotten: "The token is forgotten.",

  camera_title: "Camera",
  shutter: "Take the photo",
  camera_refused: "The camera cannot be used. Allow it in the browser, or choose a photo.",
};

const ko = {
  tagline: "사진을 선화로 바꿔 드려요.",
  sample: "가운데 선을 밀어 사진과 선화를 비교해 보세요.",
  stage: "사진과 선화",
  take: "사진 찍기",
  choose: "사진 선택",
  drop: "여기에 사진을 놓으세요",
  hint: "사진을 끌어다 놓거나 붙여 넣어도 돼요",
  compare: "비교",
  seam: "사진과 선화 비교",
  share_of_photo: "사진 {n}%",
  press: "선화를 누르고 있으면 사진이 보여요.",
  enlarge: "크게 보기",
  close: "닫기",
  save: "저장",
  share: "공유",
  more: "더 보기",
  remove: "삭제",
  undo: "실행 취소",

  styles: "스타일",
  style_ink: "잉크",
  style_line: "윤곽선",

  save_as: "다른 형식으로 저장",
  as_png: "PNG로 저장",
  as_large: "크게 저장, {n}픽셀",
  as_svg: "SVG로 저장",
  as_clear: "배경 없는 PNG로 저장",
  rendering: "준비하고 있어요…",
  not_rendered: "저장하지 못했어요. 다시 시도해 주세요.",
  copy: "복사",
  print: "인쇄",
  all_of_it: "모든 선화",
  save_all: "{n}장 모두 저장 (ZIP)",
  share_all: "{n}장 모두 공유",
  remove_all: "{n}장 모두 삭제",
  from_code: "코드에서 사용하기",
  code_about: "이 주소로 사진을 보내면 선화를 돌려줘요.",
  code_copy: "코드 복사",

  kept: "내 선화",
  none_kept: "사진과 선화는 이 기기에 보관돼요. 사진은 그리기 위해 서비스로 전송돼요.",
  art_of: "선화, {date}",
  waiting_of: "대기 중인 사진, {date}",
  drawing_of: "그리는 중인 사진, {date}",
  failed_of: "그리지 못한 사진, {date}",

  preparing: "사진을 준비하고 있어요…",
  elsewhere: "다른 탭에서 그리고 있어요. 이 사진이 다음 차례예요.",
  waking: "서비스를 시작하고 있어요…",
  sending: "보내는 중 {n}%",
  sending_now: "보내고 있어요…",
  drawing: "그리고 있어요…",
  slow: "아직 그리고 있어요. 첫 사진은 조금 더 걸려요.",
  receiving: "받는 중 {n}%",
  receiving_now: "받고 있어요…",
  queued: "대기열에 있어요. 나갔다 돌아와도 이어서 진행돼요.",
  busy: "지금 이용자가 많아요. {n}초 뒤에 다시 시도할게요…",
  retrying: "잘되지 않았어요. {n}초 뒤에 다시 시도할게요…",
  offline_wait: "오프라인이에요. 네트워크가 연결되면 이어서 진행돼요.",
  turn: "{m}장 중 {n}번째",
  turn_title: "{n}/{m}장 · ArtLine",
  next_in_line: "차례를 기다리고 있어요.",
  cancel: "취소",
  cancel_all: "{n}장 모두 취소",
  drawn: "선화가 완성됐어요.",
  drawn_of: "{m}장 중 {n}장이 완성됐어요.",

  again: "다시 시도",
  again_all: "{n}장 모두 다시 시도",
  another: "다른 사진 선택",
  saved: "{name} 파일로 저장했어요.",
  copied: "복사했어요.",
  copy_failed: "브라우저가 복사를 허용하지 않았어요. 대신 저장해 주세요.",
  removed: "삭제했어요.",

  offline: "오프라인이에요. 완성된 선화는 볼 수 있고, 새로 그리려면 네트워크가 필요해요.",
  not_kept: "이 브라우저에는 아무것도 보관되지 않아요. 페이지를 닫기 전에 선화를 저장해 주세요.",
  no_photo_dropped: "사진이 들어 있지 않아요.",

  stopped: "취소했어요.",
  unreachable: "ArtLine에 연결할 수 없어요. 네트워크를 확인하고 다시 시도해 주세요.",
  late: "시간이 너무 오래 걸렸어요. 잠시 뒤 다시 시도해 주세요.",
  garbled: "받은 파일이 선화가 아니에요. 네트워크에 먼저 로그인해야 할 수도 있어요.",
  stale: "ArtLine이 업데이트됐어요. 페이지를 새로 고친 뒤 다시 시도해 주세요.",
  unreadable: "파일을 읽을 수 없어요. 옮겨졌거나 아직 클라우드에 있는 파일일 수 있어요.",
  no_image: "읽을 수 있는 사진 파일이 아니에요. JPEG, PNG, WebP, HEIC 파일을 사용해 주세요.",
  damaged: "사진 파일이 손상됐거나 일부가 없어요.",
  too_large: "사진이 너무 커요.",
  refused: "서비스가 이 요청을 받아들이지 않았어요.",
  unauthorized: "그리려면 토큰이 필요해요.",
  forbidden: "서비스 이용이 허용되지 않았어요. 운영자에게 문의해 주세요.",
  gone: "이 주소에는 이제 서비스가 없어요. 운영자에게 문의해 주세요.",
  crowded: "지금 이용자가 많아요. 잠시 뒤 다시 시도해 주세요.",
  until: "{date}까지는 이용할 수 없어요. 그 뒤에 다시 시도해 주세요.",
  broken: "서비스에 문제가 생겼어요. 다시 시도해 주세요.",
  request: "요청 번호 {id}",

  token_title: "토큰이 필요해요",
  token_about: "운영자에게 받을 수 있어요. 토큰은 이 기기에만 보관돼요.",
  token_wrong: "올바른 토큰이 아니에요.",
  token_odd: "토큰에 쓸 수 없는 문자가 있어요. 다시 복사해 주세요.",
  token: "토큰",
  token_use: "이 토큰 사용",
  token_forget: "토큰 지우기",
  token_forgotten: "토큰을 지웠어요.",

  camera_title: "카메라",
  shutter: "사진 찍기",
  camera_refused: "카메라를 사용할 수 없어요. 브라우저에서 허용하거나 사진을 선택해 주세요.",
};

const languages = { en, ko };

export const language =
  navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase()).find((l) => l in languages) ??
  "en";

export function say(key, values = {}) {
  return languages[language][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

const calendar = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
export const date = (time) => calendar.format(time);

// A style by the name that the model gives it.
export function styleName(style) {
  const keys = { ink: "style_ink", line: "style_line" };
  return keys[style] ? say(keys[style]) : style;
}

// What kept a photo from being drawn, by status: the sentence to say.
const TROUBLES = {
  stopped: "stopped",
  late: "late",
  garbled: "garbled",
  lapsed: "garbled",
  stale: "stale",
  unreadable: "unreadable",
  0: "unreachable",
  400: "refused",
  401: "unauthorized",
  403: "forbidden",
  404: "gone",
  405: "gone",
  413: "too_large",
  415: "no_image",
  422: "damaged",
  429: "crowded",
  502: "crowded",
  503: "crowded",
  504: "late",
};

export function explain({ status, until }) {
  if (until) return say("until", { date: date(until) });
  return say(TROUBLES[status] ?? (status >= 500 ? "broken" : "refused"));
}

// Whether the same photo may be drawn another time; otherwise it takes another photo.
export const canPass = (status) => !["unreadable", 413, 415, 422].includes(status);

// Fills in what the document leaves open: data-word is text, data-label a label for those who listen.
export function translate(root) {
  document.documentElement.lang = language;
  for (const element of root.querySelectorAll("[data-word]")) {
    element.textContent = say(element.dataset.word);
  }
  for (const element of root.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", say(element.dataset.label));
  }
}
