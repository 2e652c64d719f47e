// When the session ends: said two minutes before, with the way to stay. At the end the page stays as it is, so that nothing
// typed is lost; on a shared computer it goes, so that nobody else reads it.
const box = document.querySelector("#cierre");
const words = box.dataset;
const line = box.querySelector("p");
const value = line.querySelector("data");
const form = box.querySelector("form");
const said = document.createElement("p");
said.setAttribute("role", "status");
line.after(said);

let end = Date.now() + value.value * 1000;
let stage = 0; // 1: said that it is about to end, 2: that it has
let asking = false;
let more = Boolean(form);

const say = (text) => {
  if (said.textContent !== text) said.textContent = text;
};

const told = ({ left, clock, extend }) => {
  end = Date.now() + left * 1000;
  more = extend;
  if (form) form.hidden = !extend || left <= 0;
  if (left <= 0) return;
  const one = clock.startsWith("01:") ? "1" : "";
  value.textContent = words[(extend ? "idle" : "limit") + one].replace("#", clock);
};

// Without a method it only asks: another tab may have made the session last.
const ask = async (method = "GET") => {
  asking = true;
  try {
    const answer = await fetch(words.ask, { method, headers: { Accept: "application/json" }, cache: "no-store" });
    if (!answer.ok) throw new Error(answer.statusText);
    told(await answer.json());
    return true;
  } catch {
    return false;
  } finally {
    asking = false;
  }
};

const over = () => {
  stage = 2;
  box.classList.add("soon");
  if (words.closed) {
    location.replace(words.closed);
    return;
  }
  line.hidden = true;
  if (form) form.hidden = true;
  say(words.over);
};

const left = () => end - Date.now();

const look = async () => {
  if (asking || stage === 2 || left() > (stage === 0 ? 120000 : 0)) return;
  await ask();
  if (left() <= 0) over();
  else if (left() > 121000) {
    stage = 0;
    box.classList.remove("soon");
    say("");
  } else if (stage === 0) {
    stage = 1;
    box.classList.add("soon");
    say(more ? words.soon : words.last);
  }
};

form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (asking) return;
  const answered = await ask("POST");
  if (left() <= 0) over();
  else if (!answered) say(words.failed);
  else {
    stage = left() > 121000 ? 0 : 1;
    box.classList.toggle("soon", stage === 1);
    say(words.stayed);
  }
});

addEventListener("pageshow", async (event) => {
  if (!event.persisted) return;
  await ask();
  if (left() <= 0) over();
});

setInterval(look, 1000);
