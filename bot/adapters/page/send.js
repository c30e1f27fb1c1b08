// Requests to this Candid: uploads with progress, waiting when asked to, the token.

import { say } from "./words.js";

const AT_ONCE = 3;
const KEPT = "candid-token";

let running = 0;
const turns = [];
let asking = null;

/** One picture's verdict: {verdict}, {refusal: text} or {failure: text}. `tell(step, values)` hears what is going on. */
export async function check(file, tell, signal) {
  tell("waiting");
  if (running >= AT_ONCE) await new Promise((go) => turns.push(go));
  else running += 1;
  try {
    return await untilAnswered(file, tell, signal);
  } finally {
    if (turns.length) turns.shift()();
    else running -= 1;
  }
}

async function untilAnswered(file, tell, signal) {
  while (!signal.aborted) {
    tell("sending", { percent: 0 });
    const answer = await request("POST", "api/check", file, tell, signal);
    if (answer.status === 200) return { verdict: answer.body };
    if (answer.body.refusal) return { refusal: answer.body.refusal };
    if (answer.status !== 429 && answer.status !== 503) return { failure: failure(answer) };
    for (let left = answer.seconds; left > 0 && !signal.aborted; left -= 1) {
      tell(answer.status === 429 ? "later_busy" : "later_warming", { text: answer.body.text, seconds: left });
      await new Promise((go) => setTimeout(go, 1000));
    }
  }
  return {};
}

/** The heat map of a picture: {map: a Blob}, or {text} that says why there is none. */
export async function explain(file, signal) {
  const answer = await request("POST", "api/explain?bare=1", file, null, signal);
  if (answer.status === 200 && answer.body instanceof Blob) return { map: answer.body };
  return { text: answer.body.refusal ?? failure(answer) };
}

/** Tell Candid that a verdict is wrong: the sentence that answers it. */
export async function report(sha256, says) {
  const answer = await request("POST", "api/report", JSON.stringify({ sha256, says }));
  return { done: answer.status === 200, text: answer.body.refusal ?? failure(answer) };
}

/** What /api/about says: {status, body}. */
export const ask = (path) => request("GET", path);

const failure = (answer) => (answer.status ? answer.body.text : say("unreachable"));

async function request(method, path, body, tell, signal) {
  for (;;) {
    const token = sessionStorage.getItem(KEPT);
    const answer = await once(method, path, body, tell, signal, token);
    if (answer.status !== 401) return answer;
    const renewed = sessionStorage.getItem(KEPT) !== token; // by another request, while this one was on its way
    if (!renewed && !(await newToken())) return answer;
  }
}

function once(method, path, body, tell, signal, token) {
  return new Promise((resolve) => {
    const xhr = new XMLHttpRequest();
    const end = async () => {
      let answer = xhr.response;
      try {
        if (!answer?.type.startsWith("image/")) answer = JSON.parse((await answer?.text()) || "{}");
      } catch {
        answer = { text: say("unreachable") }; // a proxy's error page, say
      }
      resolve({ status: xhr.status, body: answer, seconds: Number(xhr.getResponseHeader("Retry-After")) || 2 });
    };
    xhr.responseType = "blob";
    xhr.onload = xhr.onerror = xhr.onabort = end;
    if (tell) {
      xhr.upload.onprogress = (event) => {
        if (event.loaded < event.total) tell("sending", { percent: Math.round((100 * event.loaded) / event.total) });
      };
      xhr.upload.onload = () => tell("looking");
    }
    signal?.addEventListener("abort", () => xhr.abort());
    xhr.open(method, path);
    if (token) xhr.setRequestHeader("Authorization", `Bearer ${token}`);
    if (body instanceof Blob) xhr.setRequestHeader("Content-Type", body.type || "application/octet-stream");
    xhr.send(body);
  });
}

/** Ask the person for the token, once for all requests that wait for it. False when they would rather not. */
function newToken() {
  asking ??= new Promise((resolve) => {
    const dialog = document.getElementById("token");
    const input = document.getElementById("token-input");
    input.value = "";
    dialog.returnValue = "cancel";
    dialog.addEventListener("close", () => {
      asking = null;
      const given = dialog.returnValue === "ok" && input.value.trim();
      if (given) sessionStorage.setItem(KEPT, given);
      resolve(Boolean(given));
    }, { once: true });
    dialog.showModal();
  });
  return asking;
}
