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
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"iess.gob.ec/clave/storage"
)

// LogoutConfig says how applications are told that a session has ended, and of
// security events. What is left at zero gets the default named.
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
	// storage.Delivery, or retry. The event is that of the delivery.
	Observe func(event, clientID, result string)
}

const (
	// deliveryBatch is how many things one application is told of at once.
	deliveryBatch = 8
	// deliveryPoll is how often a replica looks for what to tell.
	deliveryPoll = 500 * time.Millisecond
	// deliveryGrace is how long an attempt may go on after the program was told to
	// stop: what is taken and not written down is sent again.
	deliveryGrace = time.Second
	// maxAnswer is how much of an answer is read, in bytes, so that its connection
	// may serve again. Of all that, only the code of RFC 8935 section 2.4 is looked at.
	maxAnswer = 4 << 10
)

// deliveries tells applications that sessions have ended, and of security events.
// Each application has a lane of its own for both: one that hangs holds up itself
// alone.
type deliveries struct {
	http *http.Client
	wake chan struct{}

	mu    sync.Mutex
	lanes map[string]bool // by application
	all   sync.WaitGroup
}

func newDeliveries(cfg LogoutConfig) *deliveries {
	return &deliveries{http: newOutbound(cfg.Networks, cfg.Roots, cfg.Timeout), wake: make(chan struct{}, 1), lanes: map[string]bool{}}
}

// RunDeliveries tells applications what is queued for them until ctx is done, and
// returns when the last attempt has stopped. Replicas share the work.
func (s *Server) RunDeliveries(ctx context.Context) {
	ticker := time.NewTicker(deliveryPoll)
	defer ticker.Stop()
	defer s.deliveries.http.CloseIdleConnections()
	for ctx.Err() == nil {
		if err := s.startDeliveries(ctx); err != nil && ctx.Err() == nil {
			s.Log.LogAttrs(ctx, slog.LevelError, "deliveries not looked for", slog.String("cause", err.Error()))
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		case <-s.deliveries.wake:
		}
	}
	s.deliveries.all.Wait()
}

// Deliver tries once what is due, and returns when it has.
func (s *Server) Deliver(ctx context.Context) error {
	err := s.startDeliveries(ctx)
	s.deliveries.all.Wait()
	return err
}

// hurryDeliveries makes this replica look now.
func (s *Server) hurryDeliveries() {
	select {
	case s.deliveries.wake <- struct{}{}:
	default: // it is told already
	}
}

// startDeliveries starts a lane for each application for which something is due and
// none runs.
func (s *Server) startDeliveries(ctx context.Context) error {
	due, err := s.DB.DeliveryClients(ctx, s.Now())
	if err != nil {
		return err
	}
	l := s.deliveries
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
			s.deliveryLane(ctx, id)
		})
	}
	return nil
}

// deliveryLane tells one application of what is due.
func (s *Server) deliveryLane(ctx context.Context, clientID string) {
	defer func() { // what is leased waits until its lease has run out
		if v := recover(); v != nil {
			s.logPanic(ctx, clientID, v)
		}
	}()
	for more := true; more && ctx.Err() == nil; {
		n, err := s.deliveryRound(ctx, clientID)
		if err != nil && ctx.Err() == nil {
			s.Log.LogAttrs(ctx, slog.LevelError, "deliveries failed", slog.String("client_id", clientID), slog.String("cause", err.Error()))
		}
		more = err == nil && n == deliveryBatch
	}
}

// logPanic says what was recovered from, while an application was told something.
func (s *Server) logPanic(ctx context.Context, clientID string, v any) {
	s.Log.LogAttrs(ctx, slog.LevelError, "deliveries panicked", slog.String("client_id", clientID), slog.String("cause", fmt.Sprintf("%v\n%s", v, debug.Stack())))
}

// deliveryRound leases deliveries to an application, tries them all at once and
// settles them. It returns how many there were.
func (s *Server) deliveryRound(ctx context.Context, clientID string) (int, error) {
	now := s.Now()
	var client *storage.Client
	var batch []storage.Delivery
	err := s.DB.InTx(ctx, func(tx *storage.Tx) error {
		var err error
		batch, err = tx.LeaseDeliveries(ctx, clientID, deliveryBatch, now, now.Add(2*s.Logouts.Timeout+10*time.Second))
		if err != nil || len(batch) == 0 {
			return err
		}
		// As it is registered now: what a cache does not know yet would be cancelled, for good.
		client, err = tx.Client(ctx, clientID)
		if errors.Is(err, storage.ErrNotFound) {
			return nil
		}
		return err
	})
	if err != nil || len(batch) == 0 {
		return 0, err
	}
	try, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(deliveryGrace, stop) })()
	answers := make([]answer, len(batch))
	var tries sync.WaitGroup
	for i, d := range batch {
		if address(client, d.Event) == "" {
			answers[i] = answer{state: storage.DeliveryCancelled}
			continue
		}
		tries.Go(func() { // a panic here would end the program, whatever the lane recovers from
			defer func() {
				if v := recover(); v != nil {
					s.logPanic(ctx, clientID, v)
					answers[i] = answer{class: "panic"}
				}
			}()
			answers[i] = s.tell(try, client, d)
		})
	}
	tries.Wait()
	done := context.WithoutCancel(ctx) // what an application said stays said
	return len(batch), s.DB.InTx(done, func(tx *storage.Tx) error {
		for i, d := range batch {
			if err := s.settleDelivery(done, tx, d, answers[i]); err != nil && !errors.Is(err, storage.ErrConflict) {
				return err
			}
		}
		return nil
	})
}

// answer is what became of one attempt: a final state, or "" and the class of what
// went wrong; neither where it was broken off.
type answer struct{ state, class string }

// address is where an application, nil for none, takes what tells of event; "": it
// does not.
func address(c *storage.Client, event string) string {
	if c == nil || !c.DisabledAt.IsZero() {
		return ""
	}
	switch m := c.Metadata; {
	case event == storage.BackchannelLogout:
		return m.BackchannelLogoutURI
	case slices.Contains(m.Events, event):
		return m.EventsURI
	default:
		return ""
	}
}

// tell sends the token of d and judges the answer: a logout token as a form
// (section 2.5 of OpenID Connect Back-Channel Logout 1.0), a security event token
// as it is (RFC 8935 section 2.1).
func (s *Server) tell(ctx context.Context, c *storage.Client, d storage.Delivery) answer {
	mint, media := s.securityEventFor, mediaSecurityEvent
	if d.Event == storage.BackchannelLogout {
		mint, media = s.logoutTokenFor, "application/x-www-form-urlencoded"
	}
	body, err := mint(ctx, c, d, s.Now())
	if err != nil {
		s.Log.LogAttrs(ctx, slog.LevelError, "token not signed", slog.String("client_id", c.ID), slog.String("event", d.Event), slog.String("cause", err.Error()))
		return answer{class: "signing"}
	}
	if d.Event == storage.BackchannelLogout {
		body = url.Values{"logout_token": {body}}.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address(c, d.Event), strings.NewReader(body))
	if err != nil {
		return answer{class: "address"}
	}
	req.Header.Set("Content-Type", media)
	req.Header.Set("Accept", "application/json") // in which a refusal says why
	res, err := s.deliveries.http.Do(req)
	if ctx.Err() != nil {
		return answer{}
	}
	if err != nil {
		return answer{class: trouble(err)}
	}
	defer res.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if d.Event == storage.BackchannelLogout {
		return judge(res.StatusCode, http.StatusOK, http.StatusNoContent)
	}
	a := judge(res.StatusCode, http.StatusAccepted)
	if a.state == storage.DeliveryRefused {
		a.class = pushError(said)
	}
	if a.class == errInvalidKey {
		a.state = "" // it has not read the JWKS since another key signs, as after a revocation: the next token may be good
	}
	return a
}

// judge is what an application says by its status, of which some say that all is
// done (section 2.8 of OpenID Connect Back-Channel Logout 1.0, sections 2.2 and 2.3
// of RFC 8935). Whatever is neither done nor refused may be a server that is not
// ready, or a page that is in the way: it is asked again.
func judge(status int, done ...int) answer {
	switch {
	case slices.Contains(done, status):
		return answer{state: storage.DeliveryDelivered}
	case status == http.StatusBadRequest:
		return answer{state: storage.DeliveryRefused, class: "status 400"}
	case status >= 300 && status < 400:
		return answer{class: "redirect"}
	default:
		return answer{class: "status " + strconv.Itoa(status)}
	}
}

// settleDelivery writes down what became of an attempt.
func (s *Server) settleDelivery(ctx context.Context, tx *storage.Tx, d storage.Delivery, a answer) error {
	if a == (answer{}) {
		return tx.ReleaseDelivery(ctx, d)
	}
	now, result := s.Now(), a.state
	next := now.Add(deliveryPause(d.Attempts))
	if result == "" && next.After(d.CreatedAt.Add(s.Logouts.GiveUp)) {
		result = storage.DeliveryFailed
	}
	if a.class != "" { // not the address: it may hold what only that application knows
		level := slog.LevelWarn
		if result == "" {
			level = slog.LevelDebug // the metrics show that it waits
		}
		s.Log.LogAttrs(ctx, level, "application not told", slog.String("client_id", d.ClientID), slog.String("event", d.Event),
			slog.String("class", a.class), slog.Int("attempts", d.Attempts+1))
	}
	if s.Logouts.Observe != nil {
		s.Logouts.Observe(d.Event, d.ClientID, cmp.Or(result, "retry"))
	}
	if result == "" {
		return tx.RetryDelivery(ctx, d, a.class, next)
	}
	return tx.EndDelivery(ctx, d, result, a.class, now)
}

// deliveryPause is how long an application is left alone that has failed once and
// attempts times before: 5 seconds, thrice that each time, 15 minutes at most.
func deliveryPause(attempts int) time.Duration {
	pause, most := 5*time.Second, 15*time.Minute
	for range attempts {
		if pause *= 3; pause >= most {
			return most
		}
	}
	return pause
}
