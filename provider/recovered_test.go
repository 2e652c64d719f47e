package provider

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

// T06: for thirty days applications learn, in the profile, that a clave has just
// been generated or recovered, and may wait; by the hour, which tells nobody apart.
func TestT06_RecoveredAt(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		at := h.clock.now()
		hour := strconv.FormatInt(at.Truncate(time.Hour).Unix(), 10)
		is := func(what, want string, a answerOf) {
			t.Helper()
			id, info := string(h.claimsOf(a.get("id_token"))["recovered_at"]), string(h.userinfoOf(a.get("access_token")).body["recovered_at"])
			if id != want || info != want {
				t.Errorf("%s: %q in the ID token, %q at userinfo, want %q", what, id, info, want)
			}
		}
		set := func(recovered time.Time) {
			h.inTx(func(tx *storage.Tx) error {
				return tx.SetClave(t.Context(), storage.Clave{
					AfiliadoID: h.person.ID, PHC: "x", CreatedAt: storage.At(h.clock.now()), RecoveredAt: storage.At(recovered),
				}, 1)
			})
		}
		set(time.Time{})
		is("never", "", h.tokens("web", "openid profile"))
		set(at)
		a := h.tokens("web", "openid profile offline_access")
		is("just now", hour, a)
		is("without the profile", "", h.tokens("web", "openid email"))
		set(time.Time{}) // a change keeps it
		is("refreshed after a change", hour, h.useRefresh("web", a.get("refresh_token")))
		h.inTx(func(tx *storage.Tx) error {
			return tx.SetClave(t.Context(), storage.Clave{
				AfiliadoID: h.person.ID, PHC: "x", CreatedAt: storage.At(at), RecoveredAt: storage.At(at.Add(-30 * 24 * time.Hour)),
			}, 1)
		})
		is("thirty days ago", "", h.tokens("web", "openid profile"))
		_, text := h.do("GET", "/.well-known/openid-configuration", "")
		if !strings.Contains(text, `"recovered_at"`) {
			t.Error("discovery does not list it")
		}
	})
}
