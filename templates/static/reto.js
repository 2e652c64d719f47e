// "No soy un robot" with script: ticking the box starts a proof of work, done by ALTCHA's widget in workers. Without it
// the box stands for a ticket that counts after some seconds; it comes back wherever the widget cannot work.
const field = document.querySelector("[data-reto]");
const { reto, widget: program, worker, sheet: href, label, verifying, verified, failed, expired } = field.dataset;
const status = field.querySelector("[role=status]");
const row = field.querySelector("label");
const box = row.querySelector("input");
const { form } = box;

async function start() {
  if (!isSecureContext || !globalThis.Worker || !globalThis.crypto?.subtle) return;
  const sheet = document.createElement("link");
  sheet.rel = "stylesheet";
  sheet.href = href;
  const styled = new Promise((done) => (sheet.onload = sheet.onerror = done));
  document.head.append(sheet);
  await Promise.all([styled, import(program)]);

  const lang = document.documentElement.lang.split("-")[0];
  $altcha.algorithms.set("SHA-256", () => new Worker(worker));
  $altcha.i18n.set(lang, { ...$altcha.i18n.get("en"), label, verifying: label, verified: label, error: failed, expired });
  $altcha.defaults.set({
    hideFooter: true,
    hideLogo: true,
    humanInteractionSignature: false, // it would watch the pointer
    minDuration: 0,
    workers: Math.min(4, navigator.hardwareConcurrency || 2),
  });

  const widget = document.createElement("altcha-widget");
  for (const [name, value] of Object.entries({ challenge: reto, language: lang, name: "altcha", type: "native" })) widget.setAttribute(name, value);
  let pressed; // the button pressed while the work goes on
  const hold = (event) => {
    if (widget.getState() !== "verifying") return;
    event.preventDefault();
    event.stopImmediatePropagation();
    pressed = event.submitter;
  };
  form.addEventListener("submit", hold, true);
  let input;
  widget.addEventListener("load", () => {
    input = widget.querySelector("input[type=checkbox]");
    widget.querySelector("label").htmlFor = input.id = box.id;
    for (const name of ["aria-describedby", "aria-invalid"]) if (box.hasAttribute(name)) input.setAttribute(name, box.getAttribute(name));
    if (focused && document.activeElement === document.body) input.focus(); // it was in the box that went
    if (box.checked) input.click();
  });
  widget.addEventListener("statechange", ({ detail: { state } }) => {
    status.textContent = { verifying, verified, expired }[state] ?? "";
    if (state === "error") {
      form.removeEventListener("submit", hold, true);
      widget.replaceWith(row);
      box.checked = true;
      status.textContent = failed;
      return;
    }
    input.checked = state === "verified";
    if (!input.checked) return;
    field.classList.remove("bad");
    field.querySelector(".fault")?.remove();
    input.removeAttribute("aria-invalid");
    input.setAttribute("aria-describedby", "reto-ayuda");
    if (pressed) form.requestSubmit(pressed);
    pressed = undefined;
  });
  const focused = document.activeElement === box;
  row.replaceWith(widget);
}

start().catch(() => {}); // the box is still there
