package server

import (
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// The groups of strangers at the login page who must all see the same. The
// order is that of crowd's cédulas.
const (
	groupUnknown  = "unknown"
	groupWrong    = "known, wrong clave"
	groupLocked   = "locked, right clave"
	groupDisabled = "disabled, right clave"
	groupNone     = "never had a clave"
)

const (
	timingClave = "Cotopaxi47"
	timingWrong = "Chimborazo63"
)

// T01 and T17: strangers at the login page get one answer, to the byte, and as
// far as anybody can measure after the same time. The answers are asserted; of
// the times statistics are printed, by "make timing" for 2,000 of each group and
// otherwise not at all. The login page is asked in this process, so that no
// network hides a difference; claves are hashed with 256 KiB in one pass, so
// that neither does the hash, which is the same for all; every identifier comes
// once, and the pressure of the one network is configured away.
func TestTiming_T01_T17_StrangersAtTheLoginPage(t *testing.T) {
	timed(t, 20, 2000, [][2]string{
		{groupWrong, groupUnknown}, {groupLocked, groupWrong}, {groupDisabled, groupUnknown}, {groupNone, groupUnknown},
	}, func(t *testing.T, s *Server, each int, chance *rand.Rand) map[string][]float64 {
		tries := crowd(t, s, each)
		chance.Shuffle(len(tries), func(i, j int) { tries[i], tries[j] = tries[j], tries[i] })
		took := map[string][]float64{}
		want := ""
		for i, a := range tries {
			answer, ms := a.at(s)
			if want = cmp.Or(want, answer); answer != want {
				t.Fatalf("T01: attempt %d, %s, got another answer:\n%s\nwant:\n%s", i, a.group, answer, want)
			}
			if i >= len(tries)/20 { // the first ones warm up connections and statements
				took[a.group] = append(took[a.group], ms)
			}
		}
		return took
	})
}

// try is one person typing a clave in a browser that nobody knows.
type try struct {
	group  string
	cedula storage.Identifier
	clave  string
}

// crowd fills the database with each people of every group that has any, and
// returns one attempt of each.
func crowd(t *testing.T, s *Server, each int) []try {
	t.Helper()
	phc, err := mustHasher(t, s.cfg.Hash).Make(t.Context(), timingClave)
	if err != nil {
		t.Fatal(err)
	}
	var file strings.Builder
	w := csv.NewWriter(&file)
	line := func(fields ...string) {
		if err := w.Write(fields); err != nil {
			t.Fatal(err)
		}
	}
	line("cedula", "nombres", "apellidos", "fecha_nacimiento", "tipo_asegurado", "estado", "huella", "clave_phc", "clave_fecha")
	var tries []try
	for g, group := range []string{groupUnknown, groupWrong, groupLocked, groupDisabled, groupNone} {
		for i := range each {
			a := try{group, cedulaOf(g*each + i), timingClave}
			if group == groupWrong {
				a.clave = timingWrong
			}
			tries = append(tries, a)
			switch group {
			case groupUnknown:
			case groupNone:
				line(string(a.cedula), "Prueba", "Prueba", "1980-01-01", "afiliado", "activa", "si", "", "")
			default:
				line(string(a.cedula), "Prueba", "Prueba", "1980-01-01", "afiliado", "activa", "si", phc, time.Now().Format(time.DateOnly))
			}
		}
	}
	w.Flush()
	report, err := s.db.ImportAfiliados(t.Context(), strings.NewReader(file.String()), importing())
	if err != nil || report.Added != int64(4*each) {
		t.Fatalf("import: %+v, %v", report, err)
	}
	storagetest.InTx(t, s.db, func(tx *storage.Tx) error { return lockAndDisable(t.Context(), s.db, tx, tries) })
	return tries
}

func lockAndDisable(ctx context.Context, db *storage.DB, tx *storage.Tx, tries []try) error {
	for _, a := range tries {
		switch a.group {
		case groupLocked:
			if _, err := tx.LockClave(ctx, db.IdentifierMAC(a.cedula), storage.LockLogin, time.Now()); err != nil {
				return err
			}
		case groupDisabled:
			who, err := tx.AfiliadoByIdentifier(ctx, a.cedula)
			if err != nil {
				return err
			}
			if err := tx.DisableAfiliado(ctx, who.ID, "prueba", time.Now()); err != nil {
				return err
			}
		}
	}
	return nil
}

// changing is what differs between any two answers: ids and secrets.
var changing = regexp.MustCompile(`[A-Z2-7]{26}|[A-Za-z0-9_-]{43}`)

// at makes the attempt and returns the answer without what always differs, and
// the milliseconds it took.
func (a try) at(s *Server) (string, float64) {
	form := url.Values{"cedula": {string(a.cedula)}, "clave": {a.clave}}.Encode()
	r := httptest.NewRequest(http.MethodPost, "/ingresar", strings.NewReader(form))
	r.Host = s.issuer.Host
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", s.issuer.String())
	w := httptest.NewRecorder()
	start := time.Now()
	s.public.ServeHTTP(w, r)
	took := time.Since(start)
	answer := strings.Builder{}
	fmt.Fprintln(&answer, w.Code)
	_ = w.Header().Write(&answer) // a strings.Builder takes everything
	answer.WriteString(w.Body.String())
	text := strings.ReplaceAll(answer.String(), string(a.cedula), "CEDULA")
	return changing.ReplaceAllString(text, "SECRET"), float64(took.Microseconds()) / 1000
}

// cedulaOf is the nth of many valid cédulas.
func cedulaOf(n int) storage.Identifier {
	base := fmt.Sprintf("%02d%07d", n%24+1, 5_000_000+n/24)
	return storage.Identifier(base + string(login.CheckDigit(base)))
}

func mustHasher(t *testing.T, cfg login.HashConfig) *login.Hasher {
	t.Helper()
	h, err := login.NewHasher(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return h
}
