package login

import (
	"bytes"
	"context"
	"crypto/sha256"
	"maps"
	"net/http"
	"sync"
	"time"
)

const (
	// onceLife is how long a form is known again: a double click, a retry after a
	// lost answer.
	onceLife = 10 * time.Second
	// onceMost bounds the answers kept.
	onceMost = 4096
	// onceTimeout bounds an effect whose browser has gone away meanwhile.
	onceTimeout = 30 * time.Second
)

// once gives a form that comes twice the answer it got, where that had an effect
// (FT-14). This is for the person's sake, within one process; that an effect
// happens once is the database's doing.
type once struct {
	mu    sync.Mutex
	known map[[32]byte]*onceEntry
}

type onceEntry struct {
	done chan struct{} // closed when answer is set
	at   time.Time
	kept bool
	*recorder
}

// keeper is a ResponseWriter whose answer is that of an effect.
type keeper interface{ keepAnswer() }

func newOnce() *once { return &once{known: map[[32]byte]*onceEntry{}} }

// formKey tells the same form of the same browser from any other. A browser
// without a cookie of ours cannot be told from others, which false says.
func (s *Server) formKey(r *http.Request) ([32]byte, bool) {
	browser := secret(r, s.cookies.browser)
	text := browser
	for _, part := range []string{secret(r, s.cookies.session), secret(r, s.cookies.device), r.URL.Path, r.PostForm.Encode()} {
		text += "\x00" + part
	}
	return sha256.Sum256([]byte(text)), browser != ""
}

// serve answers r by h, or by what h answered to the same form just before. The
// first of several at a time is waited for; if it had no effect the others are
// served too.
func (o *once) serve(w http.ResponseWriter, r *http.Request, formKey func(*http.Request) ([32]byte, bool), now time.Time, h http.Handler) {
	key, ok := formKey(r)
	if !ok {
		h.ServeHTTP(w, r)
		return
	}
	entry, first := o.enter(key, now)
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
		o.leave(key, entry)
		close(entry.done)
	}()
	// Whoever presses twice drops the first answer: the effect goes on.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), onceTimeout)
	defer cancel()
	h.ServeHTTP(entry.recorder, r.WithContext(ctx))
	finished = true
	entry.replay(w)
}

// enter returns the entry of key and whether the caller is the first to have it.
func (o *once) enter(key [32]byte, now time.Time) (*onceEntry, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if e, found := o.known[key]; found && (e.at.IsZero() || now.Sub(e.at) < onceLife) {
		return e, false
	}
	maps.DeleteFunc(o.known, func(_ [32]byte, e *onceEntry) bool { return !e.at.IsZero() && now.Sub(e.at) >= onceLife })
	e := &onceEntry{done: make(chan struct{}), recorder: &recorder{header: http.Header{}, now: now}}
	if len(o.known) < onceMost {
		o.known[key] = e
	}
	return e, true
}

// leave keeps the answer of an effect and forgets any other.
func (o *once) leave(key [32]byte, e *onceEntry) {
	o.mu.Lock()
	defer o.mu.Unlock()
	e.at = e.now
	if !e.kept && o.known[key] == e {
		delete(o.known, key)
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
