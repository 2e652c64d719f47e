package challenge

import (
	"context"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// Life is how long a challenge may be answered (S025).
const Life = 5 * time.Minute

// remembered is how much longer a used challenge stays known: replicas' clocks
// may differ by so much without one of them taking it again.
const remembered = 2 * time.Minute

// Names of the fields that answer a challenge (contract section 3).
const (
	FieldWork   = "altcha" // named so by its library
	FieldTicket = "reto"
)

// Why an answer does not count. A *NotYet is another reason.
var (
	ErrMissing  = errors.New("challenge: no answer")
	ErrUnsolved = errors.New("challenge: not solved, or posed to another browser or by another form")
	ErrExpired  = errors.New("challenge: expired")
	ErrReused   = errors.New("challenge: used already")
	ErrCheap    = errors.New("challenge: cheaper than what is due")
)

// NotYet says that a ticket has come too early. It is not spent.
type NotYet struct {
	Wait time.Duration // how much is left
}

// Error implements error.
func (e *NotYet) Error() string { return "challenge: too early by " + e.Wait.String() }

// Config is what a Challenge is made of; both fields are required.
type Config struct {
	DB  *storage.DB // replicas share it, and with it the key and what has been used
	Now func() time.Time
}

// Challenge poses challenges and verifies answers. It is safe for concurrent use.
type Challenge struct {
	cfg     Config
	hmacKey string      // signs proofs of work
	bindKey []byte      // ties them to purpose and browser
	tickets cipher.AEAD // seals tickets
}

// New derives the keys; every replica has the same ones.
func New(cfg Config) (*Challenge, error) {
	if cfg.DB == nil || cfg.Now == nil {
		return nil, errors.New("challenge: DB and Now are required")
	}
	var keys [3][]byte
	for i, purpose := range []string{"hmac", "bind", "ticket"} {
		var err error
		if keys[i], err = hkdf.Key(sha256.New, cfg.DB.ChallengeKey(), nil, purpose, sha256.Size); err != nil {
			return nil, fmt.Errorf("challenge: derive key: %w", err)
		}
	}
	tickets, err := newAEAD(keys[2])
	if err != nil {
		return nil, err
	}
	return &Challenge{cfg: cfg, hmacKey: string(keys[0]), bindKey: keys[1], tickets: tickets}, nil
}

// Form is where a challenge is posed.
type Form struct {
	Purpose string // names the form; a challenge counts for no other
	Browser string // hash of the cookie that binds requests to the browser; empty refuses every answer
	Path    string // where a GET shows the form, for Again
}

// Issue poses a challenge for a form at cost. It lets the page's scripts start
// workers, so w must not have been written to.
func (c *Challenge) Issue(w http.ResponseWriter, f Form, cost Cost) (*templates.Challenge, error) {
	now := c.cfg.Now()
	work, err := c.pose(f, cost, now)
	if err != nil {
		return nil, err
	}
	t := newTicket(now, cost.Wait)
	sealed, err := c.seal(t, f)
	if err != nil {
		return nil, err
	}
	permit(w.Header())
	return &templates.Challenge{Work: work, Ticket: sealed, Wait: t.left(now, 0)}, nil
}

// Again poses a challenge for the form after Verify refused the answer in values
// with cause. After a *NotYet the ticket stays, the box stays ticked, and the page
// refreshes itself once the ticket counts: a GET of f.Path then shows the form
// with typed in it again, by Resume. Typed, 64 bytes at most, travels sealed.
func (c *Challenge) Again(w http.ResponseWriter, values url.Values, f Form, cost Cost, cause error, typed string) (*templates.Challenge, error) {
	ch, err := c.Issue(w, f, cost)
	if err != nil {
		return nil, err
	}
	ch.Fault = FaultOf(cause)
	early, ok := errors.AsType[*NotYet](cause)
	if !ok {
		return ch, nil
	}
	t, err := c.open(values.Get(FieldTicket), f)
	if err != nil {
		return ch, nil //nolint:nilerr // the cause was of another form; this one has a new ticket
	}
	if t.Typed = ""; len(typed) <= maxTyped {
		t.Typed = typed
	}
	if ch.Ticket, err = c.seal(t, f); err != nil {
		return nil, err
	}
	ch.Wait, ch.Ticked, ch.Next = early.Wait, true, resumeAt(f.Path, ch.Ticket)
	w.Header().Set("Refresh", refresh(early.Wait, ch.Next))
	return ch, nil
}

// Keep poses a challenge for a form that is shown again though nobody verified
// the answer in values, as something else was wrong with it: the box stays as it
// was left, and so does the ticket.
func (c *Challenge) Keep(w http.ResponseWriter, values url.Values, f Form, cost Cost) (*templates.Challenge, error) {
	ch, _, err := c.Resume(w, values, f, cost)
	if err != nil || ch != nil {
		return ch, err
	}
	if ch, err = c.Issue(w, f, cost); err != nil {
		return nil, err
	}
	ch.Ticked = Answered(values) // with script the work is done anew by itself
	return ch, nil
}

// Resume shows the form that Again promised: query is the request's. It returns
// the challenge with its box ticked and what had been typed, or nil where there
// is nothing to resume and a challenge is to be issued.
func (c *Challenge) Resume(w http.ResponseWriter, query url.Values, f Form, cost Cost) (*templates.Challenge, string, error) {
	now := c.cfg.Now()
	t, err := c.open(query.Get(FieldTicket), f)
	if err != nil || t.expired(now) {
		return nil, "", nil //nolint:nilerr // documented: nothing to resume
	}
	ch, err := c.Issue(w, f, cost)
	if err != nil {
		return nil, "", err
	}
	ch.Ticket, ch.Wait, ch.Ticked = query.Get(FieldTicket), t.left(now, 0), true
	return ch, t.Typed, nil
}

// Verify spends the answer in values. It returns nil where the answer is right,
// was given in time, belongs to the form and the browser, has cost at least due
// (a zero due accepts what it was issued at), and had not been used: of the same
// answer sent any number of times at once, one passes (T18). Otherwise it returns
// one of the errors of this package, or what the database says; an answer that
// does not count is not spent.
func (c *Challenge) Verify(ctx context.Context, values url.Values, f Form, due Cost) error {
	now := c.cfg.Now()
	var a answer
	var err error
	if solution := values.Get(FieldWork); solution != "" {
		a, err = c.solved(solution, f, due)
	} else if sealed := values.Get(FieldTicket); sealed != "" {
		a, err = c.waited(sealed, f, due, now)
	} else {
		return ErrMissing
	}
	switch {
	case err != nil:
		return err
	case f.Browser == "":
		return ErrUnsolved
	case !now.Before(a.expires):
		return ErrExpired
	case a.cause != nil:
		return a.cause
	}
	return c.spend(ctx, a)
}

// answer is one that is ours.
type answer struct {
	id      string // what is spent
	expires time.Time
	cause   error // why it does not count, if it is in time
}

func (c *Challenge) spend(ctx context.Context, a answer) error {
	first := false
	err := c.cfg.DB.InTx(ctx, func(tx *storage.Tx) error {
		var err error
		first, err = tx.SpendChallenge(ctx, a.id, a.expires.Add(remembered))
		return err
	})
	if err != nil {
		return err
	}
	if !first {
		return ErrReused
	}
	return nil
}

// Answered reports whether values has an answer at all: a page that finds other
// faults tells of a missing one beside them, and spends none.
func Answered(values url.Values) bool {
	return values.Get(FieldWork) != "" || values.Get(FieldTicket) != ""
}

// FaultOf is what the page tells of an error of Verify, "" where it is none of
// this package's.
func FaultOf(err error) templates.Fault {
	for cause, fault := range map[error]templates.Fault{
		ErrMissing: templates.ChallengeMissing, ErrUnsolved: templates.ChallengeWrong, ErrExpired: templates.ChallengeExpired,
		ErrReused: templates.ChallengeUsed, ErrCheap: templates.ChallengeMore,
	} {
		if errors.Is(err, cause) {
			return fault
		}
	}
	if _, early := errors.AsType[*NotYet](err); early {
		return templates.ChallengeEarly
	}
	return ""
}

// permit lets the page start workers from our own files. cmd/clave adds it to
// its policy on pages that ask for it, and only there.
func permit(h http.Header) { h.Add("Content-Security-Policy", "worker-src 'self'") }
