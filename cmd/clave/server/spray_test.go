package server

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/challenge"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// T02, t_spray: one clave over many cédulas, each tried once, from 50 networks at
// a thousand a minute. None of these does more than a big company's would. Within
// a minute the alarm is told of; after that hardly any attempt is hashed; and
// people in browsers of their own, in the same networks, sign in all along without
// a challenge and without a wait.
func TestT02_Spray(t *testing.T) {
	// All ten minutes on the database that takes less time for it. On the other one
	// a minute and a half: the same code, and all it asks the database is asked by then.
	attempts := map[string]int{"sqlite": 10_000, "postgres": 1_500}
	for _, engine := range storagetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			spray(t, engine, attempts[engine])
		})
	}
}

const (
	sprayNetworks = 50
	sprayPeople   = 10
	sprayEvery    = 60 * time.Millisecond // an attempt: a thousand a minute
)

// throughForms reports whether an attempt comes as a form: all of the first two
// minutes, in which everything is decided, and then each tenth. The others come
// where each form ends that tries a clave, as pages that nobody reads would be
// nine tenths of the work.
func throughForms(i int) bool { return i < 2000 || i%10 == 0 }

func spray(t *testing.T, engine string, attempts int) {
	var clock, waits atomic.Int64
	start := storagetest.Noon()
	now := func() time.Time { return start.Add(time.Duration(clock.Load())) }
	hash := mustHasher(t, login.HashConfig{Memory: 8, Passes: 1})
	s, log := openOn(t, storagetest.URL(t, engine), func(c *Config) {
		c.AccessLog, c.Now = false, now
		c.Login.Hash, c.Login.Alarm = hash, login.DefaultAlarm()
		c.Login.Wait = func(context.Context, time.Duration) error { waits.Add(1); return nil }
	})
	hashed := func() int64 { return hash.Counts().Compared + hash.Counts().Wasted }
	people := sprayed(t, s, hash)
	watch := s.jobs[slices.IndexFunc(s.jobs, func(j job) bool { return j.name == "login.alarm" })]

	attacker := url.Values{"clave": {timingWrong}, "ingresar": {"1"}}
	var took []time.Duration
	first, late, others := int64(0), int64(0), int64(0) // hashes of minute 1, of later ones, and of people at home
	raised := time.Duration(-1)
	for i := range attempts {
		at := time.Duration(i) * sprayEvery
		clock.Store(int64(at))
		if at%watch.every < sprayEvery {
			if err := s.runJob(t.Context(), watch); err != nil {
				t.Fatal(err)
			}
			if raised < 0 && strings.Contains(metricsOf(s), "\nclave_login_alarm 1\n") {
				raised = at
			}
		}
		attacker.Set("cedula", string(cedulaOf(i)))
		if i%7 == 0 { // now and then with something that is no answer
			attacker.Set("reto", "x")
		} else {
			attacker.Del("reto")
		}
		before := hashed()
		if throughForms(i) {
			if w := form(s, sprayAddress(i), attacker); w.Code != http.StatusOK {
				t.Fatalf("attempt %d got %d", i, w.Code)
			}
		} else {
			tryOnce(t, s, sprayAddress(i), attacker)
		}
		if n := hashed() - before; at < time.Minute {
			first += n
		} else {
			late += n
		}
		if i%50 == 25 {
			before, waited := hashed(), waits.Load()
			p := people[i/50%len(people)]
			began := time.Now()
			w := form(s, sprayAddress(i), p.form, p.cookies...)
			took = append(took, time.Since(began))
			if others += hashed() - before; w.Code != http.StatusSeeOther || waits.Load() != waited {
				t.Fatalf("attempt %d: on a known device got %d after %d waits: %.300s", i, w.Code, waits.Load()-waited, w.Body)
			}
			p.keep(w)
		}
	}
	slices.Sort(took)
	t.Logf("%s: alarm after %s; %d attempts hashed in minute 1, %d of %d later; %d sign-ins on known devices, p99 %s",
		engine, raised, first, late, attempts-1000, len(took), took[len(took)*99/100])
	if limit := int64(attempts-1000) * 5 / 1000; late > limit {
		t.Errorf("%d attempts were hashed after minute 1, want at most %d", late, limit)
	}
	if others != int64(len(took)) {
		t.Errorf("%d hashes for %d sign-ins on known devices", others, len(took))
	}
	if raised < 0 || raised > time.Minute || strings.Count(log.String(), "sign-in alarm raised") != 1 {
		t.Errorf("the alarm was raised after %s: %s", raised, log)
	}
	events := slices.DeleteFunc(auditOf(t, s), func(r storage.AuditRow) bool { return r.Event != login.EventAlarmRaised })
	if len(events) != 1 || events[0].Actor != "system" || events[0].At.Sub(start) > time.Minute || !strings.Contains(events[0].Detail, `"baseline":"0"`) {
		t.Errorf("got %+v, want the alarm told of once, within a minute", events)
	}
}

// regular is somebody in a browser that is known to be hers.
type regular struct {
	form    url.Values
	cookies []*http.Cookie
}

// keep takes the cookies of an answer, as a browser does.
func (p *regular) keep(w *httptest.ResponseRecorder) {
	for _, c := range w.Result().Cookies() {
		p.cookies = slices.DeleteFunc(p.cookies, func(old *http.Cookie) bool { return old.Name == c.Name })
		if c.MaxAge >= 0 {
			p.cookies = append(p.cookies, c)
		}
	}
}

// sprayed adds people and lets each sign in where nobody has failed yet.
func sprayed(t *testing.T, s *Server, hash *login.Hasher) []*regular {
	t.Helper()
	phc, err := hash.Make(t.Context(), timingClave)
	if err != nil {
		t.Fatal(err)
	}
	var out []*regular
	for i := range sprayPeople {
		id := cedulaOf(1_000_000 + i)
		a := storagetest.AddAfiliado(t, s.db, storage.Afiliado{Identifier: id})
		storagetest.AddClave(t, s.db, a.ID, phc, time.Time{})
		p := &regular{form: url.Values{"cedula": {string(id)}, "clave": {timingClave}, "ingresar": {"1"}}}
		w := form(s, "192.0.2.1:1", p.form)
		if w.Code != http.StatusSeeOther {
			t.Fatalf("got %d: %.300s", w.Code, w.Body)
		}
		p.keep(w)
		out = append(out, p)
	}
	return out
}

func sprayAddress(i int) string { return fmt.Sprintf("198.51.%d.%d:999", i%sprayNetworks, i%251+1) }

// form posts to /ingresar from an address.
func form(s *Server, address string, fields url.Values, cookies ...*http.Cookie) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/ingresar", strings.NewReader(fields.Encode()))
	r.Host, r.RemoteAddr = s.issuer.Host, address
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", s.issuer.String())
	for _, c := range cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	s.public.ServeHTTP(w, r)
	return w
}

// tryOnce does what a form of those fields comes to.
func tryOnce(t *testing.T, s *Server, address string, fields url.Values) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/ingresar", nil)
	r.RemoteAddr = address
	v := &login.Visit{Now: s.now(), Form: fields, Browser: storage.Hash(address)}
	a, err := s.people.Try(t.Context(), r, v, storage.Identifier(fields.Get("cedula")), fields.Get("clave"))
	if err == nil {
		err = s.db.InTx(t.Context(), func(tx *storage.Tx) error {
			p, err := s.people.Settle(t.Context(), tx, r, v, a)
			if p != nil {
				t.Error("the clave was right")
			}
			return err
		})
	}
	if err != nil && challenge.FaultOf(err) == "" {
		t.Fatal(err)
	}
}

func auditOf(t *testing.T, s *Server) []storage.AuditRow {
	t.Helper()
	rows, err := s.db.AuditRows(t.Context(), 0, 100_000)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}
