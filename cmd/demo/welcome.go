package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strconv"
)

// welcome says where everything is and whom to try.
func (d *demo) welcome(w io.Writer) {
	fmt.Fprintln(w, "Clave IESS is running, on this machine only. Everybody in it is made up.")
	fmt.Fprintln(w)
	for _, a := range applications(d.issuer, d.port) {
		fmt.Fprintf(w, "  %-17s %s\n", a.rp.Name, a.rp.BaseURL)
	}
	fmt.Fprintf(w, "  %-17s %s\n", "provider", d.issuer)
	fmt.Fprintf(w, "  %-17s http://localhost:%s  /healthz /readyz /metrics\n", "internal", strconv.Itoa(d.port+6))
	fmt.Fprintln(w, "\nOpen Historia Laboral first, then the others. People to sign in as:")
	fmt.Fprintln(w)
	for _, p := range people() {
		clave := p.clave
		if clave == "" {
			clave = "–"
		}
		fmt.Fprintf(w, "  %-11s %-23s %s %s, %s\n", string(p.identifier), clave, p.given, p.family, p.about)
	}
	fmt.Fprintln(w)
	if d.people > 0 {
		fmt.Fprintf(w, "  and %d generated afiliados, listed in %s\n\n", d.people, filepath.Join(d.data, "people.csv"))
	}
	switch {
	case d.temporary && d.database != "":
		fmt.Fprintln(w, "The keys that open this database go when you stop with Ctrl-C, so it cannot be used again; -data DIR keeps them.")
	case d.temporary:
		fmt.Fprintf(w, "Data lies in %s and goes when you stop with Ctrl-C; -data DIR keeps it.\n", d.data)
	default:
		fmt.Fprintf(w, "Data and keys stay in %s. Stop with Ctrl-C.\n", d.data)
	}
}

// farewell is what the last line says.
func (d *demo) farewell() string {
	if d.temporary {
		return "Stopped. The temporary data is gone."
	}
	return "Stopped. Start again with -data " + d.data + " to go on where you were."
}
