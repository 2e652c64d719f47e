package server

import (
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// LAW-05: whoever runs the program is told when the time of the law is over, and how
// near that is.
func TestLAW05_OverdueRequestsAreCounted(t *testing.T) {
	s, _ := open(t)
	s.now = storagetest.Noon
	if text := metricsOf(s); strings.Contains(text, "\nclave_rights_seconds_left") {
		t.Errorf("none waits: %s", text)
	}
	a := storagetest.AddAfiliado(t, s.db, storage.Afiliado{})
	for number, due := range map[string]time.Time{"DER-A": s.now().Add(-time.Second), "DER-B": s.now().Add(time.Hour), "DER-C": s.now().Add(time.Hour)} {
		storagetest.InTx(t, s.db, func(tx *storage.Tx) error {
			return tx.AddRightsRequest(t.Context(), storage.RightsRequest{
				ID: number, Number: number, AfiliadoID: a.ID, Kind: storage.RightAccess, Detail: "x", DueAt: storage.At(due),
			})
		})
	}
	text := metricsOf(s)
	for _, want := range []string{`clave_rights_requests{overdue="no"} 2`, `clave_rights_requests{overdue="yes"} 1`, "\nclave_rights_seconds_left -1\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
}
