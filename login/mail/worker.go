package mail

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"iess.gob.ec/clave/storage"
)

const (
	// leaseFor is how long a batch may take; what is left then is anybody's.
	leaseFor = 5 * time.Minute
	// poll is how often an empty outbox is looked at.
	poll = time.Second
)

// Run sends what comes until ctx is done. A message being handed over then has a
// few seconds to get there.
func (w *Worker) Run(ctx context.Context) {
	defer w.hangUp()
	failures := 0
	for ctx.Err() == nil {
		n, err := w.Deliver(ctx)
		var wait time.Duration
		switch {
		case err != nil && ctx.Err() == nil:
			w.cfg.Log.LogAttrs(ctx, slog.LevelError, "mail worker failed", slog.String("cause", err.Error()))
			failures++
			wait = waitFor(failures)
		case w.Trouble() != "" && w.Trouble() != troubleRefused: // what was refused waits by itself
			failures++
			wait = waitFor(failures)
		default:
			failures = 0
			if n < w.cfg.Batch {
				wait = poll
			}
		}
		if wait == 0 {
			continue
		}
		select {
		case <-ctx.Done():
		case <-w.cfg.After(wait):
		}
	}
}

// Deliver leases one batch and sends it. It returns how many messages it leased;
// Trouble says afterwards whether the server took mail.
func (w *Worker) Deliver(ctx context.Context) (int, error) {
	now := w.cfg.Now()
	batch, err := w.cfg.DB.LeaseMessages(ctx, w.cfg.Batch, now, now.Add(leaseFor))
	if err != nil || len(batch) == 0 {
		w.hangUp()
		return 0, err
	}
	r := &round{w: w, queue: batch, until: now.Add(leaseFor)}
	var lanes sync.WaitGroup
	for range min(w.cfg.Connections, len(batch)) {
		lanes.Go(func() { r.lane(ctx) })
	}
	lanes.Wait()
	if len(r.queue) > 0 {
		done := context.WithoutCancel(ctx)
		err := w.cfg.DB.InTx(done, func(tx *storage.Tx) error { return tx.ReleaseMessages(done, batch[0].Lease) })
		r.errs = append(r.errs, err)
	}
	r.conclude(ctx)
	trouble := r.trouble
	if r.exchanged && trouble != troubleRefused {
		trouble = "" // some connection works
	}
	if ctx.Err() == nil { // else what failed was told to stop
		w.tell(ctx, trouble, r.cause)
	}
	if trouble != "" || len(batch) < w.cfg.Batch {
		w.hangUp()
	}
	return len(batch), errors.Join(r.errs...)
}

// tell notes the trouble the server has, and logs where that changes.
func (w *Worker) tell(ctx context.Context, trouble string, cause error) {
	before := w.Trouble()
	w.trouble.Store(&trouble)
	switch {
	case trouble != "" && trouble != before:
		w.cfg.Log.LogAttrs(ctx, slog.LevelError, "mail server takes no mail", slog.String("class", trouble), slog.String("cause", cause.Error()))
	case trouble == "" && before != "":
		w.cfg.Log.LogAttrs(ctx, slog.LevelInfo, "mail server takes mail again")
	}
}

func (w *Worker) hangUp() {
	w.mu.Lock()
	idle := w.idle
	w.idle = nil
	w.mu.Unlock()
	for _, c := range idle {
		c.close()
	}
}

// round is one batch being sent over several connections.
type round struct {
	w     *Worker
	until time.Time // the end of the lease

	mu        sync.Mutex
	queue     []storage.Message
	exchanged bool // the server answered about some message
	taken     bool // and took one
	refused   []refusal
	trouble   string
	cause     error
	errs      []error
}

// exchanges is how many times a timeout one message may take: an idle connection
// that proves dead, connecting, being greeted, and the message itself.
const exchanges = 4

// next takes a message, unless the batch is over: what is begun must end within
// the lease, with some seconds for the database.
func (r *round) next(ctx context.Context) (storage.Message, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	margin := exchanges*r.w.dialer.smtp.Timeout + 10*time.Second
	if len(r.queue) == 0 || ctx.Err() != nil || len(r.errs) > 0 || r.w.cfg.Now().Add(margin).After(r.until) {
		return storage.Message{}, false
	}
	m := r.queue[0]
	r.queue = r.queue[1:]
	return m, true
}

func (r *round) putBack(m storage.Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue = append([]storage.Message{m}, r.queue...)
}

func (r *round) failed(class string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trouble, r.cause = class, err
}

func (r *round) lane(ctx context.Context) {
	c := r.w.takeIdle()
	defer func() {
		if c != nil {
			r.w.giveIdle(c)
		}
	}()
	for {
		m, ok := r.next(ctx)
		if !ok {
			return
		}
		var more bool
		var err error
		if c, more, err = r.guarded(ctx, c, m); err != nil {
			r.mu.Lock()
			r.errs = append(r.errs, err)
			r.mu.Unlock()
		}
		if !more {
			return
		}
	}
}

// guarded is handle, and makes an error of a panic: one message must not end the
// program. It stays leased, so that others go first.
func (r *round) guarded(ctx context.Context, c *conn, m storage.Message) (*conn, bool, error) {
	var next *conn
	var more bool
	var err error
	func() {
		defer func() {
			if v := recover(); v != nil {
				err = fmt.Errorf("mail: message %s: panic: %v\n%s", m.ID, v, debug.Stack())
			}
		}()
		next, more, err = r.handle(ctx, c, m)
	}()
	return next, more, err
}

func (w *Worker) takeIdle() *conn {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.idle) == 0 {
		return nil
	}
	c := w.idle[len(w.idle)-1]
	w.idle = w.idle[:len(w.idle)-1]
	return c
}

func (w *Worker) giveIdle(c *conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.idle = append(w.idle, c)
}

// handle settles one message over c, or over a new connection where c is nil or
// proves dead. It returns the connection for the next one and whether this lane
// may go on.
func (r *round) handle(ctx context.Context, c *conn, m storage.Message) (*conn, bool, error) {
	w := r.w
	text, end, err := w.prepare(ctx, m)
	switch {
	case errors.Is(err, storage.ErrConflict): // the lease is another worker's now
		return c, true, nil
	case err != nil:
		return c, false, err
	case end != nil:
		return c, true, w.settle(ctx, m, end)
	}
	for {
		if c == nil {
			var at step
			if c, at, err = w.dialer.dial(ctx); err != nil {
				r.putBack(m)
				r.failed(judge(at, err, false).class, err)
				return nil, false, nil
			}
		}
		used := c.used
		at, err := c.send(ctx, w.writer.from.Address, m.Recipient, text)
		if err == nil {
			r.answered(true)
			return c, true, w.settle(ctx, m, sent(storage.Hash(string(text))))
		}
		v := judge(at, err, used)
		if v.fate <= fateDefer {
			c.drop()
			c = nil
		}
		switch v.fate {
		case fateReconnect:
			continue
		case fateWait:
			r.putBack(m)
			r.failed(v.class, err)
			return nil, false, nil
		case fateDefer:
			r.failed(v.class, err)
			w.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "mail connection broke", slog.String("message", m.ID), slog.String("cause", err.Error()))
		default:
			r.answered(false)
			if v.final() {
				r.refuse(refusal{m, v, err})
				return c, true, nil
			}
		}
		return c, true, w.settle(ctx, m, w.ending(m, v))
	}
}

func (r *round) answered(taken bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.exchanged, r.taken = true, r.taken || taken
}
