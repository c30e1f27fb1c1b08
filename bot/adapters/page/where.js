// "Show where": the heat map over the picture, asked for once and then shown or not.

import { explain } from "./send.js";
import { say } from "./words.js";

export class Where {
  /** Puts its button below the picture in `figure`; `signal` ends it, and lets go of the map. */
  constructor(file, figure, signal) {
    Object.assign(this, { file, signal, frame: figure.querySelector(".frame") });
    const place = document.getElementById("where").content.cloneNode(true);
    this.button = place.querySelector("button");
    this.legend = place.querySelector(".colours");
    this.status = place.querySelector("[role=status]");
    this.button.onclick = () => this.toggle();
    figure.querySelector("figcaption").after(place);
  }

  async toggle() {
    if (this.button.ariaBusy === "true") return;
    if (!this.image && !(await this.fetch())) return;
    const shown = this.button.ariaPressed !== "true";
    this.button.ariaPressed = String(shown);
    this.image.hidden = !shown;
    this.frame.classList.toggle("heated", shown);
    this.legend.hidden = !shown;
    this.status.textContent = shown ? say("where_means") : "";
  }

  async fetch() {
    this.button.ariaBusy = "true";
    this.status.textContent = say("where_looking");
    const { map, text } = await explain(this.file, this.signal);
    this.button.ariaBusy = "false";
    if (this.signal.aborted) return false;
    this.status.textContent = text ?? "";
    if (!map) return false;
    const src = URL.createObjectURL(map);
    this.signal.addEventListener("abort", () => URL.revokeObjectURL(src));
    this.image = Object.assign(document.createElement("img"), { className: "heat", alt: say("where_alt"), src, hidden: true });
    this.frame.querySelector(".boxes").before(this.image);
    return true;
  }
}
