// A new passkey. The options came with the page; what the device answers goes with the form in a hidden field. Without
// this program, or in a browser that makes none, the page says so and the button stays hidden.
const form = document.querySelector("[data-llave-nueva]");
const { llaveNueva, waiting, cancelled, excluded, failed } = form.dataset;
const status = form.querySelector("[role=status]");
const button = form.querySelector("[name=crear], [name=registrar]");

const decode = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const encode = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

function options() {
  const { publicKey } = JSON.parse(llaveNueva);
  publicKey.challenge = decode(publicKey.challenge);
  publicKey.user.id = decode(publicKey.user.id);
  for (const credential of publicKey.excludeCredentials ?? []) credential.id = decode(credential.id);
  return publicKey;
}

function bring(name, value) {
  const input = document.createElement("input");
  input.type = "hidden";
  input.name = name;
  input.value = value;
  input.className = "llave";
  form.append(input);
}

function send({ id, rawId, type, authenticatorAttachment, response }) {
  bring("credencial", JSON.stringify({
    id,
    rawId: encode(rawId),
    type,
    authenticatorAttachment: authenticatorAttachment ?? undefined,
    clientExtensionResults: {},
    response: {
      clientDataJSON: encode(response.clientDataJSON),
      attestationObject: encode(response.attestationObject),
      transports: response.getTransports?.() ?? [],
    },
  }));
  bring(button.name, button.value);
  form.submit();
}

// What went wrong, in words: she cancelled or let the time pass, the device has one already, it cannot.
function tell({ name }) {
  if (name === "NotAllowedError" || name === "AbortError") status.textContent = cancelled;
  else status.textContent = name === "InvalidStateError" ? excluded : failed;
}

form.addEventListener("submit", async (event) => {
  if (event.submitter !== button) return;
  event.preventDefault();
  button.disabled = true;
  status.textContent = waiting;
  try {
    send(await navigator.credentials.create({ publicKey: options() }));
  } catch (error) {
    tell(error);
    button.disabled = false;
    button.focus();
  }
});

// Coming back to the page, she begins anew.
addEventListener("pageshow", ({ persisted }) => {
  if (!persisted) return;
  for (const input of form.querySelectorAll(".llave")) input.remove();
  button.disabled = false;
  status.textContent = "";
});

document.querySelector("[data-sin-llave]")?.remove();
form.hidden = false;
if (button) button.hidden = false;
