// Every string that a person reads, in the languages that the page speaks.

const en = {
  tagline: "A photo in, a drawing out.",
  sample: "Slide the line across: photo on one side, drawing on the other.",
  stage: "Picture",
  take: "Take a photo",
  choose: "Choose photos",
  drop: "Drop photos here",
  hint: "or drop them here, or paste",
  compare: "Photo or drawing",
  share_of_photo: "{n} % photo",
  save: "Save",
  share: "Share",
  copy: "Copy",
  remove: "Delete",
  kept: "Drawings",
  none_kept: "Your drawings stay here, on this device only.",
  drawing_of: "Drawing of {date}",
  not_drawn_of: "Photo of {date}, not drawn yet",

  preparing: "Getting the photo ready…",
  waking: "Waking up…",
  sending: "Sending {n} %",
  drawing: "Drawing…",
  slow: "Still drawing. The first picture after a pause takes longer.",
  queued: "Drawing in the queue. You can leave: it goes on when you are back.",
  busy: "Many are drawing right now. Trying again in {n} s…",
  turn: "Photo {n} of {m}",
  next_in_line: "Waiting for its turn.",
  cancel: "Cancel",
  drawn: "Drawn.",

  again: "Try again",
  saved: "Saved as {name}",
  copied: "Copied.",
  copy_failed: "The browser did not allow copying. Save it instead.",
  removed: "Deleted.",
  undo: "Undo",

  offline: "You are offline. What you have drawn is here; drawing needs the network.",
  not_kept: "This browser keeps nothing here: save what you want to keep.",
  no_photo_dropped: "There was no photo in that.",

  stopped: "Stopped.",
  interrupted: "Not finished the last time.",
  unreachable: "ArtLine cannot be reached. Check the connection and try again.",
  unreachable_offline: "You are offline. Try again when the network is back.",
  late: "It took too long. Try again in a minute.",
  unreadable: "This is no picture that can be read here. Choose a JPEG, PNG or WebP.",
  too_large: "This picture is too large. Choose a smaller one.",
  unauthorized: "A token is needed to draw here.",
  crowded: "Too many are drawing right now. Try again in a minute.",
  gone: "The upload has lapsed. Try again.",
  broken: "Something went wrong on our side. Try again.",
  refused: "That did not work. Try again.",

  token_title: "This ArtLine asks for a token",
  token_about: "Whoever runs it can give you one. It is kept on this device.",
  token_wrong: "That token was not accepted.",
  token: "Token",
  token_use: "Use this token",
  token_forget: "Forget the token",
  token_forgotten: "The token is forgotten.",
  close: "Close",

  camera_title: "Camera",
  shutter: "Take the photo",
  camera_refused: "The camera cannot be used here. Allow it in the browser, or choose a photo.",

};

const ko = {
  tagline: "사진 한 장이 선 그림이 됩니다.",
  sample: "선을 좌우로 밀어 사진과 그림을 견주어 보세요.",
  stage: "그림",
  take: "사진 찍기",
  choose: "사진 고르기",
  drop: "여기에 사진을 놓으세요",
  hint: "끌어다 놓거나 붙여넣어도 됩니다",
  compare: "사진과 그림 비교",
  share_of_photo: "사진 {n}%",
  save: "저장",
  share: "공유",
  copy: "복사",
  remove: "삭제",
  kept: "그린 그림",
  none_kept: "그린 그림은 이 기기에만 보관됩니다.",
  drawing_of: "{date}에 그린 그림",
  not_drawn_of: "{date}에 고른 사진, 아직 그리지 않음",

  preparing: "사진을 준비하고 있어요…",
  waking: "깨우는 중…",
  sending: "보내는 중 {n}%",
  drawing: "그리는 중…",
  slow: "아직 그리고 있어요. 쉬었다 그리는 첫 장은 조금 더 걸립니다.",
  queued: "차례를 기다려 그리고 있어요. 나갔다 와도 이어집니다.",
  busy: "지금 그리는 사람이 많아요. {n}초 뒤에 다시 해 볼게요…",
  turn: "사진 {m}장 중 {n}번째",
  next_in_line: "차례를 기다리고 있어요.",
  cancel: "취소",
  drawn: "다 그렸어요.",

  again: "다시 시도",
  saved: "{name} 파일로 저장했어요",
  copied: "복사했어요.",
  copy_failed: "브라우저가 복사를 허용하지 않았어요. 대신 저장해 주세요.",
  removed: "삭제했어요.",
  undo: "되돌리기",

  offline: "오프라인이에요. 그린 그림은 볼 수 있고, 새로 그리려면 네트워크가 필요합니다.",
  not_kept: "이 브라우저에는 보관되지 않아요. 필요한 그림은 저장해 주세요.",
  no_photo_dropped: "사진이 들어 있지 않아요.",

  stopped: "멈췄어요.",
  interrupted: "지난번에 끝내지 못했어요.",
  unreachable: "ArtLine에 연결할 수 없어요. 연결을 확인하고 다시 시도해 주세요.",
  unreachable_offline: "오프라인이에요. 네트워크가 돌아오면 다시 시도해 주세요.",
  late: "너무 오래 걸렸어요. 잠시 뒤 다시 시도해 주세요.",
  unreadable: "읽을 수 없는 파일이에요. JPEG, PNG, WebP 사진을 골라 주세요.",
  too_large: "사진이 너무 커요. 더 작은 사진을 골라 주세요.",
  unauthorized: "그리려면 토큰이 필요해요.",
  crowded: "지금 그리는 사람이 너무 많아요. 잠시 뒤 다시 시도해 주세요.",
  gone: "올린 사진의 기한이 지났어요. 다시 시도해 주세요.",
  broken: "저희 쪽에 문제가 생겼어요. 다시 시도해 주세요.",
  refused: "잘되지 않았어요. 다시 시도해 주세요.",

  token_title: "토큰이 필요합니다",
  token_about: "운영하는 분에게 받을 수 있어요. 토큰은 이 기기에만 보관됩니다.",
  token_wrong: "맞지 않는 토큰이에요.",
  token: "토큰",
  token_use: "이 토큰 쓰기",
  token_forget: "토큰 지우기",
  token_forgotten: "토큰을 지웠어요.",
  close: "닫기",

  camera_title: "카메라",
  shutter: "사진 찍기",
  camera_refused: "카메라를 쓸 수 없어요. 브라우저에서 허용하거나 사진을 골라 주세요.",

};

const languages = { en, ko };

export const language =
  navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase()).find((l) => l in languages) ?? "en";

export function say(key, values = {}) {
  return languages[language][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

export function date(time) {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(time);
}

// What went wrong, as the one sentence that a person needs.
export function explain(status) {
  const keys = {
    stopped: "stopped",
    interrupted: "interrupted",
    late: "late",
    0: navigator.onLine ? "unreachable" : "unreachable_offline",
    400: "unreadable",
    401: "unauthorized",
    403: "unauthorized",
    404: "gone",
    413: "too_large",
    415: "unreadable",
    422: "unreadable",
    429: "crowded",
    502: "crowded",
    503: "crowded",
    504: "late",
  };
  return say(keys[status] ?? (status >= 500 ? "broken" : "refused"));
}

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
