// A passkey instead of the clave: by the button, and by autofill in the field of the identifier where the browser knows
// how. What the passkey answers goes with the form in a hidden field; until then nothing on the page changes.
const block = document.querySelector("[data-llave]");
const { llave: address, para, negada, waiting, cancelled, failed } = block.dataset;
const button = block.querySelector("button");
const status = block.querySelector("[role=status]");
const { form } = button;
const cedula = document.querySelector("[autocomplete~=webauthn]");
const fresh = 4 * 60 * 1000; // options serve for five minutes

let asked; // the options that wait to be used, and when they came
let filling; // autofill's request

const decode = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const encode = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

const old = () => !asked || Date.now() - asked.at > fresh;

async function options() {
  if (!old()) return asked.publicKey;
  const body = new URLSearchParams();
  if (para) body.set("para", para);
  if (negada && !asked) body.set("negada", negada);
  const answer = await fetch(address, { method: "POST", body });
  if (!answer.ok) throw new Error(answer.status);
  const { options: { publicKey }, unknown } = await answer.json();
  if (unknown) PublicKeyCredential.signalUnknownCredential?.({ rpId: publicKey.rpId, credentialId: negada }).catch(() => {});
  publicKey.challenge = decode(publicKey.challenge);
  for (const credential of publicKey.allowCredentials ?? []) credential.id = decode(credential.id);
  asked = { publicKey, at: Date.now() };
  return publicKey;
}

function send({ id, rawId, type, authenticatorAttachment, response }) {
  asked = undefined;
  const input = document.createElement("input");
  input.type = "hidden";
  input.name = "llave";
  input.value = JSON.stringify({
    id,
    rawId: encode(rawId),
    type,
    authenticatorAttachment: authenticatorAttachment ?? undefined,
    clientExtensionResults: {},
    response: {
      clientDataJSON: encode(response.clientDataJSON),
      authenticatorData: encode(response.authenticatorData),
      signature: encode(response.signature),
      userHandle: response.userHandle ? encode(response.userHandle) : undefined,
    },
  });
  form.append(input);
  status.textContent = waiting;
  form.submit();
}

// Who cancels is told that nothing happened; what else went wrong, that it did.
function tell(error) {
  status.textContent = error.name === "NotAllowedError" || error.name === "AbortError" ? cancelled : failed;
}

async function autofill() {
  if (!cedula || !(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
  filling?.abort();
  const mine = (filling = new AbortController());
  try {
    send(await navigator.credentials.get({ publicKey: await options(), mediation: "conditional", signal: mine.signal }));
  } catch (error) {
    if (mine !== filling) return;
    filling = undefined;
    if (error.name === "NotAllowedError" && (navigator.userActivation?.hasBeenActive ?? true)) tell(error); // else it is only not offered
  }
}

button.addEventListener("click", async () => {
  filling?.abort();
  filling = undefined;
  status.textContent = waiting;
  try {
    send(await navigator.credentials.get({ publicKey: await options() }));
  } catch (error) {
    tell(error);
    asked = undefined;
    autofill();
  }
});

cedula?.addEventListener("focus", () => (!filling || old()) && autofill());
addEventListener("pageshow", ({ persisted }) => persisted && form.querySelector("[name=llave]")?.remove());

block.hidden = false;
autofill();
