package main

import (
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
	"iess.gob.ec/clave/templates"
)

// LAW-05: what people ask is read and answered; reading and answering are audited,
// and the answer is told.
func TestLAW05_OperatorAnswersRequests(t *testing.T) {
	for _, engine := range storagetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			i := install(t, engine)
			now := storagetest.Noon()
			a := storagetest.AddAfiliado(t, i.db, storage.Afiliado{})
			run := func(at time.Time, status int, says string, args ...string) string {
				t.Helper()
				got, stdout, stderr := i.at(at, append([]string{"rights"}, args...)...)
				if got != status || !strings.Contains(stdout+stderr, says) {
					t.Errorf("%q: got %d %q %q, want %d and %q", args, got, stdout, stderr, status, says)
				}
				return stdout
			}
			run(now, exitDone, "no request waits", "list")
			for n, number := range []string{"DER-AAAA-2222", "DER-BBBB-3333"} {
				asked := now.AddDate(0, 0, -20*n)
				storagetest.InTx(t, i.db, func(tx *storage.Tx) error {
					return tx.AddRightsRequest(t.Context(), storage.RightsRequest{
						ID: storage.NewID(), Number: number, AfiliadoID: a.ID, Kind: storage.RightErasure, Detail: "Borren mi \x1b[31mcelular\nya",
						CreatedAt: storage.At(asked), DueAt: storage.At(asked.AddDate(0, 0, 16)),
					})
				})
			}
			list := run(now, exitDone, "overdue by", "list")
			if late, soon := strings.Index(list, "DER-BBBB-3333"), strings.Index(list, "DER-AAAA-2222"); late < 0 || soon < late || strings.Contains(list, "celular") {
				t.Errorf("the most pressing comes first, and nothing of what was asked is listed: %s", list)
			}
			if show := run(now, exitDone, "Borren mi [31mcelular\nya", "show", "DER-AAAA-2222"); strings.Contains(show, "\x1b") {
				t.Errorf("a terminal would obey what somebody typed: %q", show)
			}
			run(now, exitFailed, "no request of that number", "show", "DER-X")
			run(now, exitUsage, "-outcome", "answer", "DER-AAAA-2222", "-text", "Listo")
			run(now, exitUsage, "-text", "answer", "DER-AAAA-2222", "-outcome", "negada", "-text", " ")
			run(now, exitUsage, "at most 4000", "answer", "DER-AAAA-2222", "-outcome", "negada", "-text", strings.Repeat("ñ", 4001))
			run(now, exitFailed, "no request of that number", "answer", "DER-X", "-outcome", "negada", "-text", "No consta")
			run(now, exitDone, "answered", "answer", "DER-AAAA-2222", "-outcome", "parcial", "-text", "Quitamos el celular")
			run(now, exitFailed, "does not wait", "answer", "DER-AAAA-2222", "-outcome", "negada", "-text", "No")
			run(now, exitDone, "contestada parcial", "show", "DER-AAAA-2222")
			events := map[string]int{}
			rows, err := i.db.AuditRows(t.Context(), 0, 1000)
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range rows {
				if row.AfiliadoID == a.ID && row.Actor == "operator" {
					events[row.Event]++
				}
				if strings.Contains(row.Detail, "celular") {
					t.Errorf("the audit has what was asked or answered: %s", row.Detail)
				}
			}
			if events[login.EventRightsRead] != 2 || events[login.EventRightsAnswered] != 1 {
				t.Errorf("got audit rows %v", events)
			}
			errands, err := i.db.DueErrands(t.Context(), now, 10)
			if err != nil || len(errands) != 1 || errands[0].Kind != string(templates.RightsAnswered) {
				t.Errorf("got errands %v, %v; want that she is told", errands, err)
			}
		})
	}
}
