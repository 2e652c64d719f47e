package recovery_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/recovery"
	"iess.gob.ec/clave/storage"
)

// C10: a network is new to somebody who has been seen signing in, and never from its
// /24; as long as addresses are kept, and among her last sign-ins.
func TestC10_NewNetwork(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		fires := func() bool {
			t.Helper()
			c, err := s.DB.Recovery(t.Context(), s.journey().pass(s.maria).Hidden("caso"))
			if err != nil {
				t.Fatal(err)
			}
			again, stored, err := recovery.Replay(c.Risk)
			if err != nil || !slices.Equal(again.Lines, stored.Lines) || stored.Route != recovery.RouteLink {
				t.Errorf("stored %+v, again %+v, %v", stored, again, err)
			}
			return slices.Contains(stored.Lines, recovery.LineNetwork)
		}
		signsIn := func(addresses ...string) {
			t.Helper()
			s.Pass(time.Second)
			s.In(func(tx *storage.Tx) error {
				for _, address := range addresses {
					e := storage.Event{
						At: storage.At(s.Time()), Name: login.EventSessionStarted, AfiliadoID: s.maria.ID, Actor: "afiliado", Personal: map[string]string{"address": address},
					}
					if err := tx.Audit(t.Context(), e); err != nil {
						return err
					}
				}
				return nil
			})
		}
		if fires() {
			t.Error("nothing is known of her networks, and this one is new")
		}
		signsIn("127.0.1.1", "2001:db8::1")
		if !fires() {
			t.Error("she has been seen elsewhere only, and this one is not new")
		}
		signsIn("127.0.0.200", "198.51.100.7")
		if fires() {
			t.Error("she has signed in from here, and it is new")
		}
		signsIn(slices.Repeat([]string{"198.51.100.7"}, 19)...)
		if !fires() {
			t.Error("it was twenty sign-ins ago, and is not new")
		}
		s.Pass(time.Second)
		s.Want(s.NewBrowser().Post("/ingresar", "cedula", string(s.maria.Identifier), "clave", old), http.StatusSeeOther, "/cuenta")
		if fires() {
			t.Error("she has just signed in from here, and it is new")
		}
		if _, err := s.DB.EraseAuditPersonal(t.Context(), s.Time().Add(time.Second), s.Time(), 1000, login.Coarse); err != nil {
			t.Fatal(err)
		}
		signsIn("")
		if fires() {
			t.Error("her addresses are erased, and this one is new")
		}
	})
}

// C10: a network is a /24, or a /48 of IPv6, however its addresses are written.
func TestC10_NetworksAreCut(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		same bool
	}{
		{"198.51.100.0", "198.51.100.255", true},
		{"198.51.100.255", "198.51.101.0", false},
		{"198.51.100.7", "::ffff:198.51.100.8", true},
		{"2001:db8:1::1", "2001:db8:1:ffff::9%eth0", true},
		{"2001:db8:1::1", "2001:db8:2::1", false},
	} {
		a, b := login.NetworkName(tt.a), login.NetworkName(tt.b)
		if a == "" || b == "" || (a == b) != tt.same {
			t.Errorf("%s is of %q, %s of %q", tt.a, a, tt.b, b)
		}
	}
}
