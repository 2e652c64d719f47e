package provider

import (
	"context"
	"strings"
	"sync"
	"time"

	"iess.gob.ec/clave/storage"
)

// disclosures are what applications were handed of people and is not written down
// yet. Nobody waits for a commit of it: each process writes its own every few
// seconds, and once more before it stops. Of one that is killed those seconds are
// lost; that tokens were issued, and of which scope, is in the audit all the same.
type disclosures struct {
	mu      sync.Mutex
	pending map[disclosed]span
}

// disclosed are the same claims of the same person at the same application.
type disclosed struct{ afiliadoID, clientID, claims string }

// span is when they were first and last handed out.
type span struct{ first, last time.Time }

// with is the span that holds both.
func (s span) with(o span) span {
	if s.first.IsZero() || o.first.Before(s.first) {
		s.first = o.first
	}
	if o.last.After(s.last) {
		s.last = o.last
	}
	return s
}

// note remembers that an application was handed those claims at now; claims without
// a value are not handed out.
func (d *disclosures) note(afiliadoID, clientID string, claims []storage.Claim, now time.Time) {
	var names strings.Builder
	for _, c := range claims {
		if len(c.Values) == 0 {
			continue
		}
		if names.Len() > 0 {
			names.WriteByte(' ')
		}
		names.WriteString(c.Name)
	}
	d.add(map[disclosed]span{{afiliadoID, clientID, names.String()}: {now, now}})
}

func (d *disclosures) add(all map[disclosed]span) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.pending == nil {
		d.pending = map[disclosed]span{}
	}
	for k, s := range all {
		d.pending[k] = d.pending[k].with(s)
	}
}

func (d *disclosures) take() map[disclosed]span {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := d.pending
	d.pending = nil
	return all
}

// WriteDisclosures writes down what applications were handed since it last did: the
// names of claims, to whom, of whom, first and last when. It is a job of every
// process. What could not be written waits for the next time.
func (s *Server) WriteDisclosures(ctx context.Context, _ time.Time) error {
	all := s.disclosures.take()
	if len(all) == 0 {
		return nil
	}
	rows := make([]storage.Disclosure, 0, len(all))
	for k, at := range all {
		rows = append(rows, storage.Disclosure{
			AfiliadoID: k.afiliadoID, ClientID: k.clientID, Claims: k.claims, FirstAt: storage.At(at.first), LastAt: storage.At(at.last),
		})
	}
	err := s.DB.InTx(ctx, func(tx *storage.Tx) error { return tx.AddDisclosures(ctx, rows) })
	if err != nil {
		s.disclosures.add(all)
	}
	return err
}
