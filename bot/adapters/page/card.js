// One picture in the list: its progress, then its verdict, refusal or failure.

import { report } from "./send.js";
import { Where } from "./where.js";
import { say } from "./words.js";

const copy = (id) => document.getElementById(id).content.cloneNode(true);

const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};

/** One of the drawings at the top of the page; what it means always stands beside it in words. */
function shape(name) {
  const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#shape-${name}`);
  drawing.setAttribute("aria-hidden", "true");
  drawing.append(use);
  return drawing;
}

export class Card {
  /** `file` with its `name`; `retry(card)` is called when the person wants another try after a failure. */
  constructor(file, name, retry) {
    this.file = file;
    this.name = name;
    this.retry = retry;
    this.stop = new AbortController();
    this.url = URL.createObjectURL(file);
    this.element = copy("card").firstElementChild;
    this.details = this.find("details");
    for (const image of this.element.querySelectorAll("img")) image.src = this.url;
    this.find(".frame img").onerror = () => this.hidePreview();
    this.find(".title").textContent = name;
    this.find("figcaption").textContent = name;
  }

  find(selector) {
    return this.element.querySelector(selector);
  }

  close() {
    this.stop.abort();
    URL.revokeObjectURL(this.url);
    this.element.remove();
  }

  hidePreview() {
    this.find(".frame img").hidden = this.find(".thumb img").hidden = true;
    this.find(".unseen").hidden = false;
    this.find(".frame").classList.add("unseeable");
  }

  /** What is going on: waiting, sending (with percent), looking, later_busy or later_warming. */
  tell(step, values) {
    const bar = this.find("progress");
    bar.hidden = false;
    this.find(".sub").textContent = say(step, values);
    if (step === "sending") bar.value = values.percent;
    else bar.removeAttribute("value");
  }

  /** The end of it; answers the sentence for the live region. */
  show({ verdict, refusal, failure }) {
    this.find("progress").hidden = true;
    const place = this.find(".verdict");
    place.replaceChildren();
    this.find(".views")?.remove();
    if (verdict) return this.showVerdict(verdict, place);
    const [title, text] = refusal ? [say("refused_title"), refusal] : [say("failed_title"), failure];
    this.headline("refused", "refused", title, say("refused", { name: this.name, text }));
    if (failure) {
      const again = make("button", { type: "button", className: "button", textContent: say("try_again") });
      again.onclick = () => this.retry(this);
      place.append(again);
    }
    return say("refused", { name: this.name, text });
  }

  headline(label, shape, title, sub) {
    this.element.dataset.label = label;
    this.find("use").setAttribute("href", `#shape-${shape}`);
    this.find(".title").textContent = title;
    this.find(".sub").textContent = sub;
  }

  showVerdict(verdict, place) {
    const { words } = verdict;
    this.headline(verdict.label, verdict.label, words.title, `${words.confidence} · ${this.name}`);
    const { width, height } = verdict;
    this.find("figcaption").textContent = say("caption", { name: this.name, width, height });
    this.find(".frame").style.setProperty("--ratio", `${width} / ${height}`);
    place.append(copy("answer"));
    new Where(this.file, this.find("figure"), this.stop.signal);
    if (verdict.views.length) place.after(copy("views"));
    this.drawScale(verdict);
    this.find(".honest").textContent = words.honest;
    const remarks = [words.advice, words.arrival, ...words.notes, words.record].filter(Boolean);
    this.find(".remarks").append(...remarks.map((textContent) => make("li", { textContent })));
    this.showEvidence(verdict);
    this.showViews(verdict);
    this.find(".foot").textContent = words.footer;
    for (const button of this.element.querySelectorAll("[data-says]")) {
      button.onclick = () => this.sayWrong(verdict.sha256, button.dataset.says);
    }
    return say("finished", { name: this.name, title: words.title, confidence: words.confidence });
  }

  drawScale({ p_ai, bands, words, views }) {
    const scale = this.find(".scale");
    scale.setAttribute("aria-label", words.scale);
    const widths = { real: bands.real, unsure: bands.ai - bands.real, ai: 1 - bands.ai };
    for (const [zone, share] of Object.entries(widths)) scale.querySelector(`.zone.${zone}`).style.flex = `${share} 1 0`;
    scale.querySelector(".pin").textContent = words.pin;
    scale.style.setProperty("--at", `${100 * p_ai}%`);
    scale.querySelector(".zones").append(...views.map((view) => {
      const dot = make("i");
      dot.style.left = `${100 * view.p_ai}%`;
      return dot;
    }));
  }

  showEvidence({ evidence, words }) {
    if (!evidence.length) this.find(".evidence").remove();
    else this.find(".evidence ul").append(...evidence.map(({ strength, says }, at) => make(
      "li", { className: strength }, shape(strength),
      make("p", {}, make("span", { className: "strength", textContent: words.strengths[at] }), says),
    )));
  }

  showViews({ views, words, width, height }) {
    if (!views.length) return;
    const boxes = this.find(".boxes");
    const list = this.find(".views ul");
    const dots = [...this.element.querySelectorAll(".zones i")];
    let kept = -1; // the view that was chosen and stays shown when the pointer leaves
    const pick = (at) => {
      boxes.classList.toggle("picked", at >= 0);
      [...boxes.children].forEach((box, each) => box.classList.toggle("picked", each === at));
      dots.forEach((dot, each) => dot.classList.toggle("picked", each === at));
    };
    views.forEach(({ box: [left, top, right, bottom] }, at) => {
      const mark = make("i", { className: views[at].kind === "composition" ? "overview" : views[at].kind });
      mark.dataset.number = words.views[at].number;
      Object.assign(mark.style, {
        left: `${(100 * left) / width}%`, top: `${(100 * top) / height}%`,
        width: `${(100 * (right - left)) / width}%`, height: `${(100 * (bottom - top)) / height}%`,
      });
      boxes.append(mark);
      const button = make(
        "button", { type: "button", className: "view", ariaPressed: "false" },
        make("span", { textContent: words.views[at].name }), make("b", { textContent: words.views[at].percent }),
      );
      button.onclick = () => {
        kept = kept === at ? -1 : at;
        [...list.querySelectorAll("button")].forEach((one, each) => { one.ariaPressed = String(each === kept); });
        pick(kept);
      };
      button.onpointerenter = (event) => event.pointerType === "mouse" && pick(at);
      button.onpointerleave = () => pick(kept);
      list.append(make("li", {}, button));
    });
    this.find(".show input").onchange = (event) => boxes.classList.toggle("off", !event.target.checked);
  }

  async sayWrong(sha256, says) {
    const buttons = [...this.element.querySelectorAll("[data-says]")];
    buttons.forEach((button) => { button.disabled = true; });
    const { done, text } = await report(sha256, says);
    this.find(".wrong .fine").textContent = text;
    buttons.forEach((button) => { button.disabled = done; });
  }
}
