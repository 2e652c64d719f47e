package main

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// installation is one that tests also reach behind the program's back.
type installation struct {
	*testing.T
	file string
	cfg  *config
	db   *storage.DB
}

func install(t *testing.T, engine string) *installation {
	t.Helper()
	file := installed(t, storagetest.URL(t, engine))
	cfg, problems := loadConfig(file, nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	db, err := storage.Open(t.Context(), cfg.storage())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return &installation{t, file, cfg, db}
}

// at runs a command at a time.
func (i *installation) at(now time.Time, args ...string) (int, string, string) {
	i.Helper()
	var stdout, stderr output
	status := run(i.Context(), program{args: append(args, "-config", i.file), stdout: &stdout, stderr: &stderr, now: func() time.Time { return now }})
	return status, stdout.String(), stderr.String()
}

// want fails unless a command ends with status, saying so on either output.
func (i *installation) want(status int, says string, args ...string) {
	i.Helper()
	got, stdout, stderr := i.at(time.Now(), args...)
	if got != status || !strings.Contains(stdout+stderr, says) {
		i.Errorf("clave %s: got %d %q %q, want %d and %q", strings.Join(args, " "), got, stdout, stderr, status, says)
	}
}

func (i *installation) write(name, text string) string {
	i.Helper()
	name = filepath.Join(filepath.Dir(i.file), name)
	writeFile(i, name, text)
	return name
}

// behind runs statements as only who owns the database can.
func (i *installation) behind(statements ...string) {
	i.Helper()
	driver, address := "postgres", i.cfg.Database.URL
	if name, embedded := strings.CutPrefix(address, "sqlite:"); embedded {
		driver, address = "sqlite", name
	}
	raw, err := sql.Open(driver, address)
	if err != nil {
		i.Fatal(err)
	}
	defer raw.Close()
	for _, statement := range statements {
		if _, err := raw.ExecContext(i.Context(), statement); err != nil {
			i.Fatalf("%s: %v", statement, err)
		}
	}
}

func TestT07_AuditVerifyTellsOfTampering(t *testing.T) {
	for _, engine := range storagetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			i := install(t, engine)
			storagetest.InTx(t, i.db, func(tx *storage.Tx) error {
				for range 3 {
					if err := tx.Audit(t.Context(), storage.Event{At: storage.At(time.Now()), Name: "clave.changed", Actor: "afiliado"}); err != nil {
						return err
					}
				}
				return nil
			})
			if n, err := i.db.SealAudit(t.Context(), 100); err != nil || n != 3 {
				t.Fatalf("sealed %d, %v", n, err)
			}
			signer, err := note.NewSigner(i.cfg.Audit.Key)
			if err != nil {
				t.Fatal(err)
			}
			signed, err := i.db.SignAuditHead(t.Context(), signer, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			own, err := publicKey(i.cfg.Audit.Key)
			if err != nil {
				t.Fatal(err)
			}
			other, err := storage.NewAuditKey("localhost/audit")
			if err != nil {
				t.Fatal(err)
			}
			kept, forged := i.write("kept", signed), i.write("forged", strings.Replace(signed, "\n3\n", "\n2\n", 1))
			i.want(exitDone, "3 rows in the log, 0 waiting to be sealed; 1 heads checked, the last signed", "audit", "verify")
			i.want(exitDone, "; 2 heads checked", "audit", "verify", "-head", kept)
			i.want(exitDone, "; 1 heads checked", "audit", "verify", "-verifier", other.Verifier, "-verifier", own)
			i.want(exitFailed, "the log: the head of 3 leaves does not hold: none of the keys", "audit", "verify", "-verifier", other.Verifier)
			i.want(exitFailed, "the log: a head kept elsewhere does not hold: ", "audit", "verify", "-head", forged)
			i.want(exitFailed, "no such file", "audit", "verify", "-head", kept+"x")
			i.want(exitUsage, "-verifier is not a public key", "audit", "verify", "-verifier", "x")

			disarm := `DROP TRIGGER audit_no_update`
			if engine == "postgres" {
				disarm = `ALTER TABLE audit DISABLE TRIGGER audit_append_only`
			}
			i.behind(disarm, `UPDATE audit SET actor = 'nobody' WHERE id = (SELECT MAX(id) FROM audit)`)
			i.want(exitFailed, ", leaf 2: the row was changed", "audit", "verify")
			i.want(exitFailed, "does not agree in 1 places", "audit", "verify")
		})
	}
}

// Each command does what it says, not only end well.
func TestOperatorsDayHasEffects(t *testing.T) {
	for _, engine := range storagetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			i := install(t, engine)
			now := time.Now()
			apps := i.write("apps.json", `[{"client_id": "historia", "client_name": "Historia", "client_secret": "`+storage.NewSecret()+`",
				"redirect_uris": ["https://historia.example/regreso"], "backchannel_logout_uri": "https://historia.example/fin",
				"iess_events": ["`+storage.SessionRevoked+`"], "iess_events_uri": "https://historia.example/eventos"}]`)
			i.want(exitDone, "applied historia", "client", "apply", apps)
			i.want(exitDone, "told of no logout and no security event lately", "client", "show", "historia")
			i.want(exitDone, "Beside the issuer it may ask for tokens for no API.", "client", "show", "historia")
			leave(i, "historia", now)
			i.want(exitDone, "1 pending  1 pending  openid", "client", "list")
			i.want(exitDone, `"backchannel_logout_uri": "https://historia.example/fin"`, "client", "show", "historia")
			i.want(exitDone, "backchannel-logout  pending  1                timeout ", "client", "show", "historia")
			i.want(exitDone, "session-revoked     pending  0                - ", "client", "show", "historia")
			i.want(exitFailed, "clave client list", "client", "show", "nobody")
			named := `"client_id": "lotes", "client_secret": "` + storage.NewSecret() + `", "client_name": "Lotes", "grant_types": ["client_credentials"], "scope": "a:leer"`
			i.want(exitFailed, `index 0, client "lotes": iess_resources: "urn:a" is the iess_resource_server of no application`,
				"client", "apply", i.write("unknown.json", `[{`+named+`, "iess_resources": ["urn:a"]}]`))
			i.want(exitFailed, "there is no application", "client", "show", "lotes")
			i.want(exitDone, "applied lotes", "client", "apply", i.write("machine.json", `[{`+named+`, "iess_first_party": true}]`))
			i.want(exitDone, "Beside the issuer it may ask for tokens for any API that is registered.", "client", "show", "lotes")
			without := i.write("without.json", `[{"client_id": "x", "client_name": "X", "redirect_uris": ["https://x.example/"]}]`)
			i.want(exitFailed, `without.json: client "x": client_secret: there is none on file`, "client", "apply", without)

			_, before, _ := i.at(now, "keys", "list")
			if status, stdout, stderr := i.at(now.Add(i.cfg.Tokens.KeyCache+time.Minute), "keys", "rotate"); status != exitDone || stdout != "rotated ES256\n" {
				t.Errorf("rotate: got %d %q %q", status, stdout, stderr)
			}
			_, after, _ := i.at(now, "keys", "list")
			for _, state := range []string{"active", "next"} { // the next one signs now, and the one that did is still published
				if was, is := kidOf(before, state), kidOf(after, map[string]string{"active": "retired", "next": "active"}[state]); was == "" || was != is {
					t.Errorf("rotate: the %s key was %q:\n%s\n%s", state, was, before, after)
				}
			}

			people := "cedula,nombres,apellidos,fecha_nacimiento,correo,tipo_asegurado,estado,huella,clave_phc,clave_fecha\n"
			for n := range 12 {
				people += fmt.Sprintf("EXT-000000%x,Amara,Okafor,1990-12-11,amara@example.ec,afiliado,activa,si,"+
					`"$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$RdescudvJCsgt3ub+b3dWRWJTmaQdmdDJnYc0g8xk5A",2026-06-30`+"\n", n)
			}
			i.want(exitDone, "12 lines: 12 added, 0 changed, 0 unchanged, 0 refused", "import", "afiliados", i.write("people.csv", people))
			set := time.Date(2026, time.June, 30, 0, 0, 0, 0, time.UTC)
			dates := map[time.Time]bool{}
			for n := range 12 {
				a, err := i.db.AfiliadoByIdentifier(t.Context(), storage.Identifier(fmt.Sprintf("EXT-000000%X", n)))
				if err != nil {
					t.Fatal(err)
				}
				c, err := i.db.Clave(t.Context(), a.ID)
				if want := i.cfg.renewal().DueAt(set, "", storage.Holder{AfiliadoID: a.ID}); err != nil || !c.DueAt.Equal(want) {
					t.Errorf("due %v, %v, want %v", c.DueAt, err, want)
				}
				dates[c.DueAt.Time] = true
			}
			if len(dates) < 6 {
				t.Errorf("12 claves of one day fall due at %d moments: nothing is spread", len(dates))
			}

			historia := "cedula,empleador_ruc,empleador,anio,mes,dias,sueldo,tipo\n" +
				"EXT-0000001,1790000000001,Florícola,2026,1,30,482.00,normal\nEXT-0000001,1790000000001,Florícola,2026,2,30,482.00,normal\n"
			i.want(exitDone, "2 lines: 2 added, 0 changed, 0 unchanged, 0 refused", "import", "historia", i.write("historia.csv", historia))
			a, err := i.db.AfiliadoByIdentifier(t.Context(), "EXT-0000001")
			if err != nil {
				t.Fatal(err)
			}
			if months, err := i.db.Historia(t.Context(), a.ID); err != nil || len(months) != 2 || months[1].SalaryCents != 48200 {
				t.Errorf("historia: got %+v, %v", months, err)
			}

			mac := i.db.IdentifierMAC(a.Identifier)
			storagetest.InTx(t, i.db, func(tx *storage.Tx) error {
				_, err := tx.LockClave(t.Context(), mac, storage.LockLogin, now)
				return err
			})
			i.want(exitDone, "login since", "afiliado", "show", "EXT-0000001")
			i.want(exitDone, "; she will be told by mail", "afiliado", "unlock", "EXT-0000001", "-reason", "llamada")
			if b, err := i.db.LoginBudget(t.Context(), mac); err != nil || b.LockReason != "" {
				t.Errorf("after unlock: %+v, %v", b, err)
			}
			i.want(exitFailed, "is not locked", "afiliado", "unlock", "EXT-0000001", "-reason", "llamada")

			storagetest.InTx(t, i.db, func(tx *storage.Tx) error {
				_, err := tx.LockClave(t.Context(), mac, storage.LockCompromiso, now)
				return err
			})
			i.want(exitFailed, "only Generar / Recuperar clave lifts", "afiliado", "unlock", "EXT-0000001", "-reason", "llamada")
			if b, err := i.db.LoginBudget(t.Context(), mac); err != nil || b.LockReason != storage.LockCompromiso {
				t.Errorf("after a refused unlock: %+v, %v", b, err)
			}

			if _, err := i.db.SealAudit(t.Context(), 1000); err != nil {
				t.Fatal(err)
			}
			for _, slow := range []string{"audit verify", "audit export", "keys reseal"} {
				var stdout, stderr output
				status := run(t.Context(), program{args: append(strings.Fields(slow), "-config", i.file), stdout: &stdout, stderr: &stderr, now: func() time.Time {
					now = now.Add(3 * time.Second)
					return now
				}})
				what := strings.TrimPrefix(slow, "keys ")
				if status != exitDone || !strings.Contains(stderr.String(), what+": ") || !strings.Contains(stderr.String(), " %, ") {
					t.Errorf("%s, taking long: got %d %q, want its progress", slow, status, &stderr)
				}
			}
		})
	}
}

// leave ends a session that had entered an application, which did not answer yet.
func leave(i *installation, client string, now time.Time) {
	i.Helper()
	a := storagetest.AddAfiliado(i, i.db, storage.Afiliado{})
	storagetest.InTx(i, i.db, func(tx *storage.Tx) error {
		err := tx.AddSession(i.Context(), storage.Session{ID: "session", SecretHash: "x", AfiliadoID: a.ID, ExpiresAt: storage.At(now.Add(time.Hour))})
		if err != nil {
			return err
		}
		if _, err := tx.JoinSession(i.Context(), "session", client, now); err != nil {
			return err
		}
		if _, err := tx.EndSession(i.Context(), "session", "logout", now); err != nil {
			return err
		}
		d, err := tx.LeaseDeliveries(i.Context(), client, 1, now, now.Add(time.Minute))
		if err != nil {
			return err
		}
		return tx.RetryDelivery(i.Context(), d[0], "timeout", now.Add(time.Minute))
	})
}

// kidOf is the id of the key in that state, as keys list shows it.
func kidOf(list, state string) string {
	m := regexp.MustCompile(`(?m)^(\S+)\s+ES256\s+` + state + `\s`).FindStringSubmatch(list)
	if m == nil {
		return ""
	}
	return m[1]
}
