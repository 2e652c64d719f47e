package storage_test

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

// plainIdentifier stands for login's rule: ten digits are a cédula, EXT-… a code.
func plainIdentifier(s string) (storage.Identifier, string, error) {
	switch {
	case strings.HasPrefix(s, "EXT-"):
		return storage.Identifier(s), storage.IdentifierCodigo, nil
	case len(s) == 10 && strings.Trim(s, "0123456789") == "":
		return storage.Identifier(s), storage.IdentifierCedula, nil
	}
	return "", "", errors.New("is not a cédula of ten digits")
}

// importing are options that keep what was refused.
func importing(refused *[]string) storage.ImportOptions {
	return storage.ImportOptions{
		Identifier: plainIdentifier,
		Now:        func() time.Time { return now },
		ClaveDue:   func(set time.Time, _ string) time.Time { return set.AddDate(0, 0, 365) },
		Refused: func(r storage.Refusal) error {
			*refused = append(*refused, r.String())
			return nil
		},
	}
}

const afiliadosHeader = "cedula,nombres,apellidos,fecha_nacimiento,correo,celular,convencional,tipo_asegurado,estado,huella\n"

// generated writes n people, without a heap of its own.
type generated struct {
	n, next int64
	rest    []byte
}

func (g *generated) line(i int64) []byte {
	return fmt.Appendf(nil, "17%08d,Persona %08d,De la Prueba,1980-05-17,persona%08d@example.org,09%08d,023945666,afiliado,activa,si\n", i, i, i, i)
}

// Read implements io.Reader.
func (g *generated) Read(p []byte) (int, error) {
	if len(g.rest) == 0 {
		switch {
		case g.next > g.n:
			return 0, io.EOF
		case g.next == 0:
			g.rest = []byte(afiliadosHeader)
		default:
			g.rest = g.line(g.next - 1)
		}
		g.next++
	}
	n := copy(p, g.rest)
	g.rest = g.rest[n:]
	return n, nil
}

// Seek implements io.Seeker for the one move an import makes: to the start.
func (g *generated) Seek(_ int64, _ int) (int64, error) {
	g.next, g.rest = 0, nil
	return 0, nil
}

func importAfiliados(t testing.TB, db *storage.DB, file string, opts storage.ImportOptions) storage.ImportReport {
	t.Helper()
	report, err := db.ImportAfiliados(t.Context(), strings.NewReader(file), opts)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestImportStoresPeople(t *testing.T) {
	const phc = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$RdescudvJCsgt3ub+b3dWRWJTmaQdmdDJnYc0g8xk5A"
	file := "\ufeffCedula,Apellidos,Nombres,fecha_nacimiento,correo,celular,convencional,tipo_asegurado,estado,huella,clave_phc,clave_fecha\r\n" +
		"1759999913,\"Quishpe, Andrade\",María Fernanda,1985-03-14,maria@example.org,099 123 4567,+593 2 394 5666,pensionista|afiliado,activa,sí,\"" + phc + "\",2026-01-31\r\n" +
		"\r\n" +
		"EXT-0004711,Okafor,Amara,1990-12-11,,+44 20 7946 0958,,afiliado,INACTIVA,no,,\r\n"
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		var refused []string
		report := importAfiliados(t, db, file, importing(&refused))
		if want := (storage.ImportReport{Lines: 2, Added: 2}); report != want || len(refused) > 0 {
			t.Fatalf("got %+v, %q; want %+v", report, refused, want)
		}
		a, err := db.AfiliadoByIdentifier(t.Context(), "1759999913")
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprint(a.Name(), a.Birthdate, a.Email, a.Mobile, a.Landline, a.Kinds, a.Estado, a.Fingerprint, a.EmailVerified, a.IdentifierType)
		want := fmt.Sprint("María Fernanda Quishpe, Andrade", "1985-03-14", "maria@example.org", "+593991234567", "+59323945666",
			[]string{"afiliado", "pensionista"}, "activa", true, false, "cedula")
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		c, err := db.Clave(t.Context(), a.ID)
		if err != nil {
			t.Fatal(err)
		}
		set := time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)
		if c.PHC != phc || !c.CreatedAt.Equal(set) || !c.DueAt.Equal(set.AddDate(0, 0, 365)) {
			t.Errorf("got %+v, want the clave of the file", c)
		}
		if past, err := db.ClaveHistory(t.Context(), a.ID, 5); err != nil || !slices.Equal(past, []string{phc}) {
			t.Errorf("got history %q, %v; want the clave", past, err)
		}
		b, err := db.AfiliadoByIdentifier(t.Context(), "EXT-0004711")
		if err != nil || b.Mobile != "+442079460958" || b.Email != "" || b.Estado != "inactiva" || b.IdentifierType != "codigo" {
			t.Errorf("got %+v, %v; want the foreigner", b, err)
		}
		if _, err := db.Clave(t.Context(), b.ID); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("got %v, want no clave", err)
		}
		if n := count(t, raw, `SELECT COUNT(*) FROM audit WHERE event = 'import.finished' AND actor = 'operator'`); n != 1 {
			t.Errorf("%d audit rows tell of the import, want 1", n)
		}
	})
}

// A file of the registry brings its data up to date; what the person has done
// here stays hers.
func TestImportAgainTouchesNoClaveLockOrSession(t *testing.T) {
	const phc = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$RdescudvJCsgt3ub+b3dWRWJTmaQdmdDJnYc0g8xk5A"
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		a := maria("1759999913")
		a.EmailVerified, a.PhoneVerified, a.Locale = true, true, "en"
		mac := db.IdentifierMAC(a.Identifier)
		inTx(t, db, func(tx *storage.Tx) error {
			if err := tx.AddAfiliado(t.Context(), a); err != nil {
				return err
			}
			if err := tx.SetClave(t.Context(), storage.Clave{AfiliadoID: a.ID, PHC: "her own", CreatedAt: storage.At(now)}, 5); err != nil {
				return err
			}
			if _, err := tx.LockClave(t.Context(), mac, storage.LockOperador, now); err != nil {
				return err
			}
			if err := tx.DisableAfiliado(t.Context(), a.ID, "asked", now); err != nil {
				return err
			}
			return tx.KeepDevice(t.Context(), storage.Device{ID: "d", SecretHash: "h", AfiliadoID: a.ID, ExpiresAt: storage.At(now.Add(time.Hour))})
		})
		session(t, db, a.ID)
		rest := func() string {
			var kept []string
			for _, line := range strings.Split(dump(t, db, raw), "\n") {
				table, _, _ := strings.Cut(line, " ")
				if !slices.Contains([]string{"afiliado", "import_run", "audit", "audit_pending"}, table) {
					kept = append(kept, line)
				}
			}
			return strings.Join(kept, "\n")
		}
		before := rest()
		var refused []string
		file := strings.TrimSuffix(afiliadosHeader, "\n") + ",clave_phc,clave_fecha\n" +
			"1759999913,María Fernanda,Quishpe de Mina,1985-03-14,maria@example.org,0987654321,,afiliado,inactiva,no," + quoted(phc) + ",2026-01-31\n"
		if report := importAfiliados(t, db, file, importing(&refused)); report != (storage.ImportReport{Lines: 1, Updated: 1}) {
			t.Fatalf("got %+v, %q; want one updated", report, refused)
		}
		got, err := db.Afiliado(t.Context(), a.ID)
		if err != nil {
			t.Fatal(err)
		}
		if got.FamilyName != "Quishpe de Mina" || got.Mobile != "+593987654321" || got.Landline != "" || got.Estado != "inactiva" || got.Fingerprint {
			t.Errorf("got %+v, want the file's data", got)
		}
		if !got.EmailVerified || got.PhoneVerified || got.Locale != "en" || !got.Disabled() || !got.CreatedAt.Equal(now) {
			t.Errorf("got %+v, want the same mail proven, the new phone not, the rest kept", got)
		}
		if after := rest(); after != before {
			t.Errorf("got %s, want %s", after, before)
		}
		if report := importAfiliados(t, db, file, importing(&refused)); report != (storage.ImportReport{Lines: 1, Unchanged: 1}) {
			t.Errorf("got %+v, want one unchanged", report)
		}
	})
}

func quoted(s string) string { return `"` + s + `"` }

func TestImportLastLineOfAPersonHolds(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		var refused []string
		line := "1759999913,%s,Quishpe,1985-03-14,,,,afiliado,activa,si\n"
		report := importAfiliados(t, db, afiliadosHeader+fmt.Sprintf(line, "Una")+fmt.Sprintf(line, "Otra"), importing(&refused))
		a, err := db.AfiliadoByIdentifier(t.Context(), "1759999913")
		if err != nil || a.GivenName != "Otra" || report != (storage.ImportReport{Lines: 2, Added: 1, Updated: 1}) {
			t.Errorf("got %+v, %v, %+v; want the later name", a, err, report)
		}
	})
}

// Every line that cannot be used is named with its column and the reason; the
// others are imported.
func TestImportReportsEveryRefusedLine(t *testing.T) {
	good := strings.Split("1759999913,María,Quishpe,1985-03-14,maria@example.org,0991234567,023945666,afiliado,activa,si,,", ",")
	line := func(column int, value string) string {
		fields := slices.Clone(good)
		fields[column] = value
		return strings.Join(fields, ",")
	}
	for _, tt := range []struct{ name, line, want string }{
		{"no identifier", line(0, ""), "line 2, cedula: is not a cédula of ten digits"},
		{"no name", line(1, "  "), "line 2, nombres: is empty"},
		{"name without letters", line(1, "12345"), "line 2, nombres: contains no letter"},
		{"long name", line(2, strings.Repeat("ñ", 101)), "line 2, apellidos: is longer than 100 characters"},
		{"control character", line(2, "Quish\tpe"), "line 2, apellidos: contains a control character"},
		{"30 February", line(3, "1985-02-30"), "line 2, fecha_nacimiento: is not a date written YYYY-MM-DD"},
		{"date as people write it", line(3, "14/03/1985"), "line 2, fecha_nacimiento: is not a date written YYYY-MM-DD"},
		{"not born", line(3, "2027-01-01"), "line 2, fecha_nacimiento: lies in the future"},
		{"born too long ago", line(3, "1885-01-01"), "line 2, fecha_nacimiento: lies more than 130 years back"},
		{"mail", line(4, "maria(at)example.org"), "line 2, correo: not an e-mail address"},
		{"mail with a name", line(4, "María <maria@example.org>"), "line 2, correo: not an e-mail address"},
		{"celular", line(5, "0891234567"), "line 2, celular: not a celular: write 09 and eight digits more, or + and the country code from abroad"},
		{"convencional", line(6, "093945666"), "line 2, convencional: not a convencional: write 02 to 07 and seven digits more, or + and the country code from abroad"},
		{"kind", line(7, "jubilado"), "line 2, tipo_asegurado: is none of afiliado, pensionista, beneficiario"},
		{"no kind", line(7, ""), "line 2, tipo_asegurado: is empty; write afiliado, pensionista or beneficiario"},
		{"estado", line(8, "pasiva"), "line 2, estado: is neither activa nor inactiva"},
		{"huella", line(9, "quizás"), "line 2, huella: is neither si nor no"},
		{"clave in clear", line(10, "Cotopaxi47"), "line 2, clave_phc: is not an Argon2id hash; other schemes are not imported, their people set a new clave"},
		{"bcrypt", line(10, "$2b$12$abc"), "line 2, clave_phc: is not an Argon2id hash; other schemes are not imported, their people set a new clave"},
		{"cut PHC", line(10, quoted("$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA")), "line 2, clave_phc: is not a whole Argon2id PHC string ($argon2id$v=19$m=…,t=…,p=…$salt$hash)"},
		{"costly PHC", line(10, quoted("$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$RdescudvJCsgt3ub+b3dWRWJTmaQdmdDJnYc0g8xk5A")), `line 2, clave_phc: its parameter "m" is outside 8 to 262144`},
		{"PHC without date", line(10, quoted("$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$RdescudvJCsgt3ub+b3dWRWJTmaQdmdDJnYc0g8xk5A")), "line 2, clave_fecha: is not a date written YYYY-MM-DD; it is required with clave_phc"},
		{"too few values", "1759999913,María", "line 2: the line has 2 values, the header 12"},
		{"open quote", `1759999913,"María` + strings.Repeat(",", 10), "line 2: a quotation mark is not closed on the same line, or stands inside an unquoted value"},
		{"quote inside", `1759999913,Ma"ría` + strings.Repeat(",", 10), "line 2: a quotation mark is not closed on the same line, or stands inside an unquoted value"},
		{"NUL", line(1, "Mar\x00a"), "line 2: the line contains a NUL character"},
		{"Latin-1", line(1, "Mar\xeda"), "line 2: the line is not UTF-8; save the file as UTF-8"},
		{"endless line", line(1, strings.Repeat("a", 65<<10)), "line 2: the line is longer than 65536 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db := openEngine(t, "sqlite")
			header := strings.TrimSuffix(afiliadosHeader, "\n") + ",clave_phc,clave_fecha\n"
			var refused []string
			report := importAfiliados(t, db, header+tt.line+"\n"+line(0, "0959999913")+"\n", importing(&refused))
			if want := (storage.ImportReport{Lines: 2, Added: 1, Refused: 1}); report != want || !slices.Equal(refused, []string{tt.want}) {
				t.Errorf("got %+v, %q; want %+v, %q", report, refused, want, tt.want)
			}
		})
	}
}

func TestImportRefusesTheFile(t *testing.T) {
	db := openEngine(t, "sqlite")
	for _, tt := range []struct{ name, file, want string }{
		{"empty", "", "the file is empty"},
		{"no header", "1759999913,María\n", `unknown column "1759999913"`},
		{"unknown column", strings.Replace(afiliadosHeader, "correo", "email", 1), `unknown column "email"`},
		{"column twice", strings.Replace(afiliadosHeader, "correo", "celular", 1), `names "celular" twice`},
		{"column missing", strings.Replace(afiliadosHeader, ",huella", "", 1), `lacks the column "huella"`},
		{"UTF-16", "\xff\xfec\x00e\x00d\x00", "NUL"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var refused []string
			_, err := db.ImportAfiliados(t.Context(), strings.NewReader(tt.file), importing(&refused))
			if !errors.Is(err, storage.ErrImportFile) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// Spreadsheets in Ecuador separate by semicolons; the last line may have no end.
func TestImportTakesSemicolons(t *testing.T) {
	db := openEngine(t, "sqlite")
	var refused []string
	var progress bytes.Buffer
	opts := importing(&refused)
	opts.Progress = func(done, total int64) { fmt.Fprint(&progress, done, "/", total, " ") }
	file := strings.ReplaceAll(afiliadosHeader+"1759999913,María,Quishpe,1985-03-14,,,,afiliado,activa,si", ",", ";")
	report := importAfiliados(t, db, file, opts)
	if report != (storage.ImportReport{Lines: 1, Added: 1}) {
		t.Errorf("got %+v, %q; want one added", report, refused)
	}
	if want := fmt.Sprintf("%d/%d ", len(file), len(file)); progress.String() != want {
		t.Errorf("got progress %q, want %q", progress.String(), want)
	}
}
