package main

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
	"iess.gob.ec/clave/templates"
)

// The operator sees a person's state and may unlock or disable her, with a reason
// that stands in the audit.
func TestT07_AfiliadoCommands(t *testing.T) {
	for _, engine := range storagetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			file := installed(t, storagetest.URL(t, engine))
			csv := filepath.Join(filepath.Dir(file), "people.csv")
			writeFile(t, csv, "cedula,nombres,apellidos,fecha_nacimiento,correo,tipo_asegurado,estado,huella\n"+
				"1759999913,María Fernanda,Quishpe Andrade,1985-03-14,maria.quishpe@example.ec,afiliado,activa,si\n")
			must(t, "import", "afiliados", csv, "-config", file)
			got := must(t, "afiliado", "show", "1759999913", "-config", file)
			for _, word := range []string{"***913", "afiliado", "activa", "clave", "none"} {
				if !strings.Contains(got, word) {
					t.Errorf("show lacks %q: %s", word, got)
				}
			}
			for _, secret := range []string{"1759999913", "maria.quishpe", "Quishpe"} {
				if strings.Contains(got, secret) {
					t.Errorf("show tells %q", secret)
				}
			}
			for _, tt := range []struct {
				args   []string
				status int
				says   string
			}{
				{[]string{"unlock", "1759999913"}, exitUsage, "-reason"},
				{[]string{"unlock", "1759999913", "-reason", "llamada"}, exitFailed, "not locked"},
				{[]string{"unlock", "0959999913", "-reason", "llamada"}, exitFailed, "nobody"},
				{[]string{"disable", "1759999913", "-reason", "pedido"}, exitDone, ""},
				{[]string{"disable", "1759999913", "-reason", "pedido"}, exitFailed, "already"},
			} {
				status, stdout, stderr := clave(t, append(append([]string{"afiliado"}, tt.args...), "-config", file)...)
				if status != tt.status || !strings.Contains(stderr, tt.says) {
					t.Errorf("%v: got %d %q %q", tt.args, status, stdout, stderr)
				}
			}
			if got := must(t, "afiliado", "show", "1759999913", "-config", file); strings.Contains(got, "disabled     -") {
				t.Errorf("still enabled: %s", got)
			}
		})
	}
}

// S086: unlock leaves a clave closed that "No fui yo" closed, and says so; where the
// attempts to answer were spent it gives them back, and says that too.
func TestAfiliadoUnlock_Disavowed(t *testing.T) {
	for _, engine := range storagetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			i := install(t, engine)
			a := storagetest.AddAfiliado(t, i.db, storage.Afiliado{})
			mac, now := i.db.IdentifierMAC(a.Identifier), storagetest.Noon()
			unlock := func() (int, string) {
				status, stdout, stderr := i.at(now, "afiliado", "unlock", "1759999913", "-reason", "llamada")
				return status, stdout + stderr
			}
			storagetest.InTx(t, i.db, func(tx *storage.Tx) error {
				_, err := tx.LockClave(t.Context(), mac, storage.LockCompromiso, now)
				return err
			})
			if status, said := unlock(); status != exitFailed || !strings.Contains(said, "nothing was done") {
				t.Errorf("got %d %q", status, said)
			}
			storagetest.InTx(t, i.db, func(tx *storage.Tx) error {
				_, err := tx.ReserveRecoveryAttempt(t.Context(), mac, 5, now, time.Time{})
				return err
			})
			status, said := unlock()
			for _, want := range []string{"stays closed", "Generar / Recuperar clave is open again", "told by mail"} {
				if status != exitDone || !strings.Contains(said, want) {
					t.Errorf("got %d %q, want %q", status, said, want)
				}
			}
			if b, err := i.db.LoginBudget(t.Context(), mac); err != nil || b.LockReason != storage.LockCompromiso {
				t.Errorf("got %+v, %v; want it closed", b, err)
			}
		})
	}
}

// A person whose address was given up is shown as such, and one act lets mail go
// there again.
func TestAfiliadoMail(t *testing.T) {
	for _, engine := range storagetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			i := install(t, engine)
			a := storagetest.AddAfiliado(t, i.db, storage.Afiliado{})
			now := storagetest.Noon()
			storagetest.InTx(t, i.db, func(tx *storage.Tx) error {
				return tx.SuppressAddress(t.Context(), a.Email, "550", now, now.Add(30*24*time.Hour))
			})
			for _, tt := range []struct {
				args   []string
				status int
				says   string
			}{
				{[]string{"show", "1759999913"}, exitDone, "refused mail (550) " + instant(now) + "; nothing is sent there until " + instant(now.Add(30*24*time.Hour))},
				{[]string{"mail", "1759999913"}, exitUsage, "-reason"},
				{[]string{"mail", "1759999913", "-reason", "llamada"}, exitDone, "mail goes again to the address of"},
				{[]string{"mail", "1759999913", "-reason", "llamada"}, exitFailed, "was given up"},
			} {
				status, stdout, stderr := i.at(now.Add(time.Hour), append([]string{"afiliado"}, tt.args...)...)
				if status != tt.status || !strings.Contains(stdout+stderr, tt.says) || strings.Contains(stdout+stderr, "by mail") {
					t.Errorf("%v: got %d %q %q", tt.args, status, stdout, stderr)
				}
			}
			if _, stdout, _ := i.at(now.Add(time.Hour), "afiliado", "show", "1759999913"); strings.Contains(stdout, "refused") {
				t.Errorf("still given up: %s", stdout)
			}
		})
	}
}

// ASVS 6.4.4: once she is identified at a desk an operator ends all of a person's
// factors, and says why; her clave is due again.
func TestT07_ASVS_6_4_4_AfiliadoPasskeys(t *testing.T) {
	for _, engine := range storagetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			i := install(t, engine)
			a, now := storagetest.AddAfiliado(t, i.db, storage.Afiliado{}), storagetest.Noon()
			storagetest.AddClave(t, i.db, a.ID, "x", time.Time{})
			storagetest.InTx(t, i.db, func(tx *storage.Tx) error {
				_, err := tx.UserHandle(t.Context(), a.ID, now)
				return errors.Join(err, tx.AddPasskey(t.Context(), storage.Passkey{
					ID: "passkey", AfiliadoID: a.ID, CredentialID: "x", Credential: "{}", CreatedAt: storage.At(now),
				}))
			})
			for _, tt := range []struct {
				args   []string
				status int
				says   string
			}{
				{[]string{"show", "1759999913"}, exitDone, "passkeys        1"},
				{[]string{"passkeys", "1759999913"}, exitUsage, "-reason"},
				{[]string{"passkeys", "1759999913", "-reason", "CAU Quito"}, exitDone, "ended the passkeys and second factors of ***913; she will be told by mail"},
				{[]string{"passkeys", "1759999913", "-reason", "CAU Quito"}, exitFailed, "nothing was done"},
				{[]string{"show", "1759999913"}, exitDone, "passkeys        0"},
			} {
				status, stdout, stderr := i.at(now, append([]string{"afiliado"}, tt.args...)...)
				if status != tt.status || !strings.Contains(stdout+stderr, tt.says) {
					t.Errorf("%v: got %d %q %q, want %d %q", tt.args, status, stdout, stderr, tt.status, tt.says)
				}
			}
			rows, err := i.db.PersonEvents(t.Context(), a.ID, login.EventFactorsEnded, now, 10)
			if err != nil || len(rows) != 1 || rows[0].Actor != "operator" || !strings.Contains(rows[0].Detail, "CAU Quito") {
				t.Errorf("audit %+v, %v", rows, err)
			}
			due, err := i.db.DueErrands(t.Context(), now, 10)
			if err != nil || len(due) != 1 || due[0].Kind != string(templates.AllEnded) {
				t.Errorf("told of by %+v, %v", due, err)
			}
			c, err := i.db.ClaveFacts(t.Context(), a.ID)
			if err != nil || c.DueAt.Before(now.Add(30*24*time.Hour)) {
				t.Errorf("due %v, %v, want it due again, in 30 days at the soonest", c.DueAt, err)
			}
		})
	}
}
