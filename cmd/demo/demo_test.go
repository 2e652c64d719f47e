package main

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/cmd/demo/rp/rptest"
	"iess.gob.ec/clave/storage/storagetest"
)

func TestThreeApplicationsOneLogin(t *testing.T) {
	each(t, func(t *testing.T, d *demo) {
		b := rptest.New(t)
		const maria = "María Fernanda Quishpe Andrade"
		wantInside(t, d, signIn(t, d, b, 1, "1759999913", commonClave), 1, maria)
		subs := map[string]bool{}
		for n := 1; n <= 3; n++ {
			if n > 1 {
				wantInside(t, d, enter(t, d, b, n), n, maria)
			}
			p := b.Get(d.app(n) + "/datos")
			sub := regexp.MustCompile(`"sub": "([^"]+)"`)
			for _, m := range sub.FindAllStringSubmatch(strings.ReplaceAll(p.Body, "&#34;", `"`), -1) {
				subs[m[1]] = true
			}
			for claim, apps := range map[string]string{"cedula": "123", "name": "123", "tipo_asegurado": "12", "email": "2", "phone_number": "2"} {
				got, want := strings.Contains(p.Body, "<code>"+claim+"</code></dt>"), strings.Contains(apps, strconv.Itoa(n))
				if got != want {
					t.Errorf("application %d has %s: %v, want %v", n, claim, got, want)
				}
			}
		}
		if len(subs) != 3 {
			t.Errorf("%d different subs at three applications, want 3", len(subs))
		}
		// Out at one: its session and the provider's end, and the others' with them.
		b.Get(d.app(1) + "/")
		p := b.Press("salir", nil)
		if !strings.HasPrefix(p.URL.String(), d.app(1)+"/adios") || !strings.Contains(p.Text(), "Las otras aplicaciones Clave IESS ya les avisó") {
			t.Errorf("after signing out: %s %s", p.URL, p.Text())
		}
		wantOutside(t, d, b, 2)
		wantOutside(t, d, b, 3)
		if p := enter(t, d, b, 1); !p.Has("ingresar") || p.URL.Port() != strconv.Itoa(d.port) {
			t.Errorf("after signing out nothing has to be typed: %s", p.URL)
		}
	})
}

func TestRenewalOnTheWay(t *testing.T) {
	each(t, func(t *testing.T, d *demo) {
		b := rptest.New(t)
		p := signIn(t, d, b, 1, "0959999913", "Guayas2019x")
		if p.URL.Path != "/renovar" {
			t.Fatalf("at %s (%d), want the renewal: %s", p.URL, p.Status, p.Text())
		}
		p = b.Press("aceptar", url.Values{"clave_nueva": {"Manglar82vivo"}, "clave_confirmacion": {"Manglar82vivo"}, "acuerdo": {"1"}})
		wantInside(t, d, accept(p, b), 1, "Carlos Alberto Mina Ortiz")
		other := rptest.New(t)
		wantInside(t, d, signIn(t, d, other, 3, "0959999913", "Manglar82vivo"), 3, "Carlos Alberto Mina Ortiz")
	})
}

// What differs between two refusals by chance: ids, tokens, and what was typed.
var chance = regexp.MustCompile(`value="[^"]*"|[A-Z2-7]{26}|id=[A-Za-z0-9_-]+`)

func TestRefusalsLookTheSame(t *testing.T) {
	each(t, func(t *testing.T, d *demo) {
		pages := map[string]string{}
		for name, typed := range map[string][2]string{
			"locked":            {"0159999911", commonClave},
			"disabled":          {"0759999915", commonClave},
			"unknown":           {string(generated(7)), commonClave},
			"never had a clave": {"1359999917", commonClave},
			"wrong clave":       {"1759999913", "Chimborazo63"},
		} {
			p := signIn(t, d, rptest.New(t), 1, typed[0], typed[1])
			if !strings.Contains(p.Text(), "La cédula o la clave no coinciden, o la clave está bloqueada") {
				t.Errorf("%s: %d %s", name, p.Status, p.Text())
			}
			pages[name] = fmt.Sprint(p.Status, chance.ReplaceAllString(p.Body, "…"))
		}
		for name, page := range pages {
			if page != pages["unknown"] {
				t.Errorf("%s and unknown get different pages:\n%s\n\n%s", name, page, pages["unknown"])
			}
		}
	})
}

func TestRestartKeepsEverything(t *testing.T) {
	for _, engine := range storagetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			o := options{port: basePort(t), data: t.TempDir(), database: empty(t, engine)}
			d, stop := begin(t, o)
			b := rptest.New(t)
			signIn(t, d, b, 1, "0959999913", "Guayas2019x")
			p := b.Press("aceptar", url.Values{"clave_nueva": {"Manglar82vivo"}, "clave_confirmacion": {"Manglar82vivo"}, "acuerdo": {"1"}})
			wantInside(t, d, accept(p, b), 1, "Carlos")
			before, err := d.server.DB().AfiliadoByIdentifier(t.Context(), "0959999913")
			if err != nil {
				t.Fatal(err)
			}
			stop()

			d, _ = begin(t, o)
			// The application has forgotten its sessions; the provider has not: nothing is typed.
			wantInside(t, d, enter(t, d, b, 1), 1, "Carlos")
			after, err := d.server.DB().AfiliadoByIdentifier(t.Context(), "0959999913")
			if err != nil {
				t.Fatal(err)
			}
			if after.ID != before.ID || after.CreatedAt != before.CreatedAt {
				t.Error("the people were made anew")
			}
			wantInside(t, d, signIn(t, d, rptest.New(t), 1, "0959999913", "Manglar82vivo"), 1, "Carlos")
		})
	}
}

func TestOtherKeysDoNotOpenTheDatabase(t *testing.T) {
	database := empty(t, "postgres")
	_, stop := begin(t, options{database: database})
	stop()
	_, err := prepare(t.Context(), options{
		port: basePort(t), data: t.TempDir(), database: database, now: time.Now, log: slog.New(slog.DiscardHandler),
		quick: true,
	})
	if err == nil || !strings.Contains(err.Error(), "-data") {
		t.Errorf("got %v, want an error that says what to do", err)
	}
}

func TestPorts(t *testing.T) {
	d, _ := begin(t, options{})
	for _, l := range d.listeners {
		if a, ok := l.Addr().(*net.TCPAddr); !ok || !a.IP.IsLoopback() {
			t.Errorf("listens on %s", l.Addr())
		}
	}
	b := rptest.New(t)
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		if p := b.Get(d.app(6) + path); p.Status != http.StatusOK {
			t.Errorf("%s: %d %s", path, p.Status, p.Body)
		}
	}
	_, err := prepare(t.Context(), options{port: d.port, data: t.TempDir(), now: time.Now, log: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "-port") {
		t.Errorf("a taken port: got %v, want an error that says what to do", err)
	}
}

func TestMoreApplications(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "more.json")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`[{"client_id":"otra","client_name":"Otra","token_endpoint_auth_method":"none","redirect_uris":["http://localhost:9/cb"]}]`)
	d, stop := begin(t, options{clients: file})
	q := url.Values{
		"client_id": {"otra"}, "redirect_uri": {"http://localhost:9/cb"}, "response_type": {"code"}, "scope": {"openid"},
		"code_challenge": {strings.Repeat("A", 43)}, "code_challenge_method": {"S256"},
	}
	if p := rptest.New(t).Get(d.issuer + "/authorize?" + q.Encode()); p.URL.Path != "/ingresar" {
		t.Errorf("the added application leads to %s (%d)", p.URL, p.Status)
	}
	stop()
	write(`[{"client_id":"otra","colour":"red"}]`)
	_, err := prepare(t.Context(), options{port: basePort(t), data: t.TempDir(), clients: file, now: time.Now, log: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "colour") {
		t.Errorf("a wrong file: got %v", err)
	}
}
