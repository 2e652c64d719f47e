package login

import (
	"bytes"
	"context"
	"crypto/sha256"
	"maps"
	"net/http"
	"sync"
	"time"

	"iess.gob.ec/clave/templates"
)

const (
	// onceLife is how long a form is known again: a double click, a retry after a
	// lost answer.
	onceLife = 5 * time.Second
	// onceMost bounds the answers kept, one for each browser.
	onceMost = 4096
	// onceTimeout bounds an effect whose browser has gone away meanwhile.
	onceTimeout = 30 * time.Second
)

// once gives a form that comes twice in a row from one browser the answer it
// got, where that had an effect (FT-14). This is for the person's sake, within
// one process; that an effect happens once is the database's doing.
type once struct {
	mu    sync.Mutex
	known map[string]*onceEntry // by the browser's cookie
}

type onceEntry struct {
	form [32]byte
	done chan struct{} // closed when answer is set
	at   time.Time
	kept bool
	*recorder
}

// keeper is a ResponseWriter whose answer is that of an effect.
type keeper interface{ keepAnswer() }

func newOnce() *once { return &once{known: map[string]*onceEntry{}} }

// formOf returns the browser a form comes from and what tells it from its other
// forms. A browser without a cookie of ours is "": it looks like many others.
func (s *Server) formOf(r *http.Request) (string, [32]byte) {
	browser := secret(r, s.cookies.browser)
	text := secret(r, s.cookies.session) + "\x00" + secret(r, s.cookies.device) + "\x00" + r.URL.Path + "\x00" + r.PostForm.Encode()
	return browser, sha256.Sum256([]byte(text))
}

// ShowSpent is Show for a form that had an effect, though it leads nowhere: sent
// twice in a row, it gets the same page and has the effect once.
func (s *Server) ShowSpent(w http.ResponseWriter, v *Visit, status int, page templates.Page) error {
	err := s.Show(w, v, status, page)
	if k, ok := w.(keeper); ok && err == nil {
		k.keepAnswer()
	}
	return err
}

// forget makes the browser's next form a new one, whatever it holds.
func (o *once) forget(browser string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.known, browser)
}

// serve answers r by h, or by what h answered to the same form just before. The
// first of several at a time is waited for; if it had no effect the others are
// served too.
func (o *once) serve(w http.ResponseWriter, r *http.Request, formOf func(*http.Request) (string, [32]byte), now time.Time, h http.Handler) {
	browser, form := formOf(r)
	if browser == "" {
		h.ServeHTTP(w, r)
		return
	}
	entry, first := o.enter(browser, form, now)
	if !first {
		select {
		case <-entry.done:
		case <-r.Context().Done():
			return
		}
		if entry.kept {
			entry.replay(w)
			return
		}
		h.ServeHTTP(w, r)
		return
	}
	finished := false
	defer func() {
		entry.kept = finished && entry.keep
		o.leave(browser, entry)
		close(entry.done)
	}()
	// Whoever presses twice drops the first answer: the effect goes on.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), onceTimeout)
	defer cancel()
	h.ServeHTTP(entry.recorder, r.WithContext(ctx))
	finished = true
	entry.replay(w)
}

// enter returns the entry of a form and whether the caller is the first to have
// it.
func (o *once) enter(browser string, form [32]byte, now time.Time) (*onceEntry, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if e, found := o.known[browser]; found && e.form == form && (e.at.IsZero() || now.Sub(e.at) < onceLife) {
		return e, false
	}
	maps.DeleteFunc(o.known, func(_ string, e *onceEntry) bool { return !e.at.IsZero() && now.Sub(e.at) >= onceLife })
	e := &onceEntry{form: form, done: make(chan struct{}), recorder: &recorder{header: http.Header{}, now: now}}
	if len(o.known) < onceMost {
		o.known[browser] = e
	}
	return e, true
}

// leave keeps the answer of an effect and forgets any other.
func (o *once) leave(browser string, e *onceEntry) {
	o.mu.Lock()
	defer o.mu.Unlock()
	e.at = e.now
	if !e.kept && o.known[browser] == e {
		delete(o.known, browser)
	}
}

// recorder is a ResponseWriter that holds an answer.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
	keep   bool
	now    time.Time
}

func (r *recorder) keepAnswer() { r.keep = true }

// Header implements http.ResponseWriter.
func (r *recorder) Header() http.Header { return r.header }

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

// Write implements http.ResponseWriter.
func (r *recorder) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(b)
}

// replay writes the answer.
func (r *recorder) replay(w http.ResponseWriter) {
	for name, values := range r.header {
		w.Header()[name] = append([]string(nil), values...)
	}
	w.WriteHeader(max(r.status, http.StatusOK))
	_, _ = w.Write(r.body.Bytes()) // who does not read it has gone
}
