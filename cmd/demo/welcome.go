package main

import (
	"io"
	"path/filepath"
	"strconv"
)

// welcome says where everything is and whom to try.
func (d *demo) welcome(w io.Writer) {
	say(w, "Clave IESS is running, on this machine only. Everybody in it is made up.")
	say(w, "")
	for _, a := range applications(d.issuer, d.port) {
		say(w, "  %-17s %s", a.rp.Name, a.rp.BaseURL)
	}
	say(w, "  %-17s %s", "provider", d.issuer)
	say(w, "  %-17s %s  every mail it sends; all about everybody at /personas", "mailbox", d.mailboxURL())
	say(w, "  %-17s http://localhost:%s  /healthz /readyz /metrics", "internal", strconv.Itoa(d.port+6))
	say(w, "\nOpen Historia Laboral first, then the others. People to sign in as:")
	say(w, "")
	for _, p := range people() {
		clave := p.clave
		if clave == "" {
			clave = "–"
		}
		say(w, "  %-11s %-23s %s %s, %s", string(p.identifier), clave, p.given, p.family, p.about)
	}
	say(w, "")
	if d.people > 0 {
		say(w, "  and %d generated afiliados, listed in %s\n", d.people, filepath.Join(d.data, "people.csv"))
	}
	say(w, "Every mail also lies in %s.", filepath.Join(d.data, "mail", "*.eml"))
	switch {
	case d.temporary && d.database != "":
		say(w, "The keys that open this database go when you stop with Ctrl-C, so it cannot be used again; -data DIR keeps them.")
	case d.temporary:
		say(w, "Data lies in %s and goes when you stop with Ctrl-C; -data DIR keeps it.", d.data)
	default:
		say(w, "Data and keys stay in %s. Stop with Ctrl-C.", d.data)
	}
}

// farewell is what the last line says.
func (d *demo) farewell() string {
	if d.temporary {
		return "Stopped. The temporary data is gone."
	}
	return "Stopped. Start again with -data " + d.data + " to go on where you were."
}
