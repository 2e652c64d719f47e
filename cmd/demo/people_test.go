package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"iess.gob.ec/clave/cmd/demo/rp/rptest"
	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
)

func TestEverybodyOfTheTable(t *testing.T) {
	d, _ := begin(t, options{})
	for _, p := range people() {
		page := signIn(t, d, rptest.New(t), 3, string(p.identifier), p.clave+strings.Repeat("x", btoi(p.clave == "")))
		switch {
		case p.clave == "" || p.locked || p.disabled != "":
			if !page.Has("ingresar") {
				t.Errorf("%s: at %s, want a refusal", p.given, page.URL)
			}
		case p.claveAge > 365*day:
			if page.URL.Path != "/renovar" {
				t.Errorf("%s: at %s, want the renewal", p.given, page.URL)
			}
		default:
			wantInside(t, d, page, 3, p.given+" "+p.family)
		}
		a, err := d.server.DB().AfiliadoByIdentifier(t.Context(), p.identifier)
		if err != nil {
			t.Fatal(err)
		}
		months, err := d.server.DB().Historia(t.Context(), a.ID)
		if err != nil {
			t.Fatal(err)
		}
		want := 0
		for _, e := range p.jobs {
			want += e.months
		}
		if len(months) != want {
			t.Errorf("%s has %d months of work history, want %d", p.given, len(months), want)
		}
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestGeneratedPeople(t *testing.T) {
	dir := t.TempDir()
	d, stop := begin(t, options{data: dir, people: 30})
	data, err := os.ReadFile(filepath.Join(dir, "people.csv"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	if len(lines) != 31 || lines[0] != "cedula,clave" {
		t.Fatalf("people.csv has %d lines and begins with %q", len(lines), lines[0])
	}
	cedula, clave, _ := strings.Cut(lines[30], ",")
	wantInside(t, d, signIn(t, d, rptest.New(t), 3, cedula, clave), 3, "Afiliado de prueba Número 30")
	stop()
	for _, name := range []string{"people.csv", "secrets.json"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v, want 0600", name, info.Mode(), err)
		}
	}
	d, _ = begin(t, options{data: dir, people: 40}) // more of them, the old ones as they were
	wantInside(t, d, signIn(t, d, rptest.New(t), 3, string(generated(39)), commonClave), 3, "Número 40")
}

func TestGeneratedCedulas(t *testing.T) {
	seen := map[storage.Identifier]bool{}
	for _, p := range people() {
		seen[p.identifier] = true
	}
	for _, n := range []int{0, 1, 23, 24, 25, 1000, 99_999, 1_000_000, maxPeople - 1} {
		id, kind, err := login.ParseIdentifier(string(generated(n)))
		if err != nil || kind != storage.IdentifierCedula || id != generated(n) || seen[id] {
			t.Errorf("generated(%d) = %s: %v, %v", n, string(generated(n)), kind, err)
		}
		seen[id] = true
	}
}
