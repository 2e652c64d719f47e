package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// volleySize is how often at once each form is sent.
const volleySize = 20

// reply is the answer to one form of a volley.
type reply struct {
	status   int
	location string
	cookies  []*http.Cookie
	body     string
}

// volley sends the same form many times at once, as one browser would: the same
// fields and the same cookies. Where apart, each has a field of its own that
// nobody reads, so that the server cannot know them for the same form and only
// the database stands between them, as between two replicas.
func (v *visitor) volley(s *sheet, button string, typed url.Values, apart bool, n int) []reply {
	v.t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	replies := make([]reply, n)
	var wg sync.WaitGroup
	for i := range replies {
		fields := url.Values{}
		for name, values := range typed {
			fields[name] = values
		}
		if apart {
			fields.Set("prueba", fmt.Sprint(n, i)) // nor in a later volley
		}
		r := v.form(s, button, fields)
		for _, c := range v.client.Jar.Cookies(r.URL) {
			r.AddCookie(c)
		}
		wg.Go(func() {
			res, err := client.Do(r)
			if err != nil {
				v.t.Error(err)
				return
			}
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			if err != nil {
				v.t.Error(err)
			}
			replies[i] = reply{res.StatusCode, res.Header.Get("Location"), res.Cookies(), string(body)}
		})
	}
	wg.Wait()
	return replies
}

// rank orders the answers of a volley by how far they lead.
func (r reply) rank(v *visitor) int {
	switch {
	case r.status != http.StatusSeeOther:
		return 0
	case v.until != "" && strings.HasPrefix(r.location, v.until):
		return 3
	case len(r.cookies) > 0:
		return 2
	default:
		return 1
	}
}

// show is what the browser does with the answer it shows: keeps its cookies and
// follows it.
func (v *visitor) show(s *sheet, r reply) *sheet {
	v.t.Helper()
	if r.status != http.StatusSeeOther {
		v.t.Fatalf("got %d, want 303\n%s", r.status, r.body)
	}
	v.client.Jar.SetCookies(s.url, r.cookies)
	to, err := s.url.Parse(r.location)
	if err != nil {
		v.t.Fatal(err)
	}
	if v.arrived(to) {
		return &sheet{url: to}
	}
	return v.open(to.String())
}

// TestFT14_DuplicateForms: twenty equal forms at once have one effect, every one
// of them is answered alike, and the same form again later changes nothing.
func TestFT14_DuplicateForms(t *testing.T) {
	for _, engine := range storagetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			w := newWorld(t, engine, withInterop(t))
			for i, apart := range []bool{false, true} {
				t.Run(map[bool]string{false: "alike", true: "apart"}[apart], func(t *testing.T) { w.duplicates(t, generated(10+i), apart) })
			}
		})
	}
}

func (w *world) duplicates(t *testing.T, id storage.Identifier, apart bool) {
	w.age(t, id, commonClave, 400*day)
	v := newVisitor(t, interopCallback)
	login := v.open(w.authorize(nil))
	renew := w.once(t, v, login, "ingresar", credentials(string(id), commonClave), apart, "session.started")
	consent := w.once(t, v, renew, "aceptar", url.Values{
		"clave_nueva": {newClave}, "clave_confirmacion": {newClave}, "acuerdo": {"1"},
	}, apart, "clave.renewed")
	arrived := w.once(t, v, consent, "autorizar", nil, apart, "consent.given", "authorization.granted")
	if arrived.arrival(t).Get("code") == "" {
		t.Fatalf("got %s, want a code", arrived.url)
	}

	again := v.open(w.authorize(url.Values{"prompt": {"login"}}))
	denied := w.once(t, v, again, "cancelar", nil, apart, "request.cancelled", "authorization.denied")
	if got := denied.arrival(t).Get("error"); got != "access_denied" {
		t.Errorf("got error %q, want access_denied", got)
	}

	v.until = ""
	ask := v.open(discover(t, w.issuer).EndSession)
	before := w.events(t)
	for _, r := range v.volley(ask, "salir", nil, apart, volleySize) {
		if r.status >= http.StatusBadRequest {
			t.Errorf("end_session: got %d\n%s", r.status, r.body)
		}
	}
	w.rose(t, before, "session.ended")
}

// once sends a form in a volley and again, checks that each event was written
// once, and returns the page to which the answers lead.
func (w *world) once(t *testing.T, v *visitor, s *sheet, button string, typed url.Values, apart bool, events ...string) *sheet {
	t.Helper()
	before := w.events(t)
	replies := v.volley(s, button, typed, apart, volleySize)
	w.rose(t, before, events...)
	replies = append(replies, v.volley(s, button, typed, apart, 1)...) // the same again, from the page as it was
	w.rose(t, before, events...)
	chosen := replies[0]
	for _, r := range replies {
		over := apart && strings.Contains(r.body, "Este ingreso ya terminó") // and the page leads to the application
		if r.status >= http.StatusBadRequest && r.status != http.StatusServiceUnavailable && !over {
			t.Errorf("%s: got %d\n%s", button, r.status, r.body)
		}
		if !apart && (r.status != replies[0].status || r.location != replies[0].location) {
			t.Errorf("%s: got %d %s and %d %s for the same form", button, r.status, r.location, replies[0].status, replies[0].location)
		}
		if r.rank(v) >= chosen.rank(v) { // a browser shows the last answer
			chosen = r
		}
	}
	return v.show(s, chosen)
}

// events counts what the audit says has happened.
func (w *world) events(t *testing.T) map[string]int {
	t.Helper()
	rows, err := w.db().AuditRows(t.Context(), 0, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]int{}
	for _, r := range rows {
		out[r.Event]++
	}
	return out
}

func (w *world) rose(t *testing.T, before map[string]int, events ...string) {
	t.Helper()
	after := w.events(t)
	for _, e := range events {
		if got := after[e] - before[e]; got != 1 {
			t.Errorf("%s happened %d times, want once", e, got)
		}
	}
}
