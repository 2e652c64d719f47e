package provider

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"iess.gob.ec/clave/storage"
)

// LogoutConfig says how applications are told that a session has ended. What is
// left at zero gets the default named.
type LogoutConfig struct {
	// Networks are those beside the public internet in which applications live:
	// addresses that are private, of this machine or reserved are refused otherwise.
	Networks []netip.Prefix
	// Roots vouch for applications, nil: those of the system.
	Roots *x509.CertPool
	// Timeout bounds one attempt: 5 seconds, at most 30.
	Timeout time.Duration
	// GiveUp is how long an application is asked again: 6 hours, at most 7 days.
	GiveUp time.Duration
	// Observe, where set, learns the result of each attempt: a state of
	// storage.LogoutDelivery, or retry.
	Observe func(clientID, result string)
}

const (
	// logoutBatch is how many sessions one application is told of at once.
	logoutBatch = 8
	// logoutPoll is how often a replica looks for what to tell.
	logoutPoll = 500 * time.Millisecond
	// logoutGrace is how long an attempt may go on after the program was told to
	// stop: what is taken and not written down is sent again.
	logoutGrace = time.Second
	// maxLogoutAnswer is how much of an answer is read, in bytes, so that its
	// connection may serve again. Nothing in it is looked at.
	maxLogoutAnswer = 4 << 10
)

// logouts tells applications that sessions have ended. Each application has a
// lane of its own: one that hangs holds up itself alone.
type logouts struct {
	http *http.Client
	wake chan struct{}

	mu    sync.Mutex
	lanes map[string]bool // by application
	all   sync.WaitGroup
}

func newLogouts(cfg LogoutConfig) *logouts {
	return &logouts{http: newOutbound(cfg.Networks, cfg.Roots, cfg.Timeout), wake: make(chan struct{}, 1), lanes: map[string]bool{}}
}

// RunLogouts tells applications that sessions have ended until ctx is done, and
// returns when the last attempt has stopped. Replicas share the work.
func (s *Server) RunLogouts(ctx context.Context) {
	ticker := time.NewTicker(logoutPoll)
	defer ticker.Stop()
	defer s.logouts.http.CloseIdleConnections()
	for ctx.Err() == nil {
		if err := s.startLogouts(ctx); err != nil && ctx.Err() == nil {
			s.Log.LogAttrs(ctx, slog.LevelError, "logouts not looked for", slog.String("cause", err.Error()))
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		case <-s.logouts.wake:
		}
	}
	s.logouts.all.Wait()
}

// DeliverLogouts tries once what is due, and returns when it has.
func (s *Server) DeliverLogouts(ctx context.Context) error {
	err := s.startLogouts(ctx)
	s.logouts.all.Wait()
	return err
}

// hurryLogouts makes this replica look now.
func (s *Server) hurryLogouts() {
	select {
	case s.logouts.wake <- struct{}{}:
	default: // it is told already
	}
}

// startLogouts starts a lane for each application for which something is due and
// none runs.
func (s *Server) startLogouts(ctx context.Context) error {
	due, err := s.DB.LogoutClients(ctx, s.Now())
	if err != nil {
		return err
	}
	l := s.logouts
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range due {
		if l.lanes[id] {
			continue
		}
		l.lanes[id] = true
		l.all.Go(func() {
			defer func() {
				l.mu.Lock()
				defer l.mu.Unlock()
				delete(l.lanes, id)
			}()
			s.logoutLane(ctx, id)
		})
	}
	return nil
}

// logoutLane tells one application of what is due.
func (s *Server) logoutLane(ctx context.Context, clientID string) {
	defer func() { // what is leased waits until its lease has run out
		if v := recover(); v != nil {
			s.Log.LogAttrs(ctx, slog.LevelError, "logouts panicked", slog.String("client_id", clientID), slog.String("cause", fmt.Sprintf("%v\n%s", v, debug.Stack())))
		}
	}()
	for more := true; more && ctx.Err() == nil; {
		n, err := s.logoutRound(ctx, clientID)
		if err != nil && ctx.Err() == nil {
			s.Log.LogAttrs(ctx, slog.LevelError, "logouts failed", slog.String("client_id", clientID), slog.String("cause", err.Error()))
		}
		more = err == nil && n == logoutBatch
	}
}

// logoutRound leases deliveries to an application, tries them all at once and
// settles them. It returns how many there were.
func (s *Server) logoutRound(ctx context.Context, clientID string) (int, error) {
	now := s.Now()
	client, err := s.Clients.Client(ctx, clientID)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return 0, err
	}
	var batch []storage.LogoutDelivery
	err = s.DB.InTx(ctx, func(tx *storage.Tx) error {
		var err error
		batch, err = tx.LeaseLogouts(ctx, clientID, logoutBatch, now, now.Add(2*s.Logouts.Timeout+10*time.Second))
		return err
	})
	if err != nil || len(batch) == 0 {
		return 0, err
	}
	try, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(logoutGrace, stop) })()
	answers := make([]answer, len(batch))
	var tries sync.WaitGroup
	for i, d := range batch {
		if client == nil || client.Metadata.BackchannelLogoutURI == "" {
			answers[i] = answer{state: storage.LogoutCancelled}
			continue
		}
		tries.Go(func() { answers[i] = s.tell(try, client, d) })
	}
	tries.Wait()
	done := context.WithoutCancel(ctx) // what an application said stays said
	return len(batch), s.DB.InTx(done, func(tx *storage.Tx) error {
		for i, d := range batch {
			if err := s.settleLogout(done, tx, d, answers[i]); err != nil && !errors.Is(err, storage.ErrConflict) {
				return err
			}
		}
		return nil
	})
}

// answer is what became of one attempt: a final state, or "" and the class of what
// went wrong; neither where it was broken off.
type answer struct{ state, class string }

// tell sends the logout token of d (section 2.5) and judges the answer (2.8).
func (s *Server) tell(ctx context.Context, c *storage.Client, d storage.LogoutDelivery) answer {
	token, err := s.logoutTokenFor(ctx, c, d, s.Now())
	if err != nil {
		s.Log.LogAttrs(ctx, slog.LevelError, "logout token not signed", slog.String("client_id", c.ID), slog.String("cause", err.Error()))
		return answer{class: "signing"}
	}
	form := url.Values{"logout_token": {token}}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.Metadata.BackchannelLogoutURI, strings.NewReader(form))
	if err != nil {
		return answer{class: "address"}
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := s.logouts.http.Do(req)
	if ctx.Err() != nil {
		return answer{}
	}
	if err != nil {
		return answer{class: trouble(err)}
	}
	defer res.Body.Close()
	_, _ = io.CopyN(io.Discard, res.Body, maxLogoutAnswer)
	return judge(res.StatusCode)
}

// judge is what an application says by its status. Whatever is neither done nor
// refused may be a server that is not ready, or a page that is in the way: it is
// asked again.
func judge(status int) answer {
	switch {
	case status == http.StatusOK, status == http.StatusNoContent:
		return answer{state: storage.LogoutDelivered}
	case status == http.StatusBadRequest:
		return answer{state: storage.LogoutRefused, class: "status 400"}
	case status >= 300 && status < 400:
		return answer{class: "redirect"}
	default:
		return answer{class: "status " + strconv.Itoa(status)}
	}
}

// settleLogout writes down what became of an attempt.
func (s *Server) settleLogout(ctx context.Context, tx *storage.Tx, d storage.LogoutDelivery, a answer) error {
	if a == (answer{}) {
		return tx.ReleaseLogout(ctx, d)
	}
	now, result := s.Now(), a.state
	next := now.Add(logoutPause(d.Attempts))
	if result == "" && next.After(d.CreatedAt.Add(s.Logouts.GiveUp)) {
		result = storage.LogoutFailed
	}
	if a.class != "" { // not the address: it may hold what only that application knows
		level := slog.LevelWarn
		if result == "" {
			level = slog.LevelDebug // the metrics show that it waits
		}
		s.Log.LogAttrs(ctx, level, "application not told of a logout", slog.String("client_id", d.ClientID),
			slog.String("class", a.class), slog.Int("attempts", d.Attempts+1))
	}
	if s.Logouts.Observe != nil {
		s.Logouts.Observe(d.ClientID, cmp.Or(result, "retry"))
	}
	if result == "" {
		return tx.RetryLogout(ctx, d, a.class, next)
	}
	return tx.EndLogout(ctx, d, result, a.class, now)
}

// logoutPause is how long an application is left alone that has failed once and
// attempts times before: 5 seconds, thrice that each time, 15 minutes at most.
func logoutPause(attempts int) time.Duration {
	pause, most := 5*time.Second, 15*time.Minute
	for range attempts {
		if pause *= 3; pause >= most {
			return most
		}
	}
	return pause
}
