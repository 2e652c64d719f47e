package login

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// Handler is a page's handler. It writes an answer or returns an error, for
// which Server.Handle writes one.
type Handler func(http.ResponseWriter, *http.Request) error

// maxForm is the most bytes of a form that are read.
const maxForm = 64 << 10

// failure is an error that people see as a page of its kind. It needs no entry
// in the log: nothing is broken.
type failure struct {
	kind  templates.Kind
	app   *templates.Application // where to begin again
	retry time.Duration
	old   *Visit // whose running request has become too old; its Request is nil where that is forgotten
}

// Error implements error.
func (f *failure) Error() string { return "login: " + string(f.kind) }

// Unavailable is an error that people see as a page that says to try again later:
// 503, with Retry-After.
func Unavailable(retry time.Duration) error {
	return &failure{kind: templates.KindUnavailable, retry: retry}
}

// answered is an error that is no failure: the form had its effect before, or its
// session has ended, and to is where its person goes on.
type answered struct{ to string }

// Error implements error.
func (a *answered) Error() string { return "login: answered already" }

// Handle makes an http.Handler of h: forms from other sites are refused (T15),
// what a form holds is read and bounded, a form that comes twice has one effect
// (FT-14), and each error becomes a page here and nowhere else.
func (s *Server) Handle(h Handler) http.Handler {
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			s.fail(w, r, err)
		}
	})
	return s.csrf.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			page.ServeHTTP(w, r)
			return
		}
		if err := readForm(w, r); err != nil {
			s.fail(w, r, err)
			return
		}
		s.once.serve(w, r, s.formOf, s.Now(), page)
	}))
}

// readForm reads the body into r.PostForm. Fields that come twice are refused,
// but for boxes of one name (ASVS 15.3.7).
func readForm(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			return &failure{kind: templates.KindTooLarge}
		}
		return &failure{kind: templates.KindRequest}
	}
	for name, values := range r.PostForm {
		if len(values) > 1 && name != fieldOptional {
			return &failure{kind: templates.KindRequest}
		}
	}
	return nil
}

// fail writes the page of err. What people cannot have caused is logged.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	page := templates.Error{Layout: s.Layout(r, nil)}
	if again, ok := errors.AsType[*answered](err); ok {
		http.Redirect(w, r, again.to, http.StatusSeeOther)
		return
	}
	if f, ok := errors.AsType[*failure](err); ok {
		page.Kind, page.Application, page.Retry = f.kind, f.app, f.retry
	} else if errors.Is(err, storage.ErrText) { // no page of ours sends such a text
		page.Kind = templates.KindRequest
	} else if errors.Is(err, ErrBusy) {
		page.Kind, page.Retry = templates.KindBusy, s.Hash.RetryAfter()
	} else if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		return // nobody is there to read an answer
	} else {
		s.Log.ErrorContext(r.Context(), "request failed", "request_id", storage.RequestID(r.Context()), "path", r.URL.Path, "error", err)
	}
	if page.Retry > 0 {
		w.Header().Set("Retry-After", retryAfter(page.Retry))
	}
	if err := s.Pages.Render(w, page.Kind.Status(), page); err != nil {
		s.Log.ErrorContext(r.Context(), "error page failed", "request_id", page.RequestID, "error", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
	}
}

// retryAfter is d in whole seconds, at least one (RFC 9110 section 10.2.3).
func retryAfter(d time.Duration) string { return strconv.Itoa(max(1, int(math.Ceil(d.Seconds())))) }

// redirect leads the person to a page of ours, with a GET (BCP-4.12).
func redirect(to string) http.Handler { return http.RedirectHandler(to, http.StatusSeeOther) }

// Redirect answers an effect with redirect.
func (s *Server) Redirect(w http.ResponseWriter, r *http.Request, to string) error {
	s.Answer(w, r, redirect(to))
	return nil
}
