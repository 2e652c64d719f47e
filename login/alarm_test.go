package login_test

import (
	"context"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/logintest"
	"iess.gob.ec/clave/storage"
)

func TestT02_Alarm_ComparesWithTheUsual(t *testing.T) {
	three := login.DefaultAlarm()
	for _, tt := range []struct {
		name            string
		alarm           login.Alarm
		failures, usual int64
		over            bool
	}{
		{name: "nothing happens", alarm: three},
		{name: "a quiet place, under the least", alarm: three, failures: 99},
		{name: "a quiet place, at the least", alarm: three, failures: 100, over: true},
		{name: "three times of little", alarm: three, failures: 60, usual: 20},
		{name: "almost three times", alarm: three, failures: 599, usual: 200},
		{name: "three times", alarm: three, failures: 600, usual: 200, over: true},
		{name: "switched off", alarm: login.Alarm{Least: 100}, failures: math.MaxInt64},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.alarm.Over(tt.failures, tt.usual); got != tt.over {
				t.Errorf("got %v, want %v", got, tt.over)
			}
		})
	}
}

func TestT02_Alarm_UsualIsTheMedianMinute(t *testing.T) {
	for _, tt := range []struct {
		name    string
		failed  []int64
		minutes int
		want    int64
	}{
		{name: "no failure ever", minutes: 1440},
		{name: "no minutes"},
		{name: "failures in fewer than half of the minutes", failed: slices.Repeat([]int64{50}, 719), minutes: 1440},
		{name: "in half of them", failed: slices.Repeat([]int64{50}, 720), minutes: 1440, want: 50},
		{name: "a flood of an hour", failed: slices.Concat(slices.Repeat([]int64{9000}, 60), slices.Repeat([]int64{7}, 1380)), minutes: 1440, want: 7},
		{name: "day and night, in no order", failed: []int64{90, 1, 50, 2}, minutes: 5, want: 2},
		{name: "a minute too many", failed: []int64{3, 1, 2}, minutes: 2, want: 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := login.Usual(tt.failed, tt.minutes); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}

// alarmed is a site with an alarm at twenty failures, whose networks never press.
func alarmed(c *login.Config) {
	c.Alarm = login.Alarm{Times: 3, Least: 20, Hold: 10 * time.Minute}
	c.Network = login.Limit{Free: math.MaxInt32, Leak: time.Nanosecond}
}

// watch runs the job of each.
func watch(sites ...*site) {
	for _, s := range sites {
		s.T.Helper()
		if err := s.WatchFailures(s.T.Context(), s.Now()); err != nil {
			s.T.Fatal(err)
		}
	}
}

func (s *site) asks() bool {
	s.T.Helper()
	return s.browser().Get("/ingresar").Reto() != ""
}

// T02: what fails at all replicas together raises one alarm, after which each of
// them asks strangers of any network, and nobody else, to answer; a process that
// starts later does too. It ends ten minutes after the last minute of so many.
func TestT02_Alarm_OfAllReplicas(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		s.person(another, clave)
		own := s.browser()
		s.Want(own.signIn("", cedula, clave), http.StatusSeeOther, "/cuenta")
		other := s.replica(alarmed)
		start := s.Time()
		for i := range 10 {
			s.press(unused(i), 1)
			if i < 9 {
				other.press(unused(i), 1)
			}
		}
		watch(s, other)
		if s.asks() || other.asks() || s.Watched() != (login.Watched{Recent: 10}) || other.Watched() != (login.Watched{Recent: 19}) {
			t.Errorf("with 19 failures: %+v, %+v", s.Watched(), other.Watched())
		}
		other.press(unused(9), 1)
		watch(other, s, other, s)
		if !s.asks() || !other.asks() || s.Events(login.EventAlarmRaised) != 1 || strings.Count(s.logged.String(), "sign-in alarm raised") != 1 {
			t.Errorf("with 20: %+v, %+v, %d events", s.Watched(), other.Watched(), s.Events(login.EventAlarmRaised))
		}

		before := hashes(s.Hash.Counts())
		if got := s.browser().try("", another, clave); got.Reto() == "" || !strings.Contains(got.Body, logintest.Refused) || hashes(s.Hash.Counts()) != before {
			t.Errorf("a stranger is not asked: %d %s", got.Status, head(got.Body))
		}
		s.Want(own.try("", cedula, clave), http.StatusSeeOther, "/cuenta")
		if own.Get("/ingresar").Reto() != "" {
			t.Error("a known device is asked")
		}
		b := s.browser()
		s.Want(b.signIn("", another, clave), http.StatusSeeOther, "/cuenta") // by answering, on the same network
		if s.waits.Load() != 0 {
			t.Error("the alarm made somebody wait")
		}

		later := s.replica(alarmed)
		watch(later)
		if !later.asks() {
			t.Error("a process that starts later does not ask")
		}
		s.SetTime(start.Add(10*time.Minute - time.Second))
		for range 20 { // the attack goes on, though it tries nothing any more
			later.browser().try("", another, wrong)
		}
		watch(later, s, other)
		s.Pass(10*time.Minute - time.Second)
		watch(s, other)
		if !s.asks() || !other.asks() || s.Events(login.EventAlarmRaised) != 1 || s.Events(login.EventAlarmEnded) != 0 {
			t.Errorf("held: %+v, %+v", s.Watched(), other.Watched())
		}
		s.Pass(time.Second)
		if s.asks() || other.asks() || later.asks() {
			t.Error("asked after its end")
		}
		watch(other, s, later)
		if s.Events(login.EventAlarmEnded) != 1 || s.Events(login.EventAlarmRaised) != 1 || s.asks() {
			t.Errorf("%d ended", s.Events(login.EventAlarmEnded))
		}
		for i := range 20 {
			s.press(unused(20+i), 1)
		}
		watch(s, other)
		if s.Events(login.EventAlarmRaised) != 2 || !other.asks() {
			t.Error("not raised again")
		}
	}, alarmed)
}

// T02: what is usual is found in the last day. While an alarm lasts it stays what
// it was before, for a process that starts then too: an attack does not become
// usual by lasting.
func TestT02_Alarm_AttackDoesNotBecomeUsual(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		fail := func(n int64, at time.Time) {
			s.In(func(tx *storage.Tx) error { return tx.AddFailures(t.Context(), n, at) })
		}
		s.In(func(tx *storage.Tx) error {
			for i := range 730 {
				if err := tx.AddFailures(t.Context(), 40, s.Time().Add(-time.Duration(i+2)*time.Minute)); err != nil {
					return err
				}
			}
			return nil
		})
		fail(119, s.Time())
		watch(s)
		if got := s.Watched(); got != (login.Watched{Recent: 119, Usual: 40}) {
			t.Errorf("below three times: %+v", got)
		}
		fail(1, s.Time())
		watch(s)
		if got := s.Watched(); got != (login.Watched{Raised: true, Recent: 120, Usual: 40}) {
			t.Errorf("three times: %+v", got)
		}
		for range 180 { // fifteen hours: most of what the median is of
			s.In(func(tx *storage.Tx) error {
				for range 5 {
					if err := tx.AddFailures(t.Context(), 500, s.Time()); err != nil {
						return err
					}
					s.Pass(time.Minute)
				}
				return nil
			})
			s.Pass(-30 * time.Second)
			watch(s)
			s.Pass(30 * time.Second)
		}
		s.Pass(-30 * time.Second)
		later := s.replica(alarmed)
		watch(later)
		if want := (login.Watched{Raised: true, Recent: 500, Usual: 40}); s.Watched() != want || later.Watched() != want || s.Events(login.EventAlarmRaised) != 1 {
			t.Errorf("got %+v, %+v, want %+v, raised once", s.Watched(), later.Watched(), want)
		}
	}, alarmed)
}

// T02: what has lasted for a day is usual, and the alarm of a first day ends.
func TestT02_Alarm_ADayIsUsual(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.In(func(tx *storage.Tx) error {
			for i := range 24 * 60 {
				if err := tx.AddFailures(t.Context(), 30, s.Time().Add(-time.Duration(i)*time.Minute)); err != nil {
					return err
				}
			}
			_, err := tx.RaiseAlarm(t.Context(), "login", storage.Alarm{
				RaisedAt: storage.At(s.Time().Add(time.Minute - 24*time.Hour)), EndsAt: storage.At(s.Time().Add(5 * time.Minute)),
			})
			return err
		})
		watch(s) // on the minute, two of them count as the last
		if got := s.Watched(); got != (login.Watched{Raised: true, Recent: 60}) {
			t.Errorf("within the day: %+v", got)
		}
		for range 11 {
			s.Pass(time.Minute)
			s.In(func(tx *storage.Tx) error { return tx.AddFailures(t.Context(), 30, s.Time()) })
			watch(s)
		}
		if got := s.Watched(); got != (login.Watched{Recent: 60, Usual: 30}) {
			t.Errorf("after it: %+v", got)
		}
	}, alarmed)
}

// T02: an alarm that is switched off costs nothing and asks nobody; what cannot
// be written down is not forgotten.
func TestT02_Alarm_SwitchedOffAndDatabaseAway(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		off := s.replica(alarmed, func(c *login.Config) { c.Alarm.Times = 0 })
		for i := range 20 {
			s.press(unused(i), 1)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.WatchFailures(ctx, s.Time()); err == nil {
			t.Error("a database that is away went unnoticed")
		}
		watch(s, off)
		if !s.asks() || off.asks() {
			t.Errorf("got %+v and, switched off, %+v", s.Watched(), off.Watched())
		}
	}, alarmed)
}
