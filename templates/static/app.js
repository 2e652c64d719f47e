// What script adds to pages that work without it.

// The summary of errors is the first thing to hear and see after a failed form.
document.querySelector("[data-focus]")?.focus();

// "Mostrar" beside each clave. The field goes back to dots before it is sent.
for (const input of document.querySelectorAll("input[data-show]")) {
  const word = document.createElement("span");
  const which = document.createElement("span");
  which.className = "sr";
  which.textContent = " " + document.querySelector(`label[for="${input.id}"]`).textContent;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button second";
  button.setAttribute("aria-controls", input.id);
  button.append(word, which);
  const set = (shown) => {
    input.type = shown ? "text" : "password";
    word.textContent = shown ? input.dataset.hide : input.dataset.show;
  };
  set(false);
  input.autocapitalize = "off";
  input.spellcheck = false;
  button.addEventListener("click", () => set(input.type === "password"));
  input.form.addEventListener("submit", () => set(false));
  const row = document.createElement("div");
  row.className = "joined";
  const focused = document.activeElement === input;
  input.replaceWith(row);
  row.append(input, button);
  if (focused) input.focus(); // moving it took the focus from who was already typing
}

// One press, one request: the same button again within ten seconds is ignored, and a page come back to begins anew.
for (const form of document.querySelectorAll("form[data-once]")) {
  let sent = 0;
  let by;
  let note;
  const reset = () => {
    sent = 0;
    note?.remove();
  };
  form.addEventListener("submit", (event) => {
    if (by === event.submitter && Date.now() - sent < 10000) {
      event.preventDefault();
      return;
    }
    sent = Date.now();
    by = event.submitter;
    if (form.dataset.wait && event.submitter?.name !== "cancelar") {
      if (!note) {
        note = document.createElement("p");
        note.setAttribute("role", "status");
      }
      form.append(note);
      note.textContent = form.dataset.wait;
    }
  });
  addEventListener("pageshow", (event) => event.persisted && reset());
}

// A question that is chosen stays to be read in full beside its answer: on a narrow screen its list cuts it.
for (const list of document.querySelectorAll("[data-echo]")) {
  list.addEventListener("change", () => {
    document.getElementById(list.dataset.echo).textContent = list.value && list.selectedOptions[0].text;
  });
}

// The time left, minute by minute. Two minutes before the end it is said aloud.
const left = document.querySelector("[data-left]");
if (left) {
  const end = Date.now() + left.dataset.left * 1000;
  const said = document.createElement("p");
  said.className = "sr";
  said.setAttribute("role", "status");
  left.parentElement.after(said);
  setInterval(() => {
    const minutes = Math.ceil((end - Date.now()) / 60000);
    const say = minutes > 2 ? "" : minutes > 0 ? left.dataset.soon : left.dataset.over;
    left.textContent = minutes > 1 ? left.dataset.many.replace("#", minutes) : minutes === 1 ? left.dataset.one : left.dataset.over;
    if (said.textContent !== say) said.textContent = say;
  }, 1000);
}

// Recovery codes, which are shown once, and the key of an authenticator app: copied or printed with one press.
const codes = document.querySelector("[data-copy]");
if (codes) {
  const said = document.createElement("p");
  said.setAttribute("role", "status");
  const row = document.createElement("div");
  row.className = "acts";
  const add = (text, press) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button second";
    button.textContent = text;
    button.addEventListener("click", press);
    row.append(button);
  };
  if (navigator.clipboard) {
    add(codes.dataset.copy, async () => {
      const all = [...codes.querySelectorAll("b")].map((b) => b.textContent).join("\n");
      try {
        await navigator.clipboard.writeText(all);
        said.textContent = codes.dataset.copied;
      } catch {
        getSelection().selectAllChildren(codes); // the browser asks or says no: her own keys copy it
      }
    });
  }
  if (codes.dataset.print) add(codes.dataset.print, () => print());
  codes.after(row, said);
}

// An authorization response on its way to the application.
document.querySelector("form[data-auto]")?.submit();

// "No soy un robot": most pages have none, so its program is loaded where there is one.
const reto = document.querySelector("[data-reto]");
if (reto) import(reto.dataset.module);

// A passkey instead of the clave, where the browser can use one.
const llave = document.querySelector("[data-llave]");
if (llave && globalThis.PublicKeyCredential && navigator.credentials) import(llave.dataset.module);

// A sign-in says whether this device can make a passkey: then one is offered after it.
const ingresar = document.querySelector("form[action='/ingresar']");
if (ingresar) {
  globalThis.PublicKeyCredential?.isUserVerifyingPlatformAuthenticatorAvailable?.().then((able) => {
    if (!able || ingresar.querySelector("[name=puede]")) return;
    const input = document.createElement("input");
    input.type = "hidden";
    input.name = "puede";
    input.value = "1";
    ingresar.append(input);
  }).catch(() => {});
}

// A new passkey, where the browser can make one.
const nueva = document.querySelector("[data-llave-nueva]");
if (nueva && globalThis.PublicKeyCredential && navigator.credentials) import(nueva.dataset.module);

// Which passkeys are left, for the browser to forget the others.
const llaves = document.querySelector("[data-llaves]");
if (llaves) globalThis.PublicKeyCredential?.signalAllAcceptedCredentials?.(JSON.parse(llaves.dataset.llaves)).catch(() => {});

// The end of the session, on pages that have something to lose.
const ends = document.querySelector("#cierre");
if (ends) import(ends.dataset.module);
