// The page: pictures come in by four doors (chosen, dropped, pasted, camera) and become cards.

import { Card } from "./card.js";
import { ask, check } from "./send.js";
import { maxBytes, say } from "./words.js";

const MOST_AT_ONCE = 50;
const MOST_KEPT = 60;

const $ = (id) => document.getElementById(id);
const cards = []; // newest first, as on the page

function announce(text) {
  $("live").append(Object.assign(document.createElement("p"), { textContent: text }));
  while ($("live").children.length > 6) $("live").firstChild.remove();
}

/** Take files in and check each; the first one's card opens. */
function take(list) {
  const files = [...list].slice(0, MOST_AT_ONCE);
  if (list.length > files.length) announce(say("too_many", { most: MOST_AT_ONCE }));
  if (!files.length) return;
  for (const card of cards) card.details.open = false;
  const fresh = files.map((file) => new Card(file, file.name || say("pasted_name"), judge));
  cards.unshift(...fresh);
  $("cards").prepend(...fresh.map((card) => card.element));
  for (const old of cards.splice(MOST_KEPT)) old.close();
  fresh[0].details.open = true;
  if (fresh.length > 1) announce(say("added", { count: fresh.length }));
  showList();
  fresh.forEach(judge);
  const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
  fresh[0].element.scrollIntoView({ block: matchMedia("(min-width: 52rem)").matches ? "nearest" : "start", behavior });
}

async function judge(card) {
  const tooLarge = card.file.size > maxBytes && { refusal: say("too_large") };
  const answer = tooLarge || (await check(card.file, (step, values) => card.tell(step, values), card.stop.signal));
  if (card.stop.signal.aborted) return;
  announce(card.show(answer));
  if (answer.verdict) document.title = `${answer.verdict.words.title} · Candid`;
}

function showList() {
  $("history").hidden = !cards.length;
  document.body.classList.toggle("busy", cards.length > 0);
  placeAgain();
}

/* the doors */

for (const id of ["choose", "camera"]) {
  $(id).addEventListener("change", (event) => {
    const files = [...event.target.files];
    event.target.value = ""; // so that the same picture can be chosen again
    take(files);
  });
}

document.addEventListener("paste", (event) => {
  if (event.target.closest?.("dialog")) return;
  const files = [...event.clipboardData.files];
  if (files.length) take(files);
  else announce(say("nothing_pasted"));
});

if (navigator.clipboard?.read && window.isSecureContext) {
  $("paste").hidden = false;
  $("paste").onclick = async () => {
    try {
      const items = await navigator.clipboard.read();
      const pictures = items.flatMap((item) => item.types.filter((type) => type.startsWith("image/")).map((type) => item.getType(type)));
      if (pictures.length) return take(await Promise.all(pictures));
    } catch {
      // the person said no, or the clipboard holds something else: the sentence below is right for both
    }
    showState(say("nothing_pasted"));
  };
}

let depth = 0;
const hover = (by) => {
  depth = Math.max(0, depth + by);
  document.body.classList.toggle("over", depth > 0);
};
document.addEventListener("dragenter", (event) => { event.preventDefault(); hover(1); });
document.addEventListener("dragleave", () => hover(-1));
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  hover(-depth);
  if (event.dataTransfer.files.length) take(event.dataTransfer.files);
  else showState(say("nothing_dropped"));
});

/* another one, or a fresh start */

let finderSeen = true;
new IntersectionObserver(([entry]) => {
  finderSeen = entry.isIntersecting;
  placeAgain();
}).observe($("finder"));

function placeAgain() {
  $("again").hidden = finderSeen || !cards.length;
}

$("again").onclick = () => {
  $("choose").focus({ preventScroll: true });
  $("choose").click();
};

$("clear").onclick = () => {
  for (const card of cards.splice(0)) card.close();
  document.title = say("title");
  showList();
  $("choose").focus();
  announce(say("cleared"));
};

/* how it is: warming up, ready, and what the model is */

function showState(text) {
  $("state").hidden = !text;
  $("state").textContent = text;
  if (text) announce(text);
}

async function becomeReady() {
  for (;;) {
    const { status, body } = await ask("api/about");
    if (status === 200) {
      showState("");
      const words = body.words.map((textContent) => Object.assign(document.createElement("p"), { textContent }));
      return $("about-text").replaceChildren(...words);
    }
    const text = status === 503 ? body.text : say("unreachable");
    if ($("state").textContent !== text) showState(text);
    if (status === 401) return; // the person would rather not give the token yet
    await new Promise((go) => setTimeout(go, 2000));
  }
}

becomeReady();
