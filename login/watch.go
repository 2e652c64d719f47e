package login

import (
	"context"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"iess.gob.ec/clave/login/challenge"
	"iess.gob.ec/clave/storage"
)

// Audit events of the alarm, by nobody.
const (
	EventAlarmRaised = "login.alarm.raised" // detail: failures, baseline
	EventAlarmEnded  = "login.alarm.ended"  // detail: raised
)

const (
	alarmName = "login"
	// usualOver is the time in which what is usual is found, usualLife how long
	// that is believed.
	usualOver = 24 * time.Hour
	usualLife = 10 * time.Minute
)

// watch is what one process knows of the failures everywhere. Those of its own it
// counts in memory: no row of the database is everybody's who fails.
type watch struct {
	failed atomic.Int64 // not yet in the tally
	ends   atomic.Int64 // until when the alarm lasts, in microseconds
	recent atomic.Int64
	usual  atomic.Int64

	mu      sync.Mutex
	usualAt time.Time // when usual was read
}

// Watched is what the last WatchFailures found.
type Watched struct {
	Raised bool  // the alarm
	Recent int64 // failures in the last minute, at all replicas
	Usual  int64 // failures of a usual minute
}

// Watched returns what the guard goes by now.
func (s *Server) Watched() Watched {
	return Watched{Raised: s.alarmed(s.Now()), Recent: s.watch.recent.Load(), Usual: s.watch.usual.Load()}
}

// alarmed reports whether the alarm is raised. It asks no database.
func (s *Server) alarmed(now time.Time) bool { return now.UnixMicro() < s.watch.ends.Load() }

// pressing is the level of a network as a challenge sees it: the alarm counts as
// the least that asks for one, and delays nobody.
func (s *Server) pressing(v *Visit, network int) int {
	if s.alarmed(v.Now) {
		return max(network, challenge.LeastNetwork)
	}
	return network
}

// WatchFailures adds what failed here to what failed elsewhere and raises, holds
// or ends the alarm. It is a job of every process, to be run every few seconds; it
// bears being run by any number of them at once.
func (s *Server) WatchFailures(ctx context.Context, now time.Time) error {
	if s.Alarm.Times == 0 {
		return nil
	}
	w := &s.watch
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := s.tally(ctx, now); err != nil {
		return err
	}
	recent, err := s.DB.Failures(ctx, now.Add(-time.Minute), now)
	if err != nil {
		return err
	}
	alarm, err := s.DB.Alarm(ctx, alarmName)
	if err != nil {
		return err
	}
	usual, err := s.usual(ctx, alarm, now)
	if err != nil {
		return err
	}
	w.recent.Store(recent)
	w.usual.Store(usual)
	over := s.Alarm.Over(recent, usual)
	if over || alarm.Over(now) {
		if err := s.change(ctx, alarm, over, recent, usual, now); err != nil {
			return err
		}
	}
	ends := int64(0)
	if alarm.Raised(now) {
		ends = alarm.EndsAt.UnixMicro()
	}
	if over {
		ends = max(ends, now.Add(s.Alarm.Hold).UnixMicro())
	}
	w.ends.Store(ends)
	return nil
}

// tally writes down what failed here. What could not be written waits for the
// next time.
func (s *Server) tally(ctx context.Context, now time.Time) error {
	n := s.watch.failed.Swap(0)
	if n == 0 {
		return nil
	}
	err := s.DB.InTx(ctx, func(tx *storage.Tx) error { return tx.AddFailures(ctx, n, now) })
	if err != nil {
		s.watch.failed.Add(n)
	}
	return err
}

// usual is how many failures a minute has. While the alarm is raised it is what it
// was before: an attack must not become usual by lasting. What has lasted for a day
// is usual all the same, or a first busy day would be an alarm for ever.
func (s *Server) usual(ctx context.Context, alarm storage.Alarm, now time.Time) (int64, error) {
	w := &s.watch
	if alarm.Raised(now) && now.Sub(alarm.RaisedAt.Time) < usualOver {
		w.usualAt = time.Time{}
		return alarm.Baseline, nil
	}
	if age := now.Sub(w.usualAt); age >= 0 && age < usualLife {
		return w.usual.Load(), nil
	}
	failed, err := s.DB.FailureMinutes(ctx, now.Add(-usualOver), now)
	if err != nil {
		return 0, err
	}
	w.usualAt = now
	return Usual(failed, int(usualOver/time.Minute)), nil
}

// change ends the alarm where it is over and, where failures are, raises it or
// lets it last. Of all replicas one writes each event.
func (s *Server) change(ctx context.Context, alarm storage.Alarm, over bool, recent, usual int64, now time.Time) error {
	ended, raised := false, false
	ends := now.Add(s.Alarm.Hold)
	err := s.DB.InTx(ctx, func(tx *storage.Tx) error {
		var err error
		if ended, err = tx.EndAlarm(ctx, alarmName, now); err != nil {
			return err
		}
		if ended {
			e := storage.Event{At: storage.At(now), Name: EventAlarmEnded, Actor: "system", Detail: map[string]string{
				"raised": alarm.RaisedAt.UTC().Format(time.RFC3339),
			}}
			if err := tx.Audit(ctx, e); err != nil {
				return err
			}
		}
		if !over {
			return nil
		}
		raised, err = tx.RaiseAlarm(ctx, alarmName, storage.Alarm{RaisedAt: storage.At(now), EndsAt: storage.At(ends), Baseline: usual})
		if err != nil {
			return err
		}
		if !raised {
			return tx.ExtendAlarm(ctx, alarmName, ends)
		}
		return tx.Audit(ctx, storage.Event{At: storage.At(now), Name: EventAlarmRaised, Actor: "system", Detail: map[string]string{
			"failures": strconv.FormatInt(recent, 10), "baseline": strconv.FormatInt(usual, 10),
		}})
	})
	if err != nil {
		return err
	}
	if ended {
		s.Log.LogAttrs(ctx, slog.LevelInfo, "sign-in alarm ended")
	}
	if raised {
		s.Log.LogAttrs(ctx, slog.LevelWarn, "sign-in alarm raised: strangers answer a challenge everywhere",
			slog.Int64("failures_last_minute", recent), slog.Int64("baseline", usual))
	}
	return nil
}
