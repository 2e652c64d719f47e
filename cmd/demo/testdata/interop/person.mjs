// A person at a browser without script: cookies, redirects and the forms of the pages, nothing else.

const entities = { amp: "&", lt: "<", gt: ">", quot: '"' };

function decode(text) {
  return text.replace(/&(#x?)?(\w+);/g, (whole, number, name) => {
    if (!number) return entities[name] ?? whole;
    return String.fromCodePoint(parseInt(name, number === "#" ? 10 : 16));
  });
}

function attributes(tag) {
  const found = {};
  for (const [, name, value] of tag.matchAll(/([\w-]+)(?:="([^"]*)")?/g)) found[name] ??= decode(value ?? "");
  return found;
}

export class Person {
  #cookies = new Map(); // name and port, as the demo's cookies carry theirs

  // open follows redirects to a page of the provider, or to an address that begins with until, which is not asked for.
  async open(url, until, init = {}) {
    for (let hops = 0; hops < 20; hops++) {
      if (until && url.href.startsWith(until)) return { url };
      const headers = new Headers(init.headers);
      headers.set("cookie", [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; "));
      const response = await fetch(url, { ...init, headers, redirect: "manual" });
      for (const line of response.headers.getSetCookie()) {
        const [pair, ...rest] = line.split(";");
        const name = pair.slice(0, pair.indexOf("="));
        if (rest.some((a) => /^\s*max-age=(0|-\d+)$/i.test(a))) this.#cookies.delete(name);
        else this.#cookies.set(name, pair.slice(name.length + 1));
      }
      const body = await response.text();
      if (response.status < 300 || response.status > 399) return { url, status: response.status, body };
      url = new URL(response.headers.get("location"), url);
      init = {};
    }
    throw new Error(`too many redirects, the last to ${url.pathname}`);
  }

  // press sends the form in which the button is, with its hidden fields and what was typed.
  async press(page, button, typed, until) {
    for (const [whole, tag] of page.body?.matchAll(/<form\b([^>]*)>[\s\S]*?<\/form>/g) ?? []) {
      const at = whole.match(new RegExp(`<button\\b[^>]*\\bid="${button}"[^>]*>`));
      if (!at) continue;
      const fields = new URLSearchParams(typed);
      for (const [input] of whole.matchAll(/<input\b[^>]*>/g)) {
        const a = attributes(input.slice("<input".length));
        if (a.type === "hidden") fields.set(a.name, a.value ?? "");
      }
      const b = attributes(at[0].slice("<button".length));
      fields.set(b.name, b.value);
      const action = new URL(attributes(tag).action, page.url);
      return this.open(action, until, { method: "POST", body: fields, headers: { origin: page.url.origin } });
    }
    throw new Error(`${page.url.pathname} answered ${page.status} and has no button ${button}`);
  }

  has(page, id) {
    return page.body?.includes(`id="${id}"`) ?? false;
  }

  // signIn goes the whole way from the authorization request to the callback.
  async signIn(url, until, cedula, clave) {
    let page = await this.open(url, until);
    if (this.has(page, "ingresar")) page = await this.press(page, "ingresar", { cedula, clave }, until);
    for (const button of ["continuar", "autorizar"]) {
      if (this.has(page, button)) page = await this.press(page, button, {}, until);
    }
    if (page.body !== undefined) {
      throw new Error(`did not come back to the application: ${page.url.pathname} answered ${page.status}`);
    }
    return page.url;
  }
}
