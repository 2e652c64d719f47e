package login_test

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
)

// T13, T03: the failures of a network delay strangers from it, whomever they ask
// for and whichever replica they meet; a device known to be hers waits for nothing.
func TestT13_T03_NetworkDelaysStrangersOnEveryReplica(t *testing.T) {
	t.Parallel()
	few := func(c *login.Config) {
		c.Network = login.Limit{Free: 3, Leak: time.Hour, Step: time.Second, Max: 10 * time.Second}
		c.Identifier = login.Limit{Free: 1000, Leak: time.Hour}
	}
	each(t, func(t *testing.T, s *site) {
		var waited []time.Duration
		wait := func(_ context.Context, d time.Duration) error { waited = append(waited, d); return nil }
		want := func(what string, delays ...time.Duration) {
			t.Helper()
			if !slices.Equal(waited, delays) {
				t.Errorf("%s: waited %v, want %v", what, waited, delays)
			}
			waited = nil
		}
		s.Wait = wait
		s.person(cedula, clave)
		own := s.browser()
		s.Want(own.signIn("", cedula, clave), http.StatusSeeOther, "/cuenta")
		own.PostForm("/oauth/logout", nil)
		for i := range 6 { // a different identifier each time
			s.press(unused(i), 1)
		}
		want("six failures of one network", time.Second, 2*time.Second)

		replica := s.replica(few)
		replica.Wait = wait
		replica.press(unused(6), 1)
		want("another replica", 3*time.Second)

		s.Want(own.try("", cedula, clave), http.StatusSeeOther, "/cuenta")
		want("her own device")
		stranger := s.browser()
		s.Want(stranger.try("", cedula, clave), http.StatusSeeOther, "/cuenta")
		want("a new device of hers", 4*time.Second)
		s.Pass(4 * time.Hour) // what has leaked is forgotten
		s.press(unused(7), 1)
		want("four hours later")
	}, few)
}
